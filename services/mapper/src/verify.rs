//! Compares what was decided with what the writer knows of it, and sends again what differs.
//!
//! A command can be lost although nobody made a mistake: a database is restored from a backup, a stream drops what a service
//! that was stopped had not read, somebody purges it. Both services make digests of what is desired by ranges of keys; only
//! ranges about which they do not agree are looked at entry by entry. What differs still when the writer has taken every
//! command that was published by then is decided about once more and sent with a revision greater than both, departures
//! first. What the writer has and nobody here knows is listed and left alone.

mod compare;
mod ours;
mod theirs;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::Bus;
use lifecycle::{Fact, FactRecord, Verification, VerificationState, VerifiedRequest, unix_micros, verb};
use relay::OutboxPublisher;
use store::lease::TableLease;
use store::{Store, StoreError};
use telemetry::Shutdown;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::policies::PolicySet;
use crate::rows::verification;
use crate::subjects::SeedMaker;
use crate::{SERVICE, now};

/// The service that is compared with.
const WRITER: &str = "writer";
/// How long the writer may take for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a replica that says nothing any more keeps others from verifying a target.
const LEASE: Duration = Duration::from_secs(180);
/// When a verification that failed is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(60);
/// How often it is looked whether something is due.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Who asked for verifications of which targets.
#[derive(Debug, Default)]
pub(crate) struct RequestedVerifications {
    targets: Mutex<BTreeMap<String, String>>,
    wake: Notify,
}

impl RequestedVerifications {
    /// Lets `target` be verified at once.
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

/// Why a verification was not completed.
#[derive(Debug, thiserror::Error)]
enum VerificationTrouble {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The writer.
    #[error(transparent)]
    Writer(#[from] bus::ControlFailure),
    /// The broker.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// What was to be sent again is not published.
    #[error("what differs could not be sent again")]
    Publish(#[from] bus::PublishError),
    /// Commands wait in the outbox.
    #[error("commands wait until the broker takes them")]
    OutboxWaits,
    /// The writer is behind.
    #[error("the writer does not take the commands that are published")]
    NotTaken,
    /// Others write about the same people all the time.
    #[error("others write about the same people all the time")]
    Overtaken,
}

/// Verifies targets at start, when asked, and from time to time.
pub(crate) struct TargetVerifier {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) relay: OutboxPublisher,
    pub(crate) policies: watch::Receiver<Arc<PolicySet>>,
    pub(crate) seeds: SeedMaker,
    pub(crate) stale: Arc<Notify>,
    pub(crate) asked: Arc<RequestedVerifications>,
    pub(crate) every: Duration,
    /// Names this process in leases.
    pub(crate) replica: String,
}

/// When a target is to be verified again.
#[derive(Debug, Clone, Copy)]
struct VerificationDue {
    at: Instant,
    failures: u32,
}

impl TargetVerifier {
    /// Verifies what is due until shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut due: HashMap<String, VerificationDue> = HashMap::new();
        loop {
            let targets: Vec<String> =
                self.policies.borrow().iter().map(|policy| policy.target().to_owned()).collect();
            for target in targets {
                let known =
                    due.entry(target.clone()).or_insert(VerificationDue { at: Instant::now(), failures: 0 });
                if known.at > Instant::now() && !self.asked.is_asked(&target) {
                    continue;
                }
                let who = self.asked.take(&target).unwrap_or_else(|| "schedule".to_owned());
                tokio::select! {
                    () = shutdown.soft.cancelled() => return,
                    next = self.verify(&target, &who, known.failures) => *known = next,
                }
            }
            tokio::select! {
                () = shutdown.soft.cancelled() => return,
                () = self.asked.wake.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Verifies one target, unless another replica does; says when it is due again.
    async fn verify(&self, target: &str, who: &str, failures: u32) -> VerificationDue {
        let name = format!("verify:{target}");
        let lease = match TableLease::acquire(&self.store, SERVICE, &name, &self.replica, LEASE).await {
            Ok(Some(lease)) => lease,
            Ok(None) => {
                self.asked.ask(target, who);
                return VerificationDue { at: Instant::now() + AGAIN_AFTER, failures };
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "could not begin a verification");
                return VerificationDue { at: Instant::now() + AGAIN_AFTER, failures };
            }
        };
        let began = now();
        let mut report = Verification {
            target: target.to_owned(),
            who: who.to_owned(),
            began_at: unix_micros(began),
            began: Some(began),
            ..Verification::default()
        };
        let worked = self.work(&mut report).await;
        let ended = self.end(report, worked, failures).await;
        if let Err(error) = lease.release(&self.store).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "the lease of a verification runs out");
        }
        match ended {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "could not keep a verification");
                VerificationDue { at: Instant::now() + AGAIN_AFTER, failures }
            }
        }
    }

    /// Says whether everything that was accepted before is merged; otherwise it has to be done again soon.
    async fn work(&self, report: &mut Verification) -> Result<bool, VerificationTrouble> {
        verification::save_verification(self.store.writer(), report).await?;
        let is_current = self.events_are_merged().await?;
        let begun = self.compare(report).await?;
        let request = VerifiedRequest { target: report.target.clone(), begun };
        let () = self.bus.request(WRITER, verb::VERIFIED, &request, ANSWER_TIMEOUT).await?;
        Ok(is_current)
    }

    /// Keeps and tells what was found.
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
                report.error = Some(in_words(&trouble));
                tracing::debug!(
                    error = &trouble as &dyn std::error::Error,
                    target_name = report.target,
                    "a verification was not completed"
                );
                let pause = AGAIN_AFTER.saturating_mul(1 << failures.min(5)).min(AGAIN_AFTER_MAX);
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
        let tx = self.store.begin().await?;
        verification::save_verification(&tx, &report).await?;
        let facts = if is_news && report.state == VerificationState::Finished {
            vec![verification_fact(&report)]
        } else {
            vec![]
        };
        let parcel = relay::store_batch(&tx, SERVICE, bus::OutgoingMessage::facts(SERVICE, &facts)).await?;
        tx.commit().await.map_err(StoreError::statement("keep a verification"))?;
        self.relay.send(parcel).await;
        Ok(due)
    }
}

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

/// The whole chain of causes.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(&format!(": {error}"));
        cause = error.source();
    }
    words
}
