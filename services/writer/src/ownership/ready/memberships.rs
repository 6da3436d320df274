//! Memberships that can be worked on, by group: as many as one request carries, additions first.

use std::collections::HashMap;

use lifecycle::{Lane, ResourceKind};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use store::StoreError;

use super::{QueueSource, WINDOW};
use crate::converge::members::MembersJob;
use crate::delivery::leftovers;
use crate::guard::nesting;
use crate::guard::never::{self, BarredMembers};
use crate::rows::words::RowStatus;
use crate::rows::{edge, load_resources};

/// The time for which memberships of a group are collected while accounts are being worked on, in microseconds, so that
/// one request carries many.
const LINGER_MICROS: i64 = 1_000_000;
/// The number of memberships of one group that are read at once, unless one request carries more.
const EDGES_WINDOW: usize = 2_000;
/// The number of memberships of all groups that are read at once. The last group may exceed it.
const EDGES_AT_ONCE: usize = 8_000;
/// The number of memberships in doubt that one reading of their group settles.
const UNSURE_PER_LOOK_MAX: u64 = 10_000;

impl QueueSource<'_> {
    /// Returns the next jobs of each group. While accounts are `busy`, less urgent groups are collected for a while.
    pub(super) async fn membership_jobs(
        &self,
        busy: bool,
        now: i64,
    ) -> Result<Vec<Vec<MembersJob>>, StoreError> {
        let (mut jobs, mut edges) = (Vec::new(), 0);
        for group in self.groups_with_work(now).await? {
            let full = usize::try_from(group.edges).unwrap_or(0) >= self.members_per_request_max;
            let urgent = group.lane <= Lane::Mover.rank();
            let lingered = group.since <= now - LINGER_MICROS;
            let key = (ResourceKind::Membership, group.group_subject.clone());
            if (busy && !full && !urgent && !lingered) || self.in_flight.contains(&key) {
                continue;
            }
            let of_group = self.jobs_of_group(group.group_subject, now).await?;
            edges += of_group.iter().map(|job| job.edges.len()).sum::<usize>();
            jobs.push(of_group);
            if jobs.len() >= WINDOW || edges >= EDGES_AT_ONCE {
                break;
            }
        }
        self.leftover_jobs(&mut jobs, now).await?;
        Ok(jobs)
    }

    /// Adds jobs for groups that may still list accounts that are gone, after all other jobs of the same group.
    async fn leftover_jobs(&self, jobs: &mut Vec<Vec<MembersJob>>, now: i64) -> Result<(), StoreError> {
        for (group_id, leftovers) in leftovers::due_leftovers(self.store, self.target, now).await? {
            let group = leftovers[0].group_subject.clone();
            if self.in_flight.contains(&(ResourceKind::Membership, group.clone())) {
                continue;
            }
            let (edges, member_ids) = (Vec::new(), HashMap::new());
            let (group_name, barred) = (None, Vec::new());
            let job = MembersJob { group, group_id, edges, member_ids, leftovers, group_name, barred };
            match jobs.iter_mut().find(|of_group| of_group.first().is_some_and(|it| it.group == job.group)) {
                Some(of_group) => of_group.push(job),
                None => jobs.push(vec![job]),
            }
        }
        Ok(())
    }

    /// Returns the groups with queued memberships, the most urgent first, then those that wait longest.
    async fn groups_with_work(&self, now: i64) -> Result<Vec<GroupWork>, StoreError> {
        let found = edge::Entity::find()
            .select_only()
            .column(edge::Column::GroupSubject)
            .column_as(edge::Column::MemberSubject.count(), "edges")
            .column_as(edge::Column::Lane.min(), "lane")
            .column_as(edge::Column::NextAttemptAt.min(), "since")
            .filter(edge::Column::Target.eq(self.target))
            .filter(edge::Column::Queued.eq(true))
            .filter(edge::Column::Status.is_in(RowStatus::KNOWN.iter().cloned()))
            .filter(edge::Column::NextAttemptAt.lte(now))
            .group_by(edge::Column::GroupSubject)
            .into_model::<GroupWork>()
            .all(self.store.reader())
            .await;
        let mut groups = found.map_err(StoreError::statement("read the queue of memberships"))?;
        groups.sort_unstable_by_key(|group| (group.lane, group.since));
        Ok(groups)
    }

    /// Returns the next requests for one group, in order.
    async fn jobs_of_group(&self, group: String, now: i64) -> Result<Vec<MembersJob>, StoreError> {
        let window = self.members_per_request_max.max(EDGES_WINDOW);
        let rows = edge::Entity::find()
            .filter(edge::Column::Target.eq(self.target))
            .filter(edge::Column::GroupSubject.eq(&group))
            .filter(edge::Column::Queued.eq(true))
            .filter(edge::Column::Status.is_in(RowStatus::KNOWN.iter().cloned()))
            .filter(edge::Column::NextAttemptAt.lte(now))
            .order_by_asc(edge::Column::Alone)
            .order_by_asc(edge::Column::Lane)
            .order_by_desc(edge::Column::Desired)
            .limit(u64::try_from(window).unwrap_or(u64::MAX))
            .all(self.store.reader())
            .await
            .map_err(StoreError::statement("read the queue of memberships"))?;
        let unsure = rows.first().is_some_and(|edge| *edge.status() == RowStatus::Unsure && !edge.alone);
        let requests = if unsure && self.members_readable {
            vec![self.unsure_edges(&group, now).await?]
        } else {
            group_requests(rows, self.members_per_request_max)
        };
        let members = requests.iter().flatten().map(edge::Model::member);
        let members = nesting::load_members(self.store.reader(), self.target, members).await?;
        let groups = load_resources(
            self.store.reader(),
            self.target,
            ResourceKind::Group,
            std::slice::from_ref(&group),
            false,
        )
        .await?;
        let group_row = groups.into_values().next();
        let group_name = group_row.as_ref().and_then(never::known_name);
        let bars = BarredMembers::find(&self.owned.never, group_row.as_ref(), &members);
        let ids: HashMap<String, String> =
            members.into_iter().filter_map(|(subject, row)| Some((subject, row.remote_id?))).collect();
        let group_id = group_row.and_then(|row| row.remote_id);
        let mut jobs = Vec::new();
        for edges in requests {
            let both_ends = |edge: &edge::Model| group_id.is_some() && ids.contains_key(&edge.member_subject);
            let (edges, lost): (Vec<edge::Model>, Vec<edge::Model>) = edges.into_iter().partition(both_ends);
            self.let_wait(&group, &lost).await?;
            let (edges, barred) = bars.take(edges);
            let has_work = !edges.is_empty() || !barred.is_empty();
            let Some(group_id) = group_id.clone().filter(|_| has_work) else { continue };
            let id_of = |edge: &edge::Model| {
                Some((edge.member_subject.clone(), ids.get(&edge.member_subject)?.clone()))
            };
            let member_ids = edges.iter().filter_map(id_of).collect();
            let leftovers = Vec::new();
            let (group, group_name) = (group.clone(), group_name.clone());
            jobs.push(MembersJob { group, group_id, edges, member_ids, leftovers, group_name, barred });
        }
        Ok(jobs)
    }

    /// Returns the memberships in doubt of one group: one reading of the group settles all of them.
    async fn unsure_edges(&self, group: &str, now: i64) -> Result<Vec<edge::Model>, StoreError> {
        edge::Entity::find()
            .filter(edge::Column::Target.eq(self.target))
            .filter(edge::Column::GroupSubject.eq(group))
            .filter(edge::Column::Queued.eq(true))
            .filter(edge::Column::Status.eq(RowStatus::Unsure))
            .filter(edge::Column::NextAttemptAt.lte(now))
            .limit(UNSURE_PER_LOOK_MAX)
            .all(self.store.reader())
            .await
            .map_err(StoreError::statement("read the queue of memberships"))
    }

    /// Sets memberships to waiting that lost an end since they were queued, until it is there again. That includes
    /// removals (see [`edge::Model::lose_end`]).
    async fn let_wait(&self, group: &str, lost: &[edge::Model]) -> Result<(), StoreError> {
        if lost.is_empty() {
            return Ok(());
        }
        let tx = self.store.begin().await?;
        for desired in [true, false] {
            let of_these = lost.iter().filter(|edge| edge.desired == desired);
            let members: Vec<&str> = of_these.map(|edge| edge.member_subject.as_str()).collect();
            for members in members.chunks(store::ROWS_PER_STATEMENT_MAX) {
                let mut update = edge::Entity::update_many()
                    .col_expr(edge::Column::Status, Expr::value(RowStatus::Waiting))
                    .col_expr(edge::Column::Queued, Expr::value(false));
                if desired {
                    update = update.col_expr(edge::Column::Applied, Expr::value(false));
                }
                update
                    .filter(edge::Column::Target.eq(self.target))
                    .filter(edge::Column::GroupSubject.eq(group))
                    .filter(edge::Column::MemberSubject.is_in(members.iter().copied()))
                    .filter(edge::Column::Desired.eq(desired))
                    .exec(&tx)
                    .await
                    .map_err(StoreError::statement("let memberships wait"))?;
            }
        }
        tx.commit().await.map_err(StoreError::statement("let memberships wait"))
    }
}

/// Groups memberships into requests: either additions or removals, as many as one request carries. A membership that was
/// refused among others goes alone.
fn group_requests(rows: Vec<edge::Model>, max: usize) -> Vec<Vec<edge::Model>> {
    let mut requests: Vec<Vec<edge::Model>> = Vec::new();
    for edge in rows {
        let goes_with = |last: &&mut Vec<edge::Model>| {
            let first = &last[0];
            !first.alone && !edge.alone && first.desired == edge.desired && last.len() < max
        };
        match requests.last_mut().filter(goes_with) {
            Some(last) => last.push(edge),
            None => requests.push(vec![edge]),
        }
    }
    requests
}

/// The queued memberships of one group: their number, most urgent lane and earliest time.
#[derive(Debug, FromQueryResult)]
struct GroupWork {
    group_subject: String,
    edges: i64,
    lane: i16,
    since: i64,
}
