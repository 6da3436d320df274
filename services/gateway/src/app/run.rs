//! Runs the gateway, and shuts it down.

use std::sync::Arc;
use std::time::Duration;

use bus::StreamName;
use edge::DrainOutcome;
use relay::OutboxPublisher;
use telemetry::{ReadinessLatch, Shutdown, chain};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{FetchParts, GatewayApp};
use crate::control::GatewayControl;
use crate::http::gateway_router;
use crate::idp;
use crate::inbound::csv_feeds;
use crate::intake::state::IntakeState;

/// The interval at which the mapper's lag and the broker connection are checked.
const WATCH_PERIOD: Duration = Duration::from_secs(1);
/// The durable consumer whose lag counts for admission.
const MAPPER: &str = "mapper";

/// The reason why the gateway stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum GatewayRunError {
    /// A task that watches a folder, polls a list or fetches records panicked.
    #[error("a background task of the gateway panicked")]
    Background,
}

impl GatewayApp {
    /// Answers requests until `shutdown.soft`, then finishes the requests in flight within the configured time.
    ///
    /// # Errors
    /// Returns an error if a background task panicked.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), GatewayRunError> {
        let intake = Arc::clone(&self.state.intake);
        let outbox = CancellationToken::new();
        let relay = match self.scim.as_ref().zip(self.outbox) {
            Some((scim, latch)) => {
                Some(tokio::spawn(after_catching_up(scim.relay(), latch, outbox.clone()).await))
            }
            None => None,
        };
        if let Some(recovery) = &self.recovery {
            tokio::spawn(recovery.clone().run(shutdown.soft.clone()));
        }
        if let Some(store) = self.clock {
            let report = |micros| telemetry::metrics::clock_skew(crate::SERVICE, micros);
            let stop = shutdown.soft.clone().cancelled_owned();
            tokio::spawn(store::clock::follow_clock(store, stop, report));
        }
        let control = GatewayControl { relay: self.scim.as_ref().map(|scim| scim.relay()) };
        let scim = self.scim.map_or_else(axum::Router::new, idp::scim_router);
        let router = gateway_router(Arc::clone(&self.state), scim);
        let mut background = tokio::task::JoinSet::new();
        background.spawn(control.run(intake.bus.clone(), shutdown.clone()));
        for feed in self.state.feeds.values().filter(|feed| feed.folder.is_some()) {
            let soft = shutdown.soft.clone();
            background.spawn(csv_feeds::folder::watch_folder(Arc::clone(&intake), Arc::clone(feed), soft));
        }
        if let Some(FetchParts { notices, fetchers }) = self.fetching {
            background.spawn(notices.run(shutdown.soft.clone()));
            for fetcher in fetchers {
                background.spawn(fetcher.run(shutdown.soft.clone()));
            }
        }
        for poller in self.pollers {
            background.spawn(poller.run(shutdown.soft.clone()));
        }
        // The problem log ends after every task that writes to it.
        let noting = CancellationToken::new();
        let (guarding, stop) = (Arc::clone(&intake), shutdown.soft.clone());
        tokio::spawn(async move { guarding.guard.run_summaries(stop).await });
        let (noted, stop) = (Arc::clone(&intake), noting.clone());
        let keeping = tokio::spawn(async move { noted.problems.keep(&noted.bus, stop).await });
        let serve =
            edge::serve_router(self.listener, router, shutdown.soft.clone(), shutdown.hard, self.serving);
        let drained = tokio::select! {
            drained = serve => drained,
            () = watch_readiness(&intake, &self.latch, shutdown.soft) => unreachable!("watching has no end"),
            () = wait_for_panic(&mut background) => return Err(GatewayRunError::Background),
        };
        // The background tasks follow the same shutdown, and release what other replicas need to continue.
        while background.join_next().await.is_some() {}
        noting.cancel();
        if keeping.await.is_err() {
            tracing::error!("what could not be taken of sources was not kept any more");
        }
        if let Some(recovery) = &self.recovery {
            recovery.end().await;
        }
        self.latch.close("stopped");
        // The last changes are answered, so their outbox rows can be deleted now.
        outbox.cancel();
        if let Some(relay) = relay
            && relay.await.is_err()
        {
            tracing::error!("the outbox was not looked after any more");
        }
        match drained {
            DrainOutcome::Clean => tracing::info!("every request was answered"),
            DrainOutcome::Dropped => {
                tracing::warn!("requests in flight were dropped; their senders will repeat them")
            }
        }
        Ok(())
    }
}

/// Returns when one of the tasks has panicked.
async fn wait_for_panic(tasks: &mut tokio::task::JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if ended.is_err() {
            return;
        }
    }
    std::future::pending().await
}

/// Publishes the outbox batches of an earlier process, then returns a future that runs the publisher until `stop`.
async fn after_catching_up(
    relay: OutboxPublisher,
    latch: ReadinessLatch,
    stop: CancellationToken,
) -> impl Future<Output = ()> {
    if let Err(error) = relay.catch_up().await {
        tracing::warn!(error = chain(&error), "could not publish what was left behind yet");
    }
    relay.run(latch, stop)
}

/// Keeps readiness and the mapper's lag up to date. Never returns.
async fn watch_readiness(intake: &IntakeState, latch: &ReadinessLatch, soft: CancellationToken) {
    let look = async {
        let mut ticks = tokio::time::interval(WATCH_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if intake.bus.connected() {
                latch.open();
            } else {
                latch.close("no connection to the broker");
            }
            // Before the mapper's first start there is no consumer, and so no lag.
            intake.pressure.note_lag(intake.bus.lag(StreamName::Events, MAPPER).await.ok());
            for position in intake.bus.positions(StreamName::Events, MAPPER).await.unwrap_or_default() {
                if position.durable == MAPPER && position.exists {
                    let merged = if position.is_idle() { position.last_sequence } else { position.ack_floor };
                    intake.quota.note_merged(&position.stream, merged);
                }
            }
        }
    };
    tokio::select! {
        () = look => {}
        () = soft.cancelled() => {
            latch.close("stopping");
            std::future::pending::<()>().await;
        }
    }
}
