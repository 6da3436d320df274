//! Verification: compares the desired states with what the writer knows of them, and sends again what differs.
//!
//! A command can be lost without a fault of the services: a database is restored from a backup, a stream drops messages that
//! a stopped service had not read, an operator purges it. Both services compute digests of the desired states by ranges of
//! keys, and compare only differing ranges entry by entry. An entry that still differs when the writer has taken every
//! command published until then is decided about once more. It is sent with a revision greater than both, departures first.
//! An entry that only the writer knows is listed and left alone.

mod compare;
mod ours;
mod theirs;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bus::Bus;
use lifecycle::{Fact, FactRecord, Verification, VerificationState, VerifiedRequest, unix_micros, verbs};
use retry::retry_delay;
use store::StoreError;
use store::ownership::{HeldLease, LeasedWork, OwnershipTerms, run_once};
use telemetry::{Shutdown, chain, chain_text};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::orders::RecoveredOrders;
use crate::rows::verification;
use crate::work::BatchProcessorParts;
use crate::{SERVICE, now};

/// The service that is verified.
const WRITER: &str = "writer";
/// The maximum time for one answer of the writer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// The time for which a replica that no longer responds keeps others from verifying a target.
const LEASE: Duration = Duration::from_secs(30);
/// The interval at which the lease is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// The maximum time for a verification to end when its lease is lost. It is begun again by the next owner.
const ENDING_MAX: Duration = Duration::from_millis(100);
/// The first pause after a verification failed. It doubles with each failure.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// The maximum pause after a verification failed.
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(60);
/// The interval of the search for verifications that are due.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Requested verifications: target and requester.
#[derive(Debug, Default)]
pub(crate) struct RequestedVerifications {
    targets: Mutex<BTreeMap<String, String>>,
    wake: Notify,
}

impl RequestedVerifications {
    /// Requests an immediate verification of `target`.
    pub(crate) fn ask(&self, target: &str, who: &str) {
        let mut targets = self.targets.lock().expect("nothing panics while holding it");
        targets.insert(target.to_owned(), who.to_owned());
        self.wake.notify_one();
    }

    fn take(&self, target: &str) -> Option<String> {
        self.targets.lock().expect("nothing panics while holding it").remove(target)
    }

    fn is_asked(&self, target: &str) -> bool {
        self.targets.lock().expect("nothing panics while holding it").contains_key(target)
    }
}

/// Reasons why a verification was not completed.
#[derive(Debug, thiserror::Error)]
enum VerificationTrouble {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The request to the writer failed.
    #[error(transparent)]
    Writer(#[from] bus::ControlFailure),
    /// The broker failed.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// Entries that must be sent again could not be published.
    #[error("could not send the differing entries again")]
    Publish(#[from] bus::PublishError),
    /// Commands wait in the outbox.
    #[error("commands wait in the outbox until the broker accepts them")]
    OutboxWaits,
    /// The writer is behind.
    #[error("the writer does not consume the published commands")]
    NotTaken,
    /// Sending an entry again triggers a bug.
    #[error("processing an entry panicked: {0}")]
    Panicked(String),
    /// Other writers changed the same people in every attempt.
    #[error("other writers changed the same people in every attempt")]
    Overtaken,
}

/// Verifies targets at start, on request, and periodically.
pub(crate) struct TargetVerifier {
    pub(crate) parts: BatchProcessorParts,
    pub(crate) bus: Bus,
    pub(crate) asked: Arc<RequestedVerifications>,
    pub(crate) every: Duration,
    pub(crate) orders: Arc<RecoveredOrders>,
    /// Identifies this process in leases.
    pub(crate) replica: String,
}

/// The time of a target's next verification, with the number of failures in a row.
#[derive(Debug, Clone, Copy)]
struct VerificationDue {
    at: Instant,
    failures: u32,
}

/// One verification of a target, as work for the owner of its lease.
struct OneVerification<'a> {
    verifier: &'a TargetVerifier,
    target: &'a str,
    who: &'a str,
    failures: u32,
    /// The time of the next verification, once this one has ended.
    due: Mutex<Option<VerificationDue>>,
}

impl LeasedWork for OneVerification<'_> {
    async fn work(&self, lease: &HeldLease) {
        tokio::select! {
            () = lease.over() => {}
            due = self.verifier.verify_owned(self.target, self.who, self.failures) => {
                *self.due.lock().unwrap_or_else(PoisonError::into_inner) = Some(due);
            }
        }
    }
}

