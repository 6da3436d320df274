//! Obligations: compares accounts that must be off with what the writer knows of them, from stored state and by index.
//!
//! A decision ([`crate::work`]) opens an obligation, and only evidence closes it. Young obligations are compared every few
//! seconds, all open ones every minute. Proven ones are compared again for as many days as the policy says: an account that
//! becomes active again reopens its obligation. Any number of replicas may do this: each row changes once.

mod check;
mod counts;
pub(crate) mod others;
mod seed;
pub(crate) mod undecided;
mod unpublished;

pub(crate) use counts::count_obligations;
pub(crate) use seed::ObligationSeeder;

use std::sync::Arc;
use std::time::Duration;

use bus::Bus;
use lifecycle::{FindingKind, TargetLeaverCounts, unix_micros};
use relay::OutboxPublisher;
use store::{Store, StoreError};
use telemetry::{Shutdown, chain};
use tokio::sync::watch;

use crate::now;
use crate::policies::PolicySet;
use crate::rows::finding;

/// The interval at which the table is searched for rows that must be compared.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The interval at which the gauges are set.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// The number of pages that are compared before other work continues.
const PAGES_AT_ONCE: usize = 8;
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Compares obligations with the writer's evidence.
pub(crate) struct LeaverVerifier {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) relay: OutboxPublisher,
    pub(crate) policies: watch::Receiver<Arc<PolicySet>>,
}

impl LeaverVerifier {
    /// Runs until shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut count = tokio::time::interval(COUNT_EVERY);
        count.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut others = tokio::time::interval(LOOK_EVERY);
        others.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                () = shutdown.soft.cancelled() => return,
                _ = look.tick() => self.look().await,
                _ = count.tick() => self.measure().await,
                _ = others.tick() => self.look_up_others().await,
            };
            if let Err(error) = done {
                let error = chain(&error);
                tracing::warn!(error, "could not compare leavers with the writer yet");
            }
        }
    }

    /// Compares up to [`PAGES_AT_ONCE`] pages, and publishes alerts for obligations that are overdue.
    async fn look(&self) -> Result<(), StoreError> {
        for _ in 0..PAGES_AT_ONCE {
            if !self.check_page().await? {
                break;
            }
        }
        self.alert_overdue().await
    }

    /// Sets the gauges of findings and obligations.
    async fn measure(&self) -> Result<(), StoreError> {
        let findings = finding::finding_counts(self.store.reader()).await?;
        telemetry::metrics::set_findings(FindingKind::Contradiction, "", findings.contradictions);
        telemetry::metrics::set_findings(FindingKind::Unread, "", findings.unread);
        telemetry::metrics::set_findings(FindingKind::RefusedDeparture, "", findings.refused_departures);
        telemetry::metrics::set_findings(FindingKind::Refused, "", findings.refused);
        for policy in self.policies.borrow().iter() {
            let count = findings.unbuilt.get(policy.target()).copied().unwrap_or_default();
            telemetry::metrics::set_findings(FindingKind::Unbuilt, policy.target(), count);
        }
        let counts = count_obligations(self.store.reader(), unix_micros(now())).await?;
        for policy in self.policies.borrow().iter() {
            let target = policy.target();
            set_gauges(target, counts.by_target.get(target).copied().unwrap_or_default());
        }
        telemetry::metrics::undecided_departures(counts.undecided);
        for (target, count) in &counts.by_target {
            set_gauges(target, *count);
        }
        Ok(())
    }
}

fn set_gauges(target: &str, count: TargetLeaverCounts) {
    let TargetLeaverCounts { with_access, overdue, kept_by_policy, other_accounts, .. } = count;
    telemetry::metrics::set_leavers(target, with_access, overdue, kept_by_policy);
    telemetry::metrics::other_accounts(target, other_accounts);
}

/// Returns the time of the next comparison of an open obligation. The younger it is, the sooner the comparison.
fn next_check_of_open(since: i64, now: i64) -> i64 {
    let pause = match now.saturating_sub(since) {
        age if age < 10 * SECOND => SECOND,
        age if age < MINUTE => 5 * SECOND,
        age if age < 5 * MINUTE => 15 * SECOND,
        _ => MINUTE,
    };
    now.saturating_add(pause)
}

/// Returns the time of the next comparison of a proven obligation, or `None` if it is no longer compared.
fn next_check_of_proven(proven_at: i64, verify_until: i64, now: i64) -> Option<i64> {
    let pause = match now.saturating_sub(proven_at) {
        age if age < MINUTE => 10 * SECOND,
        age if age < 10 * MINUTE => MINUTE,
        age if age < HOUR => 10 * MINUTE,
        age if age < 24 * HOUR => HOUR,
        _ => 24 * HOUR,
    };
    Some(now.saturating_add(pause)).filter(|next| *next <= verify_until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_one_is_compared_every_minute_at_least_and_a_proven_one_until_its_days_are_over() {
        assert_eq!(next_check_of_open(0, 5 * SECOND), 6 * SECOND);
        for age in [0, SECOND, MINUTE, HOUR, 1_000 * HOUR] {
            let next = next_check_of_open(0, age);
            assert!(next > age && next <= age + MINUTE, "after {age}");
        }
        let until = 30 * 24 * HOUR;
        assert_eq!(next_check_of_proven(0, until, 0), Some(10 * SECOND));
        assert_eq!(next_check_of_proven(0, until, 48 * HOUR), Some(72 * HOUR));
        assert_eq!(next_check_of_proven(0, until, until), None);
    }
}
