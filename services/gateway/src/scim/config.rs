//! The configuration of identity providers.

use std::collections::{BTreeMap, HashSet};

use edge::{AccessRule, TokenHash};
use serde::Deserialize;

use super::mapping::ProviderMapping;
use crate::GatewayConfig;

/// The path segments below `/scim/v2` that SCIM defines; no source may have such a name.
const RESERVED: [&str; 7] =
    ["Users", "Groups", "Bulk", "Schemas", "ResourceTypes", "ServiceProviderConfig", ".search"];

/// An identity provider that treats Usher as an application.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScimConfig {
    /// The name in the path, in metrics and in logs.
    pub name: String,
    /// The hash of its token: `sha256:<64 hex digits>`.
    pub token: TokenHash,
    /// The SCIM attribute that is a person's key. Defaults to `externalId`, or to `id` for a person without it.
    #[serde(default)]
    pub key: Option<String>,
    /// Attribute mappings by Usher's name: a SCIM path or an expression over
    /// SCIM paths, in addition to the default table. `null` removes one.
    #[serde(default)]
    pub attributes: BTreeMap<String, Option<String>>,
    /// The base URL at which the provider reaches this service, such as
    /// `https://usher.example.com`, if it differs from that of its requests.
    #[serde(default)]
    pub public_url: Option<String>,
    /// The maximum number of events per second that it may cause, on average; unlimited if left out.
    #[serde(default)]
    pub events_per_second_max: Option<u32>,
    /// The addresses and certificates from which it may connect; any if left out.
    #[serde(default)]
    pub access: AccessRule,
}

/// Returns the first fault of the identity providers, if any. Their names are checked with those of all sources.
pub(crate) fn config_fault(config: &GatewayConfig) -> Option<String> {
    if config.scim.is_empty() {
        return None;
    }
    if config.database.is_none() {
        return Some("`scim` needs a `database`, which keeps the resources of identity providers".to_owned());
    }
    let mut tokens: HashSet<TokenHash> = config.sources.iter().map(|source| source.token).collect();
    config.scim.iter().find_map(|provider| provider.fault(&mut tokens))
}

impl ScimConfig {
    /// Returns the first fault of the provider, if any. `tokens` are those of other sources.
    fn fault(&self, tokens: &mut HashSet<TokenHash>) -> Option<String> {
        let name = &self.name;
        if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
            return Some(format!("no identity provider can be called {name}: SCIM reserves this name"));
        }
        if !tokens.insert(self.token) {
            return Some(format!("the identity provider {name} has the token of another source"));
        }
        let web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        if self.public_url.as_ref().is_some_and(|url| !web(url)) {
            return Some(format!("public_url of the identity provider {name} must begin with https://"));
        }
        ProviderMapping::compile(self).err().map(|why| format!("the identity provider {name}: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fault_of(changes: serde_json::Value) -> Option<String> {
        let mut provider = json!({"name": "entra", "token": TokenHash::of("t").to_string()});
        for (name, value) in changes.as_object().unwrap() {
            provider[name] = value.clone();
        }
        let config = json!({"database": "sqlite::memory:", "scim": [provider]});
        serde_json::from_value::<GatewayConfig>(config).unwrap().fault()
    }

    #[test]
    fn a_provider_needs_a_database_and_a_name_of_its_own() {
        assert_eq!(fault_of(json!({})), None);
        let alone = json!({"scim": [{"name": "entra", "token": TokenHash::of("t").to_string()}]});
        assert!(
            serde_json::from_value::<GatewayConfig>(alone).unwrap().fault().unwrap().contains("database")
        );
        assert!(fault_of(json!({"name": "users"})).unwrap().contains("SCIM reserves"));
        assert!(fault_of(json!({"name": "a/b"})).unwrap().contains("source name"));
        assert!(fault_of(json!({"public_url": "usher"})).unwrap().contains("https://"));
        let twice = json!({"database": "sqlite::memory:",
            "sources": [{"name": "hr", "token": TokenHash::of("t").to_string()}],
            "scim": [{"name": "entra", "token": TokenHash::of("t").to_string()}]});
        assert!(
            serde_json::from_value::<GatewayConfig>(twice)
                .unwrap()
                .fault()
                .unwrap()
                .contains("token of another")
        );
    }

    #[test]
    fn a_mapping_that_is_none_is_refused_at_the_start() {
        assert_eq!(
            fault_of(json!({"attributes": {"costCenter": "urn:x:1.0:User:cost", "mail": null}})),
            None
        );
        assert_eq!(
            fault_of(json!({"attributes": {"full": "Join(\" \", [name.givenName], [name.familyName])"}})),
            None
        );
        assert!(fault_of(json!({"attributes": {"full": "Join("}})).unwrap().contains("full"));
        assert!(fault_of(json!({"key": "a.b.c"})).unwrap().contains("key"));
    }
}
