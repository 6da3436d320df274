//! Tracks for each target whether the stored desired state was verified against the mapper's decisions, and whether the
//! target was compared with it.
//!
//! A reconciliation of the whole target begins only after a verification that began after this process did: the stored
//! desired state may be older than the mapper's decisions. If a restored database was noticed, only switch-offs go out
//! before a verification. The mapper verifies; this module requests it and records when it was completed. After a long
//! stop the target is compared once as well, before anything but switch-offs goes out ([`crate::ownership::stale`]).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use bus::Bus;
use lifecycle::{Actor, VerifyRequest, verbs};
use recovery::Recovery;
use store::{Store, StoreError};
use telemetry::{Shutdown, chain};
use tokio::time::Instant;

use crate::intake::WakeUps;
use crate::rows::facts::SERVICE;
use crate::rows::verification;

/// The intervals of checks for a completed verification, while one is awaited, and otherwise.
const LOOK_WHILE_WAITING: Duration = Duration::from_millis(200);
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The delay before the mapper is asked again for a verification that is not completed.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// The same delay if the request failed.
const ASK_FAILED_AFTER: Duration = Duration::from_secs(1);
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// The verification state of one target.
#[derive(Debug)]
pub(crate) struct VerificationGate {
    verified_since_start: AtomicBool,
    needs_verification: AtomicBool,
    /// [`NOT_STALE`], or the time since which the target may have changed without this writer.
    stale_since: AtomicI64,
}

const NOT_STALE: i64 = i64::MIN;

impl Default for VerificationGate {
    fn default() -> Self {
        Self {
            verified_since_start: AtomicBool::default(),
            needs_verification: AtomicBool::default(),
            stale_since: AtomicI64::new(NOT_STALE),
        }
    }
}

impl VerificationGate {
    /// Returns `true` if the whole target may be reconciled.
    pub(crate) fn lets_compare(&self) -> bool {
        self.verified_since_start.load(Ordering::Acquire) && !self.only_switches_off()
    }

    /// Returns `true` while only switch-offs may go out.
    pub(crate) fn only_switches_off(&self) -> bool {
        self.needs_verification.load(Ordering::Acquire) || self.stale().is_some()
    }

    /// Returns the time since which the target may have changed without this writer. The target is compared as soon as
    /// its desired state was verified.
    pub(crate) fn to_be_looked_at_since(&self) -> Option<i64> {
        if self.waits_for_verification() { None } else { self.stale() }
    }

    /// Notes that the target was compared.
    pub(crate) fn was_looked_at(&self) {
        self.stale_since.store(NOT_STALE, Ordering::Release);
    }

    fn waits_for_verification(&self) -> bool {
        !self.verified_since_start.load(Ordering::Acquire) || self.needs_verification.load(Ordering::Acquire)
    }

    fn stale(&self) -> Option<i64> {
        let since = self.stale_since.load(Ordering::Acquire);
        (since != NOT_STALE).then_some(since)
    }
}

/// The gates of the targets, by name.
pub(crate) type VerificationGates = Arc<HashMap<String, Arc<VerificationGate>>>;

/// Requests verifications, and opens the gates.
pub(crate) struct VerificationRequester {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) gates: VerificationGates,
    pub(crate) wake_ups: WakeUps,
    /// The recovery, which signals lost messages.
    pub(crate) recovery: Recovery,
    /// The time at which this process started its work; microseconds since the Unix epoch, by the database's clock.
    pub(crate) started: i64,
}

impl VerificationRequester {
    /// Updates the gates from the database. Call it before any request is sent.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn look(&self) -> Result<(), StoreError> {
        for row in verification::load_all(self.store.reader()).await? {
            let Some(gate) = self.gates.get(&row.target) else { continue };
            let verified = row.verified_at >= self.started;
            let was_shut = gate.only_switches_off();
            gate.needs_verification.store(row.is_needed(), Ordering::Release);
            gate.stale_since.store(row.stale_since.unwrap_or(NOT_STALE), Ordering::Release);
            let is_news = verified && !gate.verified_since_start.swap(verified, Ordering::AcqRel);
            if (is_news || was_shut != gate.only_switches_off())
                && let Some(wake_up) = self.wake_ups.get(&row.target)
            {
                wake_up.notify_one();
            }
        }
        Ok(())
    }

    /// Updates the gates and requests verifications until shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut ask_from: HashMap<String, Instant> = HashMap::new();
        loop {
            if let Err(error) = self.look().await {
                tracing::warn!(error = chain(&error), "could not look at verifications");
            }
            let waiting: Vec<&String> = self
                .gates
                .iter()
                .filter(|(_, gate)| gate.waits_for_verification())
                .map(|(target, _)| target)
                .collect();
            for target in &waiting {
                let from = ask_from.get(*target).copied();
                if from.is_none_or(|from| from <= Instant::now()) {
                    let pause = self.ask(target).await;
                    ask_from.insert((*target).clone(), Instant::now() + pause);
                }
            }
            let pause = if waiting.is_empty() { LOOK_EVERY } else { LOOK_WHILE_WAITING };
            tokio::select! {
                () = shutdown.soft.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = self.recovery.lost.notified() => self.need_all().await,
            }
        }
    }

    /// Marks all targets as unverified, because commands were lost before they were taken.
    async fn need_all(&self) {
        let why = self.recovery.notices().into_iter().next().unwrap_or_default();
        if let Err(error) = need_verification(&self.store, &self.gates, &why).await {
            tracing::warn!(error = chain(&error), "could not ask for a verification");
            self.recovery.lost.notify_one();
        }
    }

    /// Asks the mapper to verify `target`. Returns the delay before the next request.
    async fn ask(&self, target: &str) -> Duration {
        let actor = Actor { who: SERVICE.to_owned(), why: "the writer started".to_owned() };
        let request = VerifyRequest { target: Some(target.to_owned()), orders_complete: false, actor };
        match self.bus.ask::<verbs::VerifyVerb>(&request, ASK_TIMEOUT).await {
            Ok(_) => ASK_AGAIN_AFTER,
            Err(error) => {
                tracing::debug!(
                    error = chain(&error),
                    target_name = target,
                    "could not ask for a verification yet"
                );
                ASK_FAILED_AFTER
            }
        }
    }
}

/// Marks every target as unverified. Until a verification of the desired state, only switch-offs go out.
pub(crate) async fn need_verification(
    store: &Store,
    gates: &VerificationGates,
    why: &str,
) -> Result<(), StoreError> {
    let since = store.now().await?;
    let tx = store.begin().await?;
    for target in gates.keys() {
        verification::need_verification(&tx, target, since, why).await?;
    }
    tx.commit().await.map_err(StoreError::statement("keep that a verification is needed"))
}
