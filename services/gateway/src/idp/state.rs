//! The app state of the SCIM handlers, and the identity providers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use edge::{SharedTokenTable, TokenHash};
use lifecycle::SenderRights;
use relay::OutboxPublisher;
use store::Store;

use super::clock::ChangeClock;
use super::config::ScimConfig;
use super::mapping::ProviderMapping;
use crate::SERVICE;
use crate::intake::admission::AdmittedSource;
use crate::intake::state::IntakeState;

/// The state that the SCIM handlers share.
#[derive(Debug)]
pub(crate) struct ScimState {
    pub(super) intake: Arc<IntakeState>,
    pub(super) store: Store,
    pub(super) relay: OutboxPublisher,
    pub(super) clock: ChangeClock,
    /// The providers by name.
    providers: HashMap<String, Arc<IdentityProvider>>,
    /// The providers' names by token.
    tokens: SharedTokenTable<String>,
}

/// An identity provider.
#[derive(Debug)]
pub(super) struct IdentityProvider {
    pub(super) source: AdmittedSource,
    pub(super) mapping: ProviderMapping,
    /// The configured base URL, without a trailing slash.
    pub(super) public_url: Option<String>,
}

impl IdentityProvider {
    /// Returns the provider's name in the configuration.
    pub(super) fn name(&self) -> &str {
        &self.source.name
    }

    /// Returns the source of its events.
    pub(super) fn event_source(&self) -> String {
        event_source(self.name())
    }
}

/// Returns the source of the events of the provider of this name.
pub(super) fn event_source(provider: &str) -> String {
    format!("{provider}/scim")
}

impl ScimState {
    /// Builds the state from a configuration that was validated before.
    pub(crate) fn open(configs: Vec<ScimConfig>, store: Store, intake: Arc<IntakeState>) -> Self {
        let relay = OutboxPublisher::new(SERVICE, store.clone(), intake.bus.clone());
        let tokens = configs.iter().map(|config| (config.token, config.name.clone())).collect();
        let now = Instant::now();
        let provider = |config: ScimConfig| {
            let mapping = ProviderMapping::compile(&config).expect("the configuration was checked");
            telemetry::metrics::register_source(&config.name);
            let rate = config.events_per_second_max;
            let rights = config.may.unwrap_or_else(SenderRights::everything);
            let source = AdmittedSource::of_webhook(config.name.clone(), rights, rate, config.access, now);
            let public_url = config.public_url.map(|url| url.trim_end_matches('/').to_owned());
            (config.name, Arc::new(IdentityProvider { source, mapping, public_url }))
        };
        let providers = configs.into_iter().map(provider).collect();
        Self {
            intake,
            store,
            relay,
            clock: ChangeClock::default(),
            providers,
            tokens: SharedTokenTable::new(tokens),
        }
    }

    /// Returns the outbox publisher; see [`OutboxPublisher::run`].
    pub(crate) fn relay(&self) -> OutboxPublisher {
        self.relay.clone()
    }

    /// Returns whether a provider has this name.
    pub(super) fn is_provider(&self, name: &str) -> bool {
        self.providers.contains_key(name)
    }

    /// Returns the configured base URL of a provider, if it has one.
    pub(super) fn public_url(&self, name: &str) -> Option<&str> {
        self.providers.get(name)?.public_url.as_deref()
    }

    /// Returns the provider that holds `token`.
    pub(super) fn provider_of(&self, token: &str) -> Option<Arc<IdentityProvider>> {
        self.providers.get(self.tokens.current().find(token)?).map(Arc::clone)
    }

    /// Returns the tokens of the providers, by name.
    pub(crate) fn tokens(&self) -> &SharedTokenTable<String> {
        &self.tokens
    }

    /// Accepts the tokens of these providers from now on, as far as they were configured at the start.
    pub(crate) fn replace_tokens(&self, configs: &[ScimConfig]) {
        let known = configs.iter().filter(|config| self.providers.contains_key(&config.name));
        let tokens: Vec<(TokenHash, String)> =
            known.map(|config| (config.token, config.name.clone())).collect();
        self.tokens.replace(tokens);
    }
}
