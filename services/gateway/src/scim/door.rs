//! Who comes in here, and what the handlers share.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use edge::TokenTable;
use relay::Relay;
use store::Store;

use super::clock::Clock;
use super::config::ScimConfig;
use super::mapping::Mapping;
use crate::SERVICE;
use crate::admission::Source;
use crate::http::Gate;

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Door {
    pub(super) gate: Arc<Gate>,
    pub(super) store: Store,
    pub(super) relay: Relay,
    pub(super) clock: Clock,
    providers: HashMap<String, Arc<Provider>>,
    tokens: TokenTable<String>,
}

/// An identity provider.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) source: Source,
    pub(super) mapping: Mapping,
    pub(super) public_url: Option<String>,
}

impl Provider {
    pub(super) fn name(&self) -> &str {
        &self.source.name
    }

    /// The source of its events.
    pub(super) fn event_source(&self) -> String {
        event_source(self.name())
    }
}

/// The source of the events of the provider of this name.
pub(super) fn event_source(provider: &str) -> String {
    format!("{provider}/scim")
}

impl Door {
    /// The configuration must have no fault.
    pub(crate) fn open(configs: Vec<ScimConfig>, store: Store, gate: Arc<Gate>) -> Self {
        let relay = Relay::new(SERVICE, store.clone(), gate.bus.clone());
        let tokens = configs.iter().map(|config| (config.token, config.name.clone())).collect();
        let now = Instant::now();
        let provider = |config: ScimConfig| {
            let mapping = Mapping::compile(&config).expect("the configuration was checked");
            telemetry::metrics::register_source(&config.name);
            let rate = config.events_per_second_max;
            let source = Source::of_webhook(config.name.clone(), None, rate, config.access, now);
            let public_url = config.public_url.map(|url| url.trim_end_matches('/').to_owned());
            (config.name, Arc::new(Provider { source, mapping, public_url }))
        };
        let providers = configs.into_iter().map(provider).collect();
        Self { gate, store, relay, clock: Clock::default(), providers, tokens: TokenTable::new(tokens) }
    }

    /// Publishes what waits in the outbox; see [`Relay::run`].
    pub(crate) fn relay(&self) -> Relay {
        self.relay.clone()
    }

    pub(super) fn is_provider(&self, name: &str) -> bool {
        self.providers.contains_key(name)
    }

    pub(super) fn public_url(&self, name: &str) -> Option<&str> {
        self.providers.get(name)?.public_url.as_deref()
    }

    /// The provider that holds `token`.
    pub(super) fn provider_of(&self, token: &str) -> Option<Arc<Provider>> {
        self.providers.get(self.tokens.find(token)?).map(Arc::clone)
    }
}
