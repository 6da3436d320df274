//! What a result means for a row: when it is tried again, or that it is given up or settled.

use std::time::Duration;

use lifecycle::{DeadLetter, DeadLetterId};
use retry::retry_delay;
use sea_orm::DatabaseTransaction;
use store::StoreError;

use super::ResultCommitter;
use crate::converge::outcome::WorkedResource;
use crate::delivery::trouble::ConvergeTrouble;
use crate::rows::facts::{SettledFact, TransactionFacts};
use crate::rows::settled::SettledOutcome;
use crate::rows::words::RowStatus;
use crate::rows::{dead, failures, resource};
use crate::{micros, now};

/// The maximum time for which the target's failures postpone one resource: longer than the pacer's pauses, so that
/// another resource is tried first after them.
pub(crate) const POSTPONED_MAX: Duration = Duration::from_secs(40);
/// The delay before a resource that is missing, and cannot be proven gone, is searched for again: it may be back at any moment.
const UNPROVEN_AFTER: Duration = Duration::from_secs(10);

impl ResultCommitter {
    /// Postpones the row behind the others for a while. It is woken when the target recovers.
    pub(super) fn postpone(&self, row: &mut resource::Model, trouble: &ConvergeTrouble, times: u32) {
        row.last_error = Some(trouble.error.clone());
        row.next_attempt_at =
            micros_after(self.settled(row, retry_delay(times, self.retry.initial(), POSTPONED_MAX)));
    }

    /// Returns the delay, at least as long as a search may take to show a resource that may have been created.
    pub(super) fn settled(&self, row: &resource::Model, delay: Duration) -> Duration {
        let may_be_there = row.remote_id.is_none() && (row.in_doubt || row.unseen.is_some());
        if may_be_there { delay.max(self.settle) } else { delay }
    }

    /// Schedules another search, without a limit on their number: the row stays open until its absence is proven, and no
    /// search counts as a failed try.
    pub(super) fn look_again_later(&self, row: &mut resource::Model, trouble: &ConvergeTrouble) {
        row.last_error = Some(trouble.error.clone());
        row.enqueue(RowStatus::Retrying, micros_after(self.retry.max().min(UNPROVEN_AFTER)));
    }

    /// Queues the row for a retry with a growing delay.
    pub(super) fn retry_later(&self, row: &mut resource::Model, trouble: &ConvergeTrouble) {
        row.attempts += 1;
        row.last_error = Some(trouble.error.clone());
        let failures = u32::try_from(row.attempts).unwrap_or(1);
        let delay = retry_delay(failures, self.retry.initial(), self.retry.max());
        row.enqueue(RowStatus::Retrying, micros_after(self.settled(row, delay)));
    }

    /// Adds the fact that the target agrees, and updates the latency metric.
    pub(super) fn tell_settled(
        &self,
        worked: &WorkedResource,
        how: SettledOutcome,
        note: Option<&'static str>,
        news: &mut TransactionFacts,
    ) {
        let row = &worked.row;
        let latency_ms = (micros(now()) - row.accepted_at) / 1_000;
        if how.is_timed() {
            let took = Duration::from_millis(u64::try_from(latency_ms).unwrap_or(0));
            telemetry::metrics::accept_to_target(&self.target, row.lane(), took);
        }
        news.settled(&SettledFact {
            target: &self.target,
            kind: row.kind(),
            subject: &row.subject,
            member_of: None,
            revision: row.desired_revision,
            outcome: how,
            note,
            latency_ms,
            trace: row.trace(),
            again: row.next_attempt_at,
        });
    }

    /// Gives up a row, and opens a dead letter.
    pub(super) async fn give_up(
        &self,
        row: &mut resource::Model,
        trouble: &ConvergeTrouble,
        news: &mut TransactionFacts,
        tx: &DatabaseTransaction,
    ) -> Result<(), StoreError> {
        let letter = DeadLetter {
            id: DeadLetterId::fresh(),
            target: row.target.clone(),
            kind: row.kind(),
            subject: row.subject.clone(),
            member_of: None,
            revision: row.desired_revision,
            operation: trouble.operation.as_str().to_owned(),
            class: trouble.class,
            error: trouble.error.clone(),
            attempts: row.attempts,
            exchange: trouble.exchange.clone(),
            failures: failures::take_failures(&mut row.failures),
        };
        tracing::warn!(target_name = %row.target, subject = %row.subject, dead_letter = %letter.id, operation = trouble.operation.as_str(), class = trouble.class.as_str(), "resource needs a human");
        row.rest(RowStatus::Dead);
        row.last_error = Some(trouble.error.clone());
        row.dead_letter = Some(letter.id.to_string());
        dead::open_letter(tx, &letter, None).await?;
        news.died(letter, row.trace());
        Ok(())
    }
}

/// Returns the time after this delay, in microseconds since the Unix epoch.
pub(super) fn micros_after(delay: Duration) -> i64 {
    micros(now()).saturating_add(i64::try_from(delay.as_micros()).unwrap_or(i64::MAX))
}
