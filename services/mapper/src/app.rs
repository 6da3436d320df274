//! Builds the mapper and runs it.

use std::path::PathBuf;
use std::sync::Arc;

use bus::{Bus, BusError, Feed};
use relay::Relay;
use store::{Store, StoreError};
use telemetry::{Latch, Readiness, Shutdown};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::SERVICE;
use crate::config::Config;
use crate::later::Later;
use crate::live::Live;
use crate::migrations::Migrator;
use crate::policies::{self, PoliciesError, PolicySet};

/// The mapper, ready to run.
pub struct App {
    live: Live,
    later: Later,
    relay: Relay,
    folder: PathBuf,
    publish: watch::Sender<Arc<PolicySet>>,
    ready: Latch,
}

/// The mapper could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The database.
    #[error("the mapper's database")]
    Store {
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The policies.
    #[error("the policies in `mapper.policies`")]
    Policies {
        /// Why.
        #[source]
        source: PoliciesError,
    },
}

/// The mapper ended although nobody asked it to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// EVENTS cannot be read.
    #[error("could not read events")]
    Consume {
        /// Why.
        #[source]
        source: BusError,
    },
    /// A part panicked.
    #[error("a part of the mapper panicked")]
    Panicked,
}

/// Opens the database, brings its tables up to date and reads the policies.
///
/// # Errors
/// See [`BuildError`].
pub async fn build(config: Config, bus: Bus, readiness: Readiness) -> Result<App, BuildError> {
    let ready = readiness.latch("mapper");
    let store =
        Store::open::<Migrator>(&config.database).await.map_err(|source| BuildError::Store { source })?;
    let set = policies::read(&config.policies).map_err(|source| BuildError::Policies { source })?;
    if set.iter().next().is_none() {
        tracing::warn!(folder = %config.policies.display(), "there is no policy: events are merged, and nobody gets anything");
    }
    let (publish, policies) = watch::channel(Arc::new(set));
    let relay = Relay::new(SERVICE, store.clone(), bus.clone());
    Ok(App {
        live: Live { store: store.clone(), bus, relay: relay.clone(), policies: policies.clone() },
        later: Later { store, relay: relay.clone(), policies },
        relay,
        folder: config.policies,
        publish,
        ready,
    })
}

impl App {
    /// Runs until shutdown, or until a part fails.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn run(self, shutdown: Shutdown) -> Result<(), RunError> {
        if let Err(error) = self.relay.catch_up().await {
            tracing::warn!(error = %error, "could not publish what was left behind yet");
        }
        let relay = tokio::spawn(self.relay.run(shutdown.soft.clone()));
        let lag = tokio::spawn(self.live.bus.clone().watch_lag(Feed::Events, SERVICE));
        let mut parts = JoinSet::new();
        parts.spawn(self.live.run(self.ready, shutdown.clone()));
        let (later, stop) = (self.later, shutdown.clone());
        parts.spawn(async move {
            later.run(stop).await;
            Ok(())
        });
        let (folder, publish, stop) = (self.folder, self.publish, shutdown.soft.clone());
        parts.spawn(async move {
            policies::watch_folder(folder, publish, stop).await;
            Ok(())
        });
        let mut ended = Ok(());
        while let Some(part) = parts.join_next().await {
            if let Err(error) = part.unwrap_or(Err(RunError::Panicked)) {
                shutdown.soft.cancel();
                ended = Err(error);
            }
        }
        lag.abort();
        if relay.await.is_err() {
            return Err(RunError::Panicked);
        }
        ended
    }
}
