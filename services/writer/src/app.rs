//! Builds the writer and runs it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{Bus, StreamName};
use lifecycle::Fact;
use recovery::{Recovery, RecoveryResult};
use relay::OutboxPublisher;
use retry::RetryLog;
use scim::{TargetConnection, TargetProfile};
use store::{Store, StoreError};
use telemetry::{Readiness, ReadinessLatch, Shutdown, chain};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::config::{AdoptionRule, TargetConfig, WriterConfig};
use crate::control::replayer::LetterReplayer;
use crate::control::{OwnedTargets, WriterControl};
use crate::error::{LEASE_SECONDS_MIN, WriterBuildError, WriterRunError};
use crate::guard::restored;
use crate::intake::{CommandIntake, WakeUps};
use crate::migrations::WriterMigrator;
use crate::ownership::owner::TargetOwner;
use crate::ownership::stale;
use crate::ownership::verification::{self, VerificationGate, VerificationGates, VerificationRequester};
use crate::rows::facts::{SERVICE, TransactionFacts};
use crate::{micros, now};

/// The writer, ready to run.
pub struct WriterApp {
    intake: CommandIntake,
    control: WriterControl,
    owners: Vec<TargetOwner>,
    replayer: LetterReplayer,
    verifications: VerificationRequester,
    recovery: Recovery,
    found: RecoveryResult,
    relay: OutboxPublisher,
    ready: ReadinessLatch,
    outbox: ReadinessLatch,
}

/// Opens the database, migrates its tables and loads the profiles.
///
/// # Errors
/// See [`WriterBuildError`].
pub async fn build_writer(
    config: WriterConfig,
    bus: Bus,
    readiness: Readiness,
) -> Result<WriterApp, WriterBuildError> {
    check_lease(&config)?;
    let ready = readiness.latch("writer");
    let outbox = readiness.latch("writer outbox");
    let store = Store::open::<WriterMigrator>(&config.database)
        .await
        .map_err(|source| WriterBuildError::Store { source })?;
    store::clock::measure_skew(&store).await.map_err(|source| WriterBuildError::Store { source })?;
    let relay = OutboxPublisher::new(SERVICE, store.clone(), bus.clone());
    let replica = replica_name(&config);
    let started = store.now().await.map_err(|source| WriterBuildError::Store { source })?;
    let gates =
        config.targets.iter().map(|target| (target.name.clone(), Arc::new(VerificationGate::default())));
    let gates: VerificationGates = Arc::new(gates.collect());
    let mut owners = Vec::new();
    let (mut wake_ups, mut owned, mut nested) = (WakeUps::new(), OwnedTargets::new(), HashMap::new());
    for target in &config.targets {
        let wake_up = Arc::new(Notify::new());
        let slot = Arc::new(Mutex::new(None));
        if wake_ups.insert(target.name.clone(), Arc::clone(&wake_up)).is_some() {
            return Err(name_twice(target));
        }
        owned.insert(target.name.clone(), Arc::clone(&slot));
        let connection = target_connection(target)?;
        nested.insert(target.name.clone(), connection.profile.membership.nested);
        owners.push(TargetOwner {
            target: target.name.clone(),
            connection,
            store: store.clone(),
            relay: relay.clone(),
            replica: replica.clone(),
            lease_length: config.lease_length(),
            attempts_max: config.attempts_max,
            retry: config.retry,
            wake_up,
            reconcile_every: target
                .reconcile_hours
                .map(|hours| Duration::from_secs(u64::from(hours.max(1)) * 3_600)),
            owned: slot,
            gate: gates.get(&target.name).cloned().unwrap_or_default(),
            touch: target.touch_rules(),
        });
    }
    let intake = CommandIntake {
        store: store.clone(),
        bus: bus.clone(),
        relay: relay.clone(),
        wake_ups: wake_ups.clone(),
        nested,
        retries: RetryLog::new(),
    };
    let replays = Arc::new(Notify::new());
    let replayer = LetterReplayer {
        store: store.clone(),
        relay: relay.clone(),
        wake_ups: wake_ups.clone(),
        replica: replica.clone(),
        begun: Arc::clone(&replays),
    };
    let consumers = vec![(StreamName::Commands, SERVICE.to_owned())];
    let recovery = Recovery::new(SERVICE, store.clone(), bus.clone(), consumers)
        .with_heartbeat(config.longest_trusted_stop());
    let looked = recovery.look().await.map_err(|source| WriterBuildError::Recovery { source })?;
    // Store it before the recovery is settled: a process that ends in between finds it again.
    if let Some(why) = looked.found.needs_verification() {
        verification::need_verification(&store, &gates, &why)
            .await
            .map_err(|source| WriterBuildError::Store { source })?;
    }
    if let Some(taken_at) = looked.found.restored_from {
        let paused = restored::pause_targets(&store, gates.keys(), taken_at).await;
        relay.send(paused.map_err(|source| WriterBuildError::Store { source })?).await;
    }
    if let Some(stale) = &looked.found.stale {
        stale::doubt_targets(&store, gates.keys(), stale)
            .await
            .map_err(|source| WriterBuildError::Store { source })?;
    }
    let found = recovery.settle(looked).await.map_err(|source| WriterBuildError::Recovery { source })?;
    let verifications = VerificationRequester {
        store: store.clone(),
        bus: bus.clone(),
        gates: Arc::clone(&gates),
        wake_ups: wake_ups.clone(),
        recovery: recovery.clone(),
        started,
    };
    verifications.look().await.map_err(|source| WriterBuildError::Store { source })?;
    let control = WriterControl {
        store,
        bus,
        relay: relay.clone(),
        replica,
        wake_ups,
        owned,
        replays,
        gates,
        recovery: recovery.clone(),
    };
    Ok(WriterApp { intake, control, owners, replayer, verifications, recovery, found, relay, ready, outbox })
}

