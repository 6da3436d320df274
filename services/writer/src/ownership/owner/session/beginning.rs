//! Begins jobs: notes the rows that are about to be sent, and lets only those be sent.

use lifecycle::{HeldBy, ResourceKind};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use store::StoreError;
use telemetry::chain;
use tracing::Instrument;

use super::super::work::{work_on_members, work_on_resource};
use super::OwnershipSession;
use crate::converge::members::MembersJob;
use crate::converge::outcome::ConvergeProgress;
use crate::delivery::pacer::RequestPermit;
use crate::guard::group_limit;
use crate::guard::permission::{forget_noted, note_sending};
use crate::ownership::ready::{ReadyJob, ResourceJob};
use crate::rows::edge::HeldMembership;
use crate::rows::facts::TransactionFacts;
use crate::rows::words::RowStatus;
use crate::rows::{ResourceKey, edge, resource};

/// The interval between jobs that are taken from the least urgent lane, so that no lane waits for ever.
const LOW_LANES_EVERY: u32 = 20;
/// The number of rows that are noted at once at a fast target. A crash leaves no more of them in doubt.
const NOTED_MAX: usize = 32;

/// The result of noting memberships as being sent.
enum MembersNoted {
    /// The memberships may be sent, except these.
    MayGo(Vec<HeldMembership>),
    /// Another replica has the target: the notes there are its own.
    Overtaken,
}

