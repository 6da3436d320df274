//! The credentials that the gateway accepts. They are read again without a restart.

use std::collections::BTreeMap;
use std::sync::Arc;

use edge::{SharedTokenTable, TokenHash};

use crate::config::GatewayConfig;
use crate::http::AppState;
use crate::idp::ScimState;
use crate::intake::admission::AdmittedSource;

/// The credentials that the gateway accepts. They can be replaced while it runs.
#[derive(Debug, Clone)]
pub struct GatewayCredentials {
    pub(crate) state: Arc<AppState>,
    pub(crate) scim: Option<Arc<ScimState>>,
}

/// The token of each source, by name.
type TokensByName = BTreeMap<String, TokenHash>;

impl GatewayCredentials {
    /// Accepts the credentials in `config` from now on, and returns a description of each change: tokens of sources, uploads and
    /// identity providers, and secrets of webhooks. Every other setting stays as it was at the start.
    ///
    /// # Errors
    /// Returns the fault of the configuration. The credentials stay as they are.
    pub fn reload(&self, config: &GatewayConfig) -> Result<Vec<String>, String> {
        config.check()?;
        let mut changes = self.reload_sources(config);
        for feed in &config.feeds {
            let Some(known) = self.state.feeds.get(&feed.name) else { continue };
            let fresh: Vec<_> =
                feed.upload_token(&config.sources).map(|token| (token, ())).into_iter().collect();
            if known
                .tokens
                .current()
                .entries()
                .map(|(hash, ())| *hash)
                .ne(fresh.iter().map(|(hash, ())| *hash))
            {
                changes.push(format!("feed {}: another token for uploads", feed.name));
            }
            known.tokens.replace(fresh);
        }
        self.reload_webhooks(config, &mut changes);
        if let Some(scim) = &self.scim {
            let before = by_name(scim.tokens(), String::clone);
            scim.replace_tokens(&config.scim);
            describe_changes(
                "identity provider",
                &before,
                &by_name(scim.tokens(), String::clone),
                &mut changes,
            );
        }
        Ok(changes)
    }

    fn reload_sources(&self, config: &GatewayConfig) -> Vec<String> {
        let mut changes = Vec::new();
        let known: BTreeMap<&str, &Arc<AdmittedSource>> =
            self.state.admitted.iter().map(|source| (source.name.as_str(), source)).collect();
        let mut entries = Vec::new();
        for source in &config.sources {
            match known.get(source.name.as_str()) {
                Some(admitted) => entries.push((source.token, Arc::clone(admitted))),
                None => changes.push(format!("source {} is new: it needs a restart", source.name)),
            }
        }
        let name = |source: &Arc<AdmittedSource>| source.name.clone();
        let before = by_name(&self.state.sources, name);
        self.state.sources.replace(entries);
        describe_changes("source", &before, &by_name(&self.state.sources, name), &mut changes);
        changes
    }

    fn reload_webhooks(&self, config: &GatewayConfig, changes: &mut Vec<String>) {
        for webhook in &config.webhooks {
            match self.state.webhooks.get(&webhook.name) {
                Some(known) => {
                    known.replace_verifier(webhook.verifier.clone());
                    changes.push(format!("webhook {}: its secrets were read again", webhook.name));
                }
                None => changes.push(format!("webhook {} is new: it needs a restart", webhook.name)),
            }
        }
        let is_gone = |name: &&String| !config.webhooks.iter().any(|webhook| webhook.name == **name);
        for name in self.state.webhooks.keys().filter(is_gone) {
            changes.push(format!("webhook {name} is still accepted: its removal needs a restart"));
        }
    }
}

fn by_name<T>(table: &SharedTokenTable<T>, name: impl Fn(&T) -> String) -> TokensByName {
    table.current().entries().map(|(hash, holder)| (name(holder), *hash)).collect()
}

fn describe_changes(kind: &str, before: &TokensByName, after: &TokensByName, changes: &mut Vec<String>) {
    for (name, token) in before {
        match after.get(name) {
            None => changes.push(format!("{kind} {name}: its token was revoked")),
            Some(fresh) if fresh != token => changes.push(format!("{kind} {name}: another token")),
            Some(_) => {}
        }
    }
    let back = after.keys().filter(|name| !before.contains_key(*name));
    changes.extend(back.map(|name| format!("{kind} {name}: its token is accepted again")));
}
