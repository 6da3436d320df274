//! Builds the writer and runs it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{Bus, BusError, Feed};
use relay::Relay;
use scim::{Connection, ProfileError, TargetProfile};
use store::{Store, StoreError};
use telemetry::{Latch, Readiness, Shutdown};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::config::{Config, TargetConfig};
use crate::control::{Control, Owned};
use crate::facts::SERVICE;
use crate::intake::{Bells, Intake};
use crate::migrations::Migrator;
use crate::owner::Owner;
use crate::replays::Replayer;

/// The writer, ready to run.
pub struct App {
    intake: Intake,
    control: Control,
    owners: Vec<Owner>,
    replayer: Replayer,
    relay: Relay,
    ready: Latch,
    outbox: Latch,
}

/// The writer could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The database.
    #[error("the writer's database")]
    Store {
        /// Why.
        #[source]
        source: StoreError,
    },
    /// A target's configuration.
    #[error("target `{target}` in section `writer.targets`: {message}")]
    Target {
        /// Its name.
        target: String,
        /// What is wrong, and how to fix it.
        message: String,
    },
    /// A target's profile.
    #[error("profile of target `{target}`")]
    Profile {
        /// Its name.
        target: String,
        /// Why.
        #[source]
        source: ProfileError,
    },
    /// A lease that is too short for the target's time-out.
    #[error(
        "`writer.lease_seconds` is {lease_seconds}, but a request to `{target}` may take {timeout_seconds} s: make the lease longer, or the profile's timeout_seconds shorter"
    )]
    ShortLease {
        /// The target.
        target: String,
        /// As configured.
        lease_seconds: u64,
        /// From the profile.
        timeout_seconds: u64,
    },
}

/// The writer ended although nobody asked it to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// COMMANDS cannot be read.
    #[error("could not read commands")]
    Consume {
        /// Why.
        #[source]
        source: BusError,
    },
    /// Operators cannot be heard.
    #[error("could not listen to operators")]
    Control {
        /// Why.
        #[source]
        source: BusError,
    },
    /// A part panicked.
    #[error("a part of the writer panicked")]
    Panicked,
}

/// Opens the database, brings its tables up to date and reads the profiles.
///
/// # Errors
/// See [`BuildError`].
pub async fn build(config: Config, bus: Bus, readiness: Readiness) -> Result<App, BuildError> {
    let ready = readiness.latch("writer");
    let outbox = readiness.latch("writer outbox");
    let store =
        Store::open::<Migrator>(&config.database).await.map_err(|source| BuildError::Store { source })?;
    store::clock::measure(&store).await.map_err(|source| BuildError::Store { source })?;
    let relay = Relay::new(SERVICE, store.clone(), bus.clone());
    let replica = replica_name(&config);
    let mut owners = Vec::new();
    let (mut bells, mut owned, mut nested) = (Bells::new(), Owned::new(), HashMap::new());
    for target in &config.targets {
        let bell = Arc::new(Notify::new());
        let slot = Arc::new(Mutex::new(None));
        if bells.insert(target.name.clone(), Arc::clone(&bell)).is_some() {
            return Err(name_twice(target));
        }
        owned.insert(target.name.clone(), Arc::clone(&slot));
        let connection = connection(target, config.lease_seconds)?;
        nested.insert(target.name.clone(), connection.profile.membership.nested);
        owners.push(Owner {
            target: target.name.clone(),
            connection,
            store: store.clone(),
            relay: relay.clone(),
            replica: replica.clone(),
            lease_length: Duration::from_secs(config.lease_seconds),
            attempts_max: config.attempts_max,
            retry: config.retry,
            bell,
            reconcile_every: target
                .reconcile_hours
                .map(|hours| Duration::from_secs(u64::from(hours.max(1)) * 3_600)),
            owned: slot,
        });
    }
    let intake =
        Intake { store: store.clone(), bus: bus.clone(), relay: relay.clone(), bells: bells.clone(), nested };
    let replays = Arc::new(Notify::new());
    let replayer = Replayer {
        store: store.clone(),
        relay: relay.clone(),
        bells: bells.clone(),
        replica: replica.clone(),
        begun: Arc::clone(&replays),
    };
    let control = Control { store, bus, relay: relay.clone(), replica, bells, owned, replays };
    Ok(App { intake, control, owners, replayer, relay, ready, outbox })
}

/// Whether the targets could be used: names, addresses, profiles, credentials, and a lease that outlasts a request. Nothing is
/// connected to.
///
/// # Errors
/// What is wrong with the first that could not.
pub fn check(config: &Config) -> Result<(), BuildError> {
    let mut names = std::collections::HashSet::new();
    for target in &config.targets {
        if !names.insert(&target.name) {
            return Err(name_twice(target));
        }
        connection(target, config.lease_seconds)?;
    }
    Ok(())
}

fn name_twice(target: &TargetConfig) -> BuildError {
    let message = "the name is used twice; names must differ".to_owned();
    BuildError::Target { target: target.name.clone(), message }
}

fn connection(target: &TargetConfig, lease_seconds: u64) -> Result<Connection, BuildError> {
    let mut profile = TargetProfile::load(&target.profile)
        .map_err(|source| BuildError::Profile { target: target.name.clone(), source })?;
    if !target.domains.is_empty() {
        profile.domains.clone_from(&target.domains);
    }
    let base_url = target.base_url.parse::<scim::Url>().map_err(|error| BuildError::Target {
        target: target.name.clone(),
        message: format!("base_url is no URL ({error}); it looks like https://host/scim/v2"),
    })?;
    let timeout_seconds = profile.timeout_seconds;
    if lease_seconds <= timeout_seconds {
        return Err(BuildError::ShortLease { target: target.name.clone(), lease_seconds, timeout_seconds });
    }
    let credential =
        target.credential().map_err(|message| BuildError::Target { target: target.name.clone(), message })?;
    Ok(Connection { base_url, credential, profile, timeout: Duration::from_secs(timeout_seconds) })
}

fn replica_name(config: &Config) -> String {
    config.replica.clone().unwrap_or_else(|| {
        if config.database.starts_with("sqlite:") {
            "local".to_owned()
        } else {
            format!("writer-{}", uuid::Uuid::now_v7().simple())
        }
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
        let stop = shutdown.soft.clone().cancelled_owned();
        let report = |micros| telemetry::metrics::clock_skew(SERVICE, micros);
        tokio::spawn(store::clock::follow(self.intake.store.clone(), stop, report));
        let relay = tokio::spawn(self.relay.run(self.outbox, shutdown.soft.clone()));
        let lag = tokio::spawn(self.intake.bus.clone().watch_lag(Feed::Commands, SERVICE));
        let mut parts = JoinSet::new();
        parts.spawn(self.intake.run(self.ready, shutdown.clone()));
        parts.spawn(self.control.run(shutdown.clone()));
        let (replayer, until) = (self.replayer, shutdown.clone());
        parts.spawn(async move {
            replayer.run(until).await;
            Ok(())
        });
        for owner in self.owners {
            let shutdown = shutdown.clone();
            parts.spawn(async move {
                owner.run(shutdown).await;
                Ok(())
            });
        }
        let mut ended = Ok(());
        while let Some(part) = parts.join_next().await {
            let part = part.unwrap_or(Err(RunError::Panicked));
            if let Err(error) = part {
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