impl OwnershipSession<'_> {
    /// Starts the most urgent job with the permit for its first request.
    pub(super) async fn begin(&mut self, permit: RequestPermit) {
        self.begun = self.begun.wrapping_add(1);
        let low_lanes_turn = self.begun.is_multiple_of(LOW_LANES_EVERY);
        let Some(job) = self.ready.pop(low_lanes_turn) else { return };
        let key = job.key();
        if self.in_flight.contains(&key) {
            return;
        }
        match job {
            ReadyJob::Resource(job) => match self.may_begin(&job.row).await {
                Ok(true) => self.begin_resource(*job, permit),
                Ok(false) => {}
                Err(error) => self.could_not_begin(&error),
            },
            ReadyJob::Members(mut job) => match self.mark_sending(&mut job).await {
                Ok(MembersNoted::MayGo(held)) => self.begin_members(*job, held, permit),
                Ok(MembersNoted::Overtaken) => {}
                Err(error) => self.could_not_begin(&error),
            },
        }
    }

    fn could_not_begin(&mut self, error: &StoreError) {
        tracing::warn!(target_name = %self.owner.target, error = chain(error), "could not record the next requests before they are sent");
        self.freshness.stale = true;
    }

    /// Spawns the job for a resource that is noted as being sent.
    fn begin_resource(&mut self, job: ResourceJob, permit: RequestPermit) {
        let key = (job.row.kind(), job.row.subject.clone());
        self.noted.remove(&key);
        self.in_flight.insert(key);
        let progress = ConvergeProgress {
            remote_id: job.row.remote_id.clone(),
            applied: job.row.applied(),
            // Attributes that cannot be parsed are read again at the target.
            in_doubt: job.row.in_doubt || job.row.applied_fault().is_some(),
            off: job.row.off_evidence(),
            was_on: false,
            changed: None,
            delete_after: None,
            origin: job.row.origin(),
            unseen: job.row.unseen(),
            answer_disproved: job.row.answer_disproved_at.is_some(),
            duplicates: job.row.duplicates(),
            candidate: None,
        };
        let span = tracing::info_span!("resource.converge", target = %self.owner.target, subject = %job.row.subject, revision = job.row.desired_revision);
        let trace = telemetry::in_trace(&span, job.row.trace());
        let (target, results) = (self.target.clone(), self.results.clone());
        self.working.spawn(
            work_on_resource(target, (job, self.only_switch_offs), progress, trace, permit, results)
                .instrument(span),
        );
    }

    /// Spawns the job for memberships that are noted as being sent.
    fn begin_members(&mut self, job: MembersJob, held: Vec<HeldMembership>, permit: RequestPermit) {
        self.in_flight.insert((ResourceKind::Membership, job.group.clone()));
        let lane = ReadyJob::Members(Box::new(job.clone())).lane();
        let span = tracing::info_span!("members.converge", target = %self.owner.target, group = %job.group, edges = job.edges.len());
        let trace = telemetry::in_trace(&span, job.edges.first().and_then(edge::Model::trace));
        let (target, results) = (self.target.clone(), self.results.clone());
        self.working
            .spawn(work_on_members(target, (job, held), lane, trace, permit, results).instrument(span));
    }

    /// Notes the row as being sent together with the guard's permission, and returns whether it may be sent. The rows
    /// that come next are noted along with it.
    async fn may_begin(&mut self, row: &resource::Model) -> Result<bool, StoreError> {
        let key = (row.kind(), row.subject.clone());
        if self.noted.get(&key) == Some(&row.desired_revision) {
            return Ok(true);
        }
        let more = if self.is_slow { 0 } else { NOTED_MAX - 1 };
        let asked: Vec<(ResourceKey, i64)> = std::iter::once(row)
            .chain(self.ready.next_resources(more))
            .map(|row| ((row.kind(), row.subject.clone()), row.desired_revision))
            .filter(|(key, revision)| self.noted.get(key) != Some(revision) && !self.in_flight.contains(key))
            .collect();
        let (store, target) = (&self.owner.store, &self.owner.target);
        let tx = store.begin().await?;
        let mut news = TransactionFacts::default();
        let noted = note_sending(&tx, &self.lease, target, &asked, &mut news).await?;
        let parcel = news.store(&tx).await?;
        tx.commit().await.map_err(StoreError::statement("note rows before they are sent"))?;
        self.owner.relay.send(parcel).await;
        if let Some((count, reason)) = &noted.held {
            tracing::error!(target_name = %target, count, reason, "changes of access are held until a human decides");
        }
        self.freshness.stale |= noted.may_go.len() < asked.len();
        let may_begin = noted.may_go.contains(&key);
        self.noted.extend(asked.into_iter().filter(|(key, _)| noted.may_go.contains(key)));
        Ok(may_begin)
    }

    /// Clears the notes of rows that are not sent after all: they are not in doubt.
    pub(super) async fn forget_noted(&self) {
        let keys: Vec<ResourceKey> =
            self.noted.keys().filter(|key| !self.in_flight.contains(*key)).cloned().collect();
        let forgotten = async {
            let tx = self.owner.store.begin().await?;
            if self.lease.in_force(&tx).await? {
                forget_noted(&tx, &self.lease, &self.owner.target, &keys).await?;
            }
            tx.commit().await.map_err(StoreError::statement("clear the notes of rows that were not sent"))
        };
        if let Err(error) = forgotten.await {
            tracing::warn!(target_name = %self.owner.target, error = chain(&error), "what was to be sent is read back by the next owner");
        }
    }

    /// Notes the memberships that a crash would leave in doubt. In the same transaction, removes those beyond a person's
    /// limit from the job, and returns them with the reason.
    async fn mark_sending(&self, job: &mut MembersJob) -> Result<MembersNoted, StoreError> {
        let (target, limit) = (&self.owner.target, self.target.client.profile().groups_per_user_max);
        let tx = self.owner.store.begin().await?;
        let in_force = match limit {
            Some(_) => self.lease.in_force_alone(&tx).await?,
            None => self.lease.in_force(&tx).await?,
        };
        if !in_force {
            return Ok(MembersNoted::Overtaken);
        }
        let mut held = std::mem::take(&mut job.barred);
        if let Some(max) = limit {
            let excess = group_limit::take_excess(&tx, target, max, &job.group, &mut job.edges).await?;
            let reason = group_limit::limit_reason(max);
            held.extend(excess.into_iter().map(|edge| HeldMembership {
                edge,
                by: HeldBy::Profile,
                reason: reason.clone(),
            }));
        }
        let members: Vec<&str> = job.edges.iter().map(|edge| edge.member_subject.as_str()).collect();
        for members in members.chunks(store::ROWS_PER_STATEMENT_MAX) {
            edge::Entity::update_many()
                .col_expr(edge::Column::Status, Expr::value(RowStatus::Sending))
                .filter(edge::Column::Target.eq(target))
                .filter(edge::Column::GroupSubject.eq(&job.group))
                .filter(edge::Column::MemberSubject.is_in(members.iter().copied()))
                .exec(&tx)
                .await
                .map_err(StoreError::statement("begin memberships"))?;
        }
        tx.commit().await.map_err(StoreError::statement("begin memberships"))?;
        Ok(MembersNoted::MayGo(held))
    }
}