/// Publishes the findings about a database that is not the one that the writer left.
async fn tell_recovery(
    store: &Store,
    relay: &OutboxPublisher,
    found: &RecoveryResult,
) -> Result<(), StoreError> {
    if found.news.is_empty() {
        return Ok(());
    }
    let mut news = TransactionFacts::default();
    let fact = Fact::RestoreNoticed { service: SERVICE.to_owned(), found: found.news.join("; ") };
    news.tell(format!("res:{SERVICE}:{}", micros(now())), &format!("service:{SERVICE}"), None, fact);
    let tx = store.begin().await?;
    let parcel = news.store(&tx).await?;
    tx.commit().await.map_err(StoreError::statement("tell what was found"))?;
    relay.send(parcel).await;
    Ok(())
}

/// Checks that the targets can be used: names, addresses, profiles, credentials, and the lease. It opens no connection.
///
/// # Errors
/// Returns the error of the first target that cannot be used.
pub fn check_targets(config: &WriterConfig) -> Result<(), WriterBuildError> {
    check_lease(config)?;
    let mut names = std::collections::HashSet::new();
    for target in &config.targets {
        if !names.insert(&target.name) {
            return Err(name_twice(target));
        }
        target_connection(target)?;
    }
    Ok(())
}

/// Checks that the lease is long enough.
fn check_lease(config: &WriterConfig) -> Result<(), WriterBuildError> {
    match config.lease_seconds {
        Some(lease_seconds) if lease_seconds < LEASE_SECONDS_MIN => {
            Err(WriterBuildError::ShortLease { lease_seconds })
        }
        _ => Ok(()),
    }
}

fn name_twice(target: &TargetConfig) -> WriterBuildError {
    let message = "the name is used twice; names must differ".to_owned();
    WriterBuildError::Target { target: target.name.clone(), message }
}