impl TargetVerifier {
    /// Verifies targets that are due until shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut due: HashMap<String, VerificationDue> = HashMap::new();
        loop {
            let targets: Vec<String> =
                self.parts.policies.borrow().iter().map(|policy| policy.target().to_owned()).collect();
            for target in targets {
                let known =
                    due.entry(target.clone()).or_insert(VerificationDue { at: Instant::now(), failures: 0 });
                if known.at > Instant::now() && !self.asked.is_asked(&target) {
                    continue;
                }
                let who = self.asked.take(&target).unwrap_or_else(|| "schedule".to_owned());
                *known = self.verify(&target, &who, known.failures, &shutdown.soft).await;
                if shutdown.soft.is_cancelled() {
                    return;
                }
            }
            tokio::select! {
                () = shutdown.soft.cancelled() => return,
                () = self.asked.wake.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Verifies one target, unless another replica does. Returns the time of the next verification.
    async fn verify(
        &self,
        target: &str,
        who: &str,
        failures: u32,
        stop: &CancellationToken,
    ) -> VerificationDue {
        let again = VerificationDue { at: Instant::now() + AGAIN_AFTER, failures };
        let work = OneVerification { verifier: self, target, who, failures, due: Mutex::default() };
        match run_once(&self.parts.store, &self.terms(target), &work, stop).await {
            Ok(is_done) => {
                let due = work.due.into_inner().unwrap_or_else(PoisonError::into_inner);
                // Another replica verifies it, or took the lease before the end.
                if due.is_none() && !stop.is_cancelled() {
                    self.asked.ask(target, who);
                    tracing::debug!(target_name = target, is_done, "another replica verifies the target");
                }
                due.unwrap_or(again)
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "could not begin a verification");
                again
            }
        }
    }

    /// Returns the lease of the verification of a target.
    fn terms(&self, target: &str) -> OwnershipTerms {
        OwnershipTerms {
            service: SERVICE,
            name: format!("verify:{target}"),
            replica: self.replica.clone(),
            length: LEASE,
            renew_every: RENEW_EVERY,
            claim_every: AGAIN_AFTER,
            ending_max: ENDING_MAX,
        }
    }

    /// Verifies one target as the owner of its lease. Returns the time of the next verification.
    async fn verify_owned(&self, target: &str, who: &str, failures: u32) -> VerificationDue {
        let began = now();
        let mut report = Verification {
            target: target.to_owned(),
            who: who.to_owned(),
            began_at: unix_micros(began),
            began: Some(began),
            ..Verification::default()
        };
        let worked = self.work(&mut report).await;
        match self.end(report, worked, failures).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(error = chain(&error), "could not keep a verification");
                VerificationDue { at: Instant::now() + AGAIN_AFTER, failures }
            }
        }
    }

    /// Compares the target. Returns `false` if events accepted before were not merged in time, so that it must be repeated soon.
    async fn work(&self, report: &mut Verification) -> Result<bool, VerificationTrouble> {
        verification::save_verification(self.parts.store.writer(), report).await?;
        let is_current = self.events_are_merged().await?;
        let begun = self.compare(report).await?;
        let request = VerifiedRequest { target: report.target.clone(), begun };
        self.bus.ask::<verbs::VerifiedVerb>(&request, ANSWER_TIMEOUT).await?;
        Ok(is_current)
    }

    /// Saves and publishes the result.
    async fn end(
        &self,
        mut report: Verification,
        worked: Result<bool, VerificationTrouble>,
        failures: u32,
    ) -> Result<VerificationDue, StoreError> {
        report.ended = Some(now());
        let due = match worked {
            Ok(is_current) => {
                report.state = VerificationState::Finished;
                let began = report.began_at / 1_000_000;
                telemetry::metrics::set_verification(&report.target, report.differed, report.unknown, began);
                let every = if is_current { self.every } else { self.every.min(AGAIN_AFTER_MAX) };
                VerificationDue { at: Instant::now() + every, failures: 0 }
            }
            Err(trouble) => {
                report.state = VerificationState::Failed;
                report.error = Some(chain_text(&trouble));
                // The first failure is usual while a service starts; leavers are compared by this too.
                if failures == 0 {
                    tracing::debug!(
                        error = chain(&trouble),
                        target_name = report.target,
                        "a verification was not completed"
                    );
                } else {
                    tracing::warn!(
                        error = chain(&trouble),
                        target_name = report.target,
                        failures,
                        "a verification was not completed again"
                    );
                }
                let pause = retry_delay(failures.saturating_add(1), AGAIN_AFTER, AGAIN_AFTER_MAX);
                VerificationDue { at: Instant::now() + pause, failures: failures.saturating_add(1) }
            }
        };
        let is_news = report.found_something() || !matches!(report.who.as_str(), "schedule" | "writer");
        if report.found_something() {
            tracing::warn!(
                target_name = report.target,
                differed = report.differed,
                leavers = report.leavers,
                unknown = report.unknown,
                "the writer had another state than was decided: what differed was sent again"
            );
        }
        let tx = self.parts.store.begin().await?;
        verification::save_verification(&tx, &report).await?;
        let facts = if is_news && report.state == VerificationState::Finished {
            vec![verification_fact(&report)]
        } else {
            vec![]
        };
        let parcel = relay::store_batch(&tx, SERVICE, bus::OutgoingMessage::facts(SERVICE, &facts)).await?;
        tx.commit().await.map_err(StoreError::statement("save a verification"))?;
        self.parts.relay.send(parcel).await;
        Ok(due)
    }
}

/// Builds the fact about a completed verification.
fn verification_fact(report: &Verification) -> FactRecord {
    FactRecord {
        id: format!("ver:{}:{}", report.target, report.began_at),
        at: now(),
        subject: format!("target:{}", report.target),
        trace: None,
        fact: Fact::Verified {
            target: report.target.clone(),
            who: report.who.clone(),
            compared: report.compared,
            differed: report.differed,
            sent_again: report.sent_again,
            unknown: report.unknown,
        },
    }
}
