//! The configuration of identity providers.

use std::collections::{BTreeMap, HashSet};

use edge::{AccessRule, TokenHash};
use lifecycle::SenderRights;
use serde::Deserialize;

use super::mapping::ProviderMapping;

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
    /// What it may say. If left out: everything for the first such sender, the least for others.
    #[serde(default)]
    pub may: Option<SenderRights>,
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

impl ScimConfig {
    /// Returns the first fault of the provider, if any. `tokens` are those of other sources.
    pub(crate) fn fault(&self, tokens: &mut HashSet<TokenHash>) -> Option<String> {
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
