//! Builds and runs the mapper.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{Bus, StreamName};
use lifecycle::{Fact, FactRecord, unix_micros};
use recovery::{Recovery, RecoveryResult};
use relay::OutboxPublisher;
use retry::RetryLog;
use store::{Store, StoreError};
use telemetry::{Readiness, ReadinessLatch, Shutdown, chain};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::config::MapperConfig;
use crate::control::MapperControl;
use crate::error::{MapperBuildError, MapperRunError};
use crate::evidence::PersonHashes;
use crate::later::DueProcessor;
use crate::leavers::{LeaverVerifier, ObligationSeeder};
use crate::live::EventProcessor;
use crate::migrations::MapperMigrator;
use crate::orders::{RecoveredOrders, follow_journal};
use crate::plan::{PlanStore, PolicyPlanner};
use crate::policies::{PolicySet, SourceRules};
use crate::policy_keeper::{HeldPolicies, PolicyKeeper};
use crate::rows::finding;
use crate::runs::RunJudge;
use crate::subjects::SeedMaker;
use crate::tombstones::TombstoneFile;
use crate::verify::{RequestedVerifications, TargetVerifier};
use crate::work::BatchProcessorParts;
use crate::{SERVICE, now};

/// The mapper, built and ready to run.
pub struct MapperApp {
    live: EventProcessor,
    later: DueProcessor,
    leavers: LeaverVerifier,
    seeder: ObligationSeeder,
    runs: RunJudge,
    relay: OutboxPublisher,
    keeper: PolicyKeeper,
    control: MapperControl,
    verifier: TargetVerifier,
    recovery: Recovery,
    found: RecoveryResult,
    orders: Arc<RecoveredOrders>,
    ready: ReadinessLatch,
    outbox: ReadinessLatch,
}

/// Opens the database, migrates its tables and loads the policies.
///
/// # Errors
/// See [`MapperBuildError`].
pub async fn build_mapper(
    config: MapperConfig,
    bus: Bus,
    readiness: Readiness,
) -> Result<MapperApp, MapperBuildError> {
    let ready = readiness.latch("mapper");
    let outbox = readiness.latch("mapper outbox");
    let store = Store::open::<MapperMigrator>(&config.database)
        .await
        .map_err(|source| MapperBuildError::Store { source })?;
    store::clock::measure_skew(&store).await.map_err(|source| MapperBuildError::Store { source })?;
    PersonHashes::load(&store).await.map_err(|source| MapperBuildError::Store { source })?;
    let relay = OutboxPublisher::new(SERVICE, store.clone(), bus.clone());
    let consumers = vec![(StreamName::Events, SERVICE.to_owned())];
    let recovery = Recovery::new(SERVICE, store.clone(), bus.clone(), consumers);
    let looked = recovery.look().await.map_err(|source| MapperBuildError::Recovery { source })?;
    let orders = RecoveredOrders::read(&store, &bus, &looked.found).await;
    let mut orders = orders.map_err(|source| MapperBuildError::Orders { source })?;
    let tombstones = match config.tombstones {
        Some(file) => Some(
            TombstoneFile::open(&store, file)
                .await
                .map_err(|source| MapperBuildError::Tombstones { source })?,
        ),
        None => None,
    };
    let forgotten = finding::forget_refused(store.writer()).await;
    forgotten.map_err(|source| MapperBuildError::Store { source })?;
    let seeds = SeedMaker::load(&store).await.map_err(|source| MapperBuildError::Seeds { source })?;
    let planner = PolicyPlanner { store: store.clone(), seeds: seeds.clone() };
    let rights = config.senders.decided_by(&config.people);
    let refused = finding::has_refused_departures(store.reader()).await;
    let refused = refused.map_err(|source| MapperBuildError::Store { source })?;
    let tracks_refusals = refused || !rights.is_empty();
    let rules = Arc::new(SourceRules { people: config.people, rights, tracks_refusals });
    if let Some(fault) = rules.people.fault() {
        return Err(MapperBuildError::People { fault });
    }
    let none = PolicySet::default().with_rules(Arc::clone(&rules));
    let (publish, policies) = watch::channel(Arc::new(none));
    let mut keeper = PolicyKeeper {
        store: store.clone(),
        relay: relay.clone(),
        planner: planner.clone(),
        folder: config.policies,
        publish: publish.clone(),
        held: HeldPolicies::default(),
        judged: HashMap::new(),
        settled: HashMap::new(),
    };
    let set = keeper.start().await.map_err(|source| MapperBuildError::Store { source })?;
    let set = set.map_err(|source| MapperBuildError::Policies { source })?;
    if set.iter().next().is_none() {
        tracing::warn!("no policy is in force: events are merged, but no accounts are provisioned");
    }
    publish.send_replace(Arc::new(set.with_rules(rules)));
    let asked = Arc::new(RequestedVerifications::default());
    let parts = BatchProcessorParts {
        store,
        relay: relay.clone(),
        policies,
        seeds,
        stale: Arc::new(Notify::new()),
        repairs: Arc::default(),
    };
    // Before the findings are forgotten, so that a crash in between repeats it.
    let again = orders.give_again(&parts).await.map_err(|source| MapperBuildError::Orders { source })?;
    let found = recovery.settle(looked).await.map_err(|source| MapperBuildError::Recovery { source })?;
    let found = RecoveryResult { news: found.news.into_iter().chain(again).collect(), ..found };
    let orders = Arc::new(orders);
    Ok(MapperApp {
        live: EventProcessor { parts: parts.clone(), bus: bus.clone(), tombstones, retries: RetryLog::new() },
        later: DueProcessor { parts: parts.clone(), apart: Mutex::default(), retries: RetryLog::new() },
        leavers: LeaverVerifier {
            store: parts.store.clone(),
            bus: bus.clone(),
            relay: relay.clone(),
            policies: parts.policies.clone(),
        },
        seeder: ObligationSeeder { parts: parts.clone(), retries: RetryLog::new() },
        runs: RunJudge { parts: parts.clone(), rejected: orders.rejected_runs(), retries: RetryLog::new() },
        control: MapperControl {
            parts: parts.clone(),
            bus: bus.clone(),
            plans: PlanStore::new(planner),
            held: keeper.held.clone(),
            publish,
            asked: Arc::clone(&asked),
            recovery: recovery.clone(),
        },
        verifier: TargetVerifier {
            parts,
            bus,
            asked,
            orders: Arc::clone(&orders),
            every: Duration::from_secs(u64::from(config.verify_minutes.max(1)) * 60),
            replica: lifecycle::CommandId::fresh().to_string(),
        },
        keeper,
        relay,
        recovery,
        found,
        orders,
        ready,
        outbox,
    })
}