/// Builds the connection to a target from its configuration: profile, address, credential and timeout.
fn target_connection(target: &TargetConfig) -> Result<TargetConnection, WriterBuildError> {
    let mut profile = TargetProfile::load(&target.profile)
        .map_err(|source| WriterBuildError::Profile { target: target.name.clone(), source })?;
    if !target.domains.is_empty() {
        profile.domains.clone_from(&target.domains);
    }
    let base_url = target.base_url.parse::<scim::Url>().map_err(|error| WriterBuildError::Target {
        target: target.name.clone(),
        message: format!("base_url is no URL ({error}); it looks like https://host/scim/v2"),
    })?;
    check_touch(target, &profile)?;
    let timeout_seconds = profile.timeout_seconds;
    let credential = target
        .credential()
        .map_err(|message| WriterBuildError::Target { target: target.name.clone(), message })?;
    Ok(TargetConnection { base_url, credential, profile, timeout: Duration::from_secs(timeout_seconds) })
}

/// Checks the rules about what is at the target already.
fn check_touch(target: &TargetConfig, profile: &TargetProfile) -> Result<(), WriterBuildError> {
    let refuse = |message: String| Err(WriterBuildError::Target { target: target.name.clone(), message });
    if let Some(list) = target.never.empty_entry() {
        return refuse(format!("never.{list} has an empty entry: remove it"));
    }
    if target.never.administrators && profile.administrators.is_empty() {
        return refuse(format!(
            "never.administrators: profile `{}` does not know how the target shows its administrators: name the accounts in \
             never.user_names or never.ids, or copy the profile and add `administrators: [{{ attribute: roles, values: [...] }}]`",
            profile.name
        ));
    }
    for (kind, rule) in [("users", &target.adoption.users), ("groups", &target.adoption.groups)] {
        let AdoptionRule::By(paths) = rule else { continue };
        if let Some((path, error)) =
            paths.iter().find_map(|path| scim::check_path(path).err().map(|error| (path, error)))
        {
            return refuse(format!("adoption.{kind}: {path}: {error}"));
        }
    }
    Ok(())
}

/// Returns the configured name of the replica, or a default: one name per SQLite file, or a new one per process.
fn replica_name(config: &WriterConfig) -> String {
    config.replica.clone().unwrap_or_else(|| {
        if config.database.starts_with("sqlite:") {
            "local".to_owned()
        } else {
            format!("writer-{}", uuid::Uuid::now_v7().simple())
        }
    })
}

impl WriterApp {
    /// Runs until shutdown, or until a task fails.
    ///
    /// # Errors
    /// See [`WriterRunError`].
    pub async fn run(self, shutdown: Shutdown) -> Result<(), WriterRunError> {
        if let Err(error) = self.relay.catch_up().await {
            tracing::warn!(error = chain(&error), "could not publish what was left behind yet");
        }
        let stop = shutdown.soft.clone().cancelled_owned();
        let report = |micros| telemetry::metrics::clock_skew(SERVICE, micros);
        tokio::spawn(store::clock::follow_clock(self.intake.store.clone(), stop, report));
        if let Err(error) = tell_recovery(&self.control.store, &self.relay, &self.found).await {
            tracing::warn!(error = chain(&error), "could not tell what was found");
        }
        let keeping = tokio::spawn(self.recovery.clone().run(shutdown.soft.clone()));
        let relay = tokio::spawn(self.relay.run(self.outbox, shutdown.soft.clone()));
        let lag = tokio::spawn(self.intake.bus.clone().watch_lag(StreamName::Commands, SERVICE));
        let mut parts = JoinSet::new();
        parts.spawn(self.intake.run(self.ready, shutdown.clone()));
        parts.spawn(self.control.run(shutdown.clone()));
        let (replayer, until) = (self.replayer, shutdown.clone());
        parts.spawn(async move {
            replayer.run(until).await;
            Ok(())
        });
        let (verifications, until) = (self.verifications, shutdown.clone());
        parts.spawn(async move {
            verifications.run(until).await;
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
            let part = part.unwrap_or(Err(WriterRunError::Panicked));
            if let Err(error) = part {
                shutdown.soft.cancel();
                ended = Err(error);
            }
        }
        lag.abort();
        keeping.abort();
        self.recovery.end().await;
        if relay.await.is_err() {
            return Err(WriterRunError::Panicked);
        }
        ended
    }
}
