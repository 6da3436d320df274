//! Commits the results of jobs: many results, one transaction, one outbox batch of facts.

use std::time::Duration;

use lifecycle::{Fact, ResourceKind};
use relay::{OutboxBatch, OutboxPublisher};
use retry::RetryLog;
use sea_orm::DatabaseTransaction;
use store::{Store, StoreError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::RetryConfig;
use crate::converge::outcome::{ConvergeOutcome, WorkResult, WorkedResource};
use crate::delivery::operation::FailedOperation;
use crate::delivery::trouble::ConvergeTrouble;
use crate::guard::orphans;
use crate::guard::permission;
use crate::guard::safety;
use crate::lease::{TargetLease, database_now};
use crate::rows::access::OffEvidence;
use crate::rows::access::takes_away;
use crate::rows::facts::{SERVICE, TransactionFacts};
use crate::rows::words::RowStatus;
use crate::rows::{ResourceKey, control, failures, load_resources, resource, save_resources};
use crate::{micros, moment_of, now};

mod aside;
mod claims;
mod edges;
mod links;
mod names;
mod schedule;
mod timeline;

pub(crate) use links::wake_forgotten_memberships;
pub(crate) use names::look_at_waiting;
pub(crate) use schedule::POSTPONED_MAX;

/// The maximum number of results per transaction.
const BATCH_MAX: usize = 256;
/// The tolerance for conclusions from before the owner heard that an operator resumed the target, in microseconds. They do not count.
const LET_GO_ON_MICROS: i64 = 10_000_000;
/// The number of refusals of a batch by a database that is not busy, before the failing result is searched for.
const REFUSED_MAX: u32 = 2;
const RETRY_COMMIT_AFTER: Duration = Duration::from_millis(200);

/// The notice to the owner after each commit.
#[derive(Debug)]
pub(crate) struct CommittedResults {
    /// The keys of rows that are no longer being worked on.
    pub(crate) keys: Vec<ResourceKey>,
    /// True if the lease was lost: nothing was committed.
    pub(crate) lease_lost: bool,
}

/// Commits the results of one owned target.
pub(crate) struct ResultCommitter {
    pub(crate) store: Store,
    pub(crate) relay: OutboxPublisher,
    pub(crate) lease: TargetLease,
    /// Cancelled when the process must end.
    pub(crate) stopping: CancellationToken,
    pub(crate) target: String,
    pub(crate) attempts_max: i32,
    pub(crate) retry: RetryConfig,
    /// The time after a create for which a search may not show the resource.
    pub(crate) settle: Duration,
}

impl ResultCommitter {
    /// Runs until every sender is gone and everything is committed. If another replica has the target, results are
    /// refused, and their rows are marked to be read back by that replica.
    pub(crate) async fn run(
        self,
        mut inbox: mpsc::Receiver<WorkResult>,
        done: mpsc::UnboundedSender<CommittedResults>,
    ) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while inbox.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let keys = batch.iter().map(key_of).collect();
            let kept = self.commit_until_done(&batch).await;
            batch.clear();
            // The owner may have ended already: its remaining results are committed all the same.
            let _ = done.send(CommittedResults { keys, lease_lost: !kept });
            if !kept && !self.lease.is_lost() {
                return;
            }
        }
    }

    /// Commits the results that can be stored, and sets aside those that cannot. Returns `false` if the lease is lost.
    async fn commit_until_done(&self, batch: &[WorkResult]) -> bool {
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            match self.commit_part(part).await {
                BatchPart::Stored => {}
                BatchPart::LeaseLost => return false,
                BatchPart::Unstorable(error) => match part {
                    [one] => self.set_aside(one, &error).await,
                    _ => {
                        let (first, second) = part.split_at(part.len() / 2);
                        parts.extend([second, first]);
                    }
                },
            }
        }
        true
    }

    /// Commits a part of a batch. Retries until the database accepts it, is found to refuse it, or the lease is lost.
    async fn commit_part(&self, part: &[WorkResult]) -> BatchPart {
        let mut refused = 0;
        let retries = RetryLog::new();
        loop {
            let error = match self.commit(part).await {
                Ok(Some(parcel)) => {
                    self.relay.send(parcel.0).await;
                    return BatchPart::Stored;
                }
                Ok(None) => return BatchPart::LeaseLost,
                Err(error) => error,
            };
            retries.failed(&format!("results of {}", self.target), &error);
            refused += u32::from(!error.is_conflict());
            if refused >= REFUSED_MAX && self.database_works().await {
                return BatchPart::Unstorable(error);
            }
            // Results are kept until the database accepts them. They count as long as no other replica has the target,
            // also if the term has ended meanwhile. A process that must end waits no longer than for its term.
            if self.stopping.is_cancelled() && !self.lease.is_ours() {
                return BatchPart::LeaseLost;
            }
            tokio::time::sleep(RETRY_COMMIT_AFTER).await;
        }
    }

    /// Returns whether the database takes writes at all: if so, the refused results are at fault.
    async fn database_works(&self) -> bool {
        let probed = async {
            let tx = self.store.begin().await?;
            let row = control::load_control(&tx, &self.target).await?;
            control::save_control(&tx, row, [control::Column::AskedToWaitUntil]).await?;
            tx.commit().await.map_err(StoreError::statement("try the database"))
        };
        probed.await.is_ok()
    }

    /// Commits results in one transaction. Returns `None` if another replica owns the target.
    async fn commit(&self, batch: &[WorkResult]) -> Result<Option<ResultBatch>, StoreError> {
        let tx = self.store.begin().await?;
        if !self.lease.in_force(&tx).await? {
            tracing::warn!(target_name = %self.target, results = batch.len(), "another replica owns the target: results refused");
            aside::leave_to_be_read_back(&tx, &self.target, batch, database_now(&self.store, &tx).await?)
                .await?;
            tx.commit().await.map_err(StoreError::statement("leave results to be read back"))?;
            return Ok(None);
        }
        let mut news = TransactionFacts::default();
        self.commit_resources(&tx, batch, &mut news).await?;
        if batch.iter().any(WorkResult::may_have_died)
            && let Some(why) = safety::quarantine_target(&tx, &self.target, &mut news).await?
        {
            tracing::error!(target_name = %self.target, why, "the target is paused");
        }
        for (why, at) in batch.iter().filter_map(WorkResult::doubts) {
            let row = control::load_control(&tx, &self.target).await?;
            if row.paused_by.is_none()
                && row.paused_at.is_none_or(|let_go_on| let_go_on + LET_GO_ON_MICROS < at)
            {
                safety::pause_grants(&tx, &self.target, why, &mut news).await?;
                tracing::error!(target_name = %self.target, why, "the target is paused");
            }
        }
        for worked in batch {
            if let WorkResult::Members(members) = worked {
                self.commit_members(&tx, members, &mut news).await?;
            }
        }
        store::outbox::delete_rows(&tx, SERVICE, &self.relay.take_published().await).await?;
        let parcel = news.store(&tx).await?;
        tx.commit().await.map_err(StoreError::statement("commit results"))?;
        Ok(Some(ResultBatch(parcel)))
    }

    /// Stores the results for people and groups, and spreads the effects of changed links and values.
    async fn commit_resources(
        &self,
        tx: &DatabaseTransaction,
        batch: &[WorkResult],
        news: &mut TransactionFacts,
    ) -> Result<(), StoreError> {
        let at = database_now(&self.store, tx).await?;
        for kind in [ResourceKind::User, ResourceKind::Group] {
            let worked: Vec<&WorkedResource> = batch
                .iter()
                .filter_map(|w| match w {
                    WorkResult::Resource(r) if r.row.kind() == kind => Some(&**r),
                    _ => None,
                })
                .collect();
            if worked.is_empty() {
                continue;
            }
            let subjects: Vec<String> = worked.iter().map(|w| w.row.subject.clone()).collect();
            let mut rows = load_resources(tx, &self.target, kind, &subjects, true).await?;
            let mut changes = links::LinkChanges::default();
            let mut linked = Vec::new();
            let mut holders = claims::LinkHolders::load(tx, &self.target, kind, &worked).await?;
            for worked in worked {
                let refused = holders.take(worked);
                let worked = refused.as_ref().unwrap_or(worked);
                let Some(row) = rows.get_mut(&worked.row.subject) else { continue };
                let (had_link, had) = (row.remote_id.clone(), row.applied());
                self.apply(row, worked, news, (tx, at)).await?;
                changes.note(row, had_link.as_deref(), &had);
                if kind == ResourceKind::User {
                    changes.refer(&row.subject, &worked.references, had_link.is_some());
                }
                linked.extend(row.remote_id.clone().filter(|_| had_link.is_none()));
            }
            let mut rows: Vec<resource::Model> = rows.into_values().collect();
            rows.sort_by_key(|row| row.remote_id.is_some()); // a link that is given up goes before the one that takes it
            save_resources(tx, rows).await?;
            if kind == ResourceKind::User {
                orphans::forget_orphans(tx, &self.target, &linked).await?;
            }
            changes.spread(tx, &self.target, kind, micros(now()), news).await?;
        }
        Ok(())
    }

    /// Updates the row with the result, and decides its next status.
    async fn apply(
        &self,
        row: &mut resource::Model,
        worked: &WorkedResource,
        news: &mut TransactionFacts,
        (tx, at): (&DatabaseTransaction, i64),
    ) -> Result<(), StoreError> {
        news.extend(worked.facts.clone());
        let progress = &worked.progress;
        row.remote_id.clone_from(&progress.remote_id);
        row.set_applied(&progress.applied);
        if progress.was_on {
            // The account came back in the meantime, so evidence that it is off is new.
            row.was_seen_on(at);
        }
        row.keep_evidence(off_evidence(worked), at);
        let must_be_off = row.desired().is_ok_and(|desired| takes_away(&desired));
        row.set_duplicates(progress.duplicates.as_deref().filter(|_| must_be_off));
        row.set_candidate(progress.candidate.as_ref());
        row.origin = progress.origin.map(|origin| origin.as_str().to_owned());
        // The row was queued again while it was being worked on: it stays in the queue, and in doubt.
        let asked_again = row.is_queued() && row.next_attempt_at > worked.row.next_attempt_at;
        let overtaken = row.desired_revision != worked.row.desired_revision || asked_again;
        row.in_doubt = progress.in_doubt || (asked_again && row.in_doubt);
        if !overtaken {
            failures::keep_failures(&mut row.failures, &worked.failed);
        }
        row.unseen = progress.unseen.map(|unseen| unseen.as_str().to_owned());
        match &worked.outcome {
            ConvergeOutcome::Deferred => {}
            ConvergeOutcome::Doubtful { why, .. } => row.last_error = Some(why.clone()),
            ConvergeOutcome::Settled { how, awaits, note } => {
                row.applied_revision = worked.row.desired_revision;
                self.tell_settled(worked, *how, *note, news);
                if !overtaken {
                    let since = row.off_evidence_at;
                    row.delete_at =
                        progress.delete_after.zip(since).map(|(grace, at)| at.saturating_add(grace));
                    row.rest(RowStatus::InSync);
                    row.attempts = 0;
                    row.failures = None;
                    row.waiting = None;
                    let date = row.delete_at.map(|at| format!("to be deleted on {}: ", moment_of(at).date()));
                    row.last_error = note.map(|note| format!("{}{note}", date.unwrap_or_default()));
                    row.awaits.clone_from(awaits);
                }
            }
            _ if overtaken => {} // the newer revision is in the queue already
            ConvergeOutcome::Postponed { trouble, times } => self.postpone(row, trouble, *times),
            ConvergeOutcome::Unproven { trouble, .. } => self.look_again_later(row, trouble),
            _ if *row.status() == RowStatus::Held => {} // held while it was under way
            ConvergeOutcome::Held { by, reason } => {
                row.hold(*by, reason.clone(), micros(now()));
                safety::tell_held(row, reason, news);
            }
            ConvergeOutcome::Waiting { taken, trouble } => Self::let_wait(row, taken, trouble),
            ConvergeOutcome::Retry(trouble) if row.attempts + 1 < self.attempts_max => {
                self.retry_later(row, trouble)
            }
            ConvergeOutcome::Retry(trouble) | ConvergeOutcome::Dead(trouble) => {
                row.attempts += 1;
                self.give_up(row, trouble, news, tx).await?;
            }
            ConvergeOutcome::Conflict { found } => {
                let trouble = ConvergeTrouble {
                    operation: FailedOperation::Adopt,
                    class: lifecycle::AttemptClass::AlreadyExists,
                    error: found.clone(),
                    exchange: None,
                };
                self.give_up(row, &trouble, news, tx).await?;
                row.rest(RowStatus::Conflict);
                let id = format!("con:{}:{}:{}:{}", row.target, row.kind, row.subject, row.desired_revision);
                let fact = Fact::Conflict {
                    target: row.target.clone(),
                    kind: row.kind(),
                    revision: row.desired_revision,
                    found: found.clone(),
                };
                news.tell(id, &row.subject, row.trace(), fact);
            }
        }
        self.settle_permission(row, worked, overtaken, tx).await
    }

    /// Counts the change of access that was carried out, or may have been, instead of its reservation.
    async fn settle_permission(
        &self,
        row: &mut resource::Model,
        worked: &WorkedResource,
        overtaken: bool,
        tx: &DatabaseTransaction,
    ) -> Result<(), StoreError> {
        let progress = &worked.progress;
        let settled = matches!(worked.outcome, ConvergeOutcome::Settled { .. });
        let wanted_off = worked.row.desired().is_ok_and(|desired| takes_away(&desired));
        let counted = row.access_change().filter(|_| row.reserved);
        // An earlier request had no answer, and the target has the state that it would have left; or the request is not repeated.
        let was_done = (worked.row.in_doubt && settled) || (progress.in_doubt && !row.is_queued());
        let earlier = counted.filter(|change| was_done && change.takes_away() == wanted_off);
        let changed = progress.changed.or(earlier);
        if let Some(change) = changed.filter(|_| row.reserved || !worked.row.is_let_through()) {
            permission::count_change(tx, row, change).await?;
        }
        row.sending_epoch = None;
        row.reserved &= changed.is_none() && progress.in_doubt && row.is_queued();
        match row.desired() {
            Ok(desired) if overtaken || !settled => row.count_change(&desired),
            _ => row.access_change = None,
        }
        Ok(())
    }
}

/// The outbox batch of committed results.
struct ResultBatch(Option<OutboxBatch>);

/// The result of storing a part of a batch.
enum BatchPart {
    Stored,
    LeaseLost,
    /// The database works, and refuses the part.
    Unstorable(StoreError),
}

/// Returns the evidence that the account is off after this work, or `None` if it may be on.
fn off_evidence(worked: &WorkedResource) -> Option<OffEvidence> {
    let progress = &worked.progress;
    let is_on = progress.remote_id.is_some() && progress.applied.get("active") == Some(&true.into());
    let may_be_on = progress.in_doubt && worked.row.desired().is_ok_and(|desired| !takes_away(&desired));
    progress.off.filter(|_| !is_on && !may_be_on)
}

fn key_of(worked: &WorkResult) -> ResourceKey {
    match worked {
        WorkResult::Resource(resource) => (resource.row.kind(), resource.row.subject.clone()),
        WorkResult::Members(members) => (ResourceKind::Membership, members.group.clone()),
    }
}