/// Publishes the findings of recovery if the database is not the one that was last in use.
async fn tell_recovery(
    store: &Store,
    relay: &OutboxPublisher,
    found: &RecoveryResult,
) -> Result<(), StoreError> {
    if found.news.is_empty() {
        return Ok(());
    }
    let at = now();
    let fact = FactRecord {
        id: format!("res:{SERVICE}:{}", unix_micros(at)),
        at,
        subject: format!("service:{SERVICE}"),
        trace: None,
        fact: Fact::RestoreNoticed { service: SERVICE.to_owned(), found: found.news.join("; ") },
    };
    let tx = store.begin().await?;
    let parcel = relay::store_batch(&tx, SERVICE, bus::OutgoingMessage::facts(SERVICE, &[fact])).await?;
    tx.commit().await.map_err(StoreError::statement("store the findings of recovery"))?;
    relay.send(parcel).await;
    Ok(())
}

impl MapperApp {
    /// Runs until shutdown, or until a task fails.
    ///
    /// # Errors
    /// See [`MapperRunError`].
    pub async fn run(self, shutdown: Shutdown) -> Result<(), MapperRunError> {
        if let Err(error) = self.relay.catch_up().await {
            tracing::warn!(error = chain(&error), "could not publish what was left behind yet");
        }
        let stop = shutdown.soft.clone().cancelled_owned();
        let report = |micros| telemetry::metrics::clock_skew(SERVICE, micros);
        tokio::spawn(store::clock::follow_clock(self.live.parts.store.clone(), stop, report));
        if let Err(error) = tell_recovery(&self.live.parts.store, &self.relay, &self.found).await {
            tracing::warn!(error = chain(&error), "could not tell what was found");
        }
        let keeping = tokio::spawn(self.recovery.clone().run(shutdown.soft.clone()));
        let relay = tokio::spawn(self.relay.run(self.outbox, shutdown.soft.clone()));
        let lag = tokio::spawn(self.live.bus.clone().watch_lag(StreamName::Events, SERVICE));
        let mut parts = JoinSet::new();
        let (orders, of_orders) = (self.orders, self.live.parts.clone());
        let (bus, stop) = (self.live.bus.clone(), shutdown.clone());
        parts.spawn(async move {
            follow_journal(orders, of_orders, bus, stop).await;
            Ok(())
        });
        parts.spawn(self.live.run(self.ready, shutdown.clone()));
        let (later, stop) = (self.later, shutdown.clone());
        parts.spawn(async move {
            later.run(stop).await;
            Ok(())
        });
        let (leavers, stop) = (self.leavers, shutdown.clone());
        parts.spawn(async move {
            leavers.run(stop).await;
            Ok(())
        });
        let (seeder, stop) = (self.seeder, shutdown.clone());
        parts.spawn(async move {
            seeder.run(stop).await;
            Ok(())
        });
        let (runs, stop) = (self.runs, shutdown.clone());
        parts.spawn(async move {
            runs.run(stop).await;
            Ok(())
        });
        let (verifier, stop) = (self.verifier, shutdown.clone());
        parts.spawn(async move {
            verifier.run(stop).await;
            Ok(())
        });
        let (keeper, stop) = (self.keeper, shutdown.soft.clone());
        parts.spawn(async move {
            keeper.run(stop).await;
            Ok(())
        });
        parts.spawn(self.control.run(shutdown.clone()));
        let mut ended = Ok(());
        while let Some(part) = parts.join_next().await {
            if let Err(error) = part.unwrap_or(Err(MapperRunError::Panicked)) {
                shutdown.soft.cancel();
                ended = Err(error);
            }
        }
        lag.abort();
        keeping.abort();
        self.recovery.end().await;
        if relay.await.is_err() {
            return Err(MapperRunError::Panicked);
        }
        ended
    }
}
