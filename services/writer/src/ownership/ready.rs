//! The jobs that can be worked on now: the head of each lane, read from the tables.

mod memberships;

use std::collections::{HashMap, HashSet, VecDeque};

use lifecycle::{AccountState, DesiredState, Lane, ResourceKind};
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{Store, StoreError};

use crate::converge::WantedState;
use crate::converge::members::MembersJob;
use crate::delivery::call::OwnedTarget;
use crate::ownership::unreadable;
use crate::rows::claims::StepAside;
use crate::rows::orphan;
use crate::rows::words::RowStatus;
use crate::rows::{ResourceKey, edge, load_resources, resource};

/// The number of rows of each lane that are read at once.
const WINDOW: usize = 128;
/// The time for which a new account waits for that of the person it refers to, if that is queued too, in microseconds.
/// Waiting saves a request. The limit prevents a cycle of managers from blocking each other.
const REFERENCE_WAIT_MICROS: i64 = 5_000_000;
/// One job.
#[derive(Debug)]
pub(crate) enum ReadyJob {
    Resource(Box<ResourceJob>),
    Members(Box<MembersJob>),
}

/// An account or group to work on.
#[derive(Debug)]
pub(crate) struct ResourceJob {
    pub(crate) row: resource::Model,
    pub(crate) wanted: WantedState,
}

impl ResourceJob {
    /// Returns whether the account is looked up before one is created.
    fn would_look(&self) -> bool {
        is_looked_for(&self.row) && !self.wanted.assume_empty && self.wanted.state == AccountState::Active
    }
}

/// Returns whether the row is an account that is not known at the target yet. Leavers wait for nothing.
fn is_looked_for(row: &resource::Model) -> bool {
    row.kind() == ResourceKind::User && row.remote_id.is_none() && !row.in_doubt && row.lane() != Lane::Leaver
}

/// Returns whether the only effect is to switch a person's account off. The stored state may be older than the account
/// itself, so an account that seems to be off is included. An account that must be deleted, and that was switched off for
/// this revision, waits, but is read back.
fn switches_off(row: &resource::Model, desired: &DesiredState) -> bool {
    let DesiredState::User(account) = desired else { return false };
    let is_wanted = match account.state {
        AccountState::Active => false,
        AccountState::Disabled => true,
        AccountState::Deleted => {
            let seems_off = row.applied().get("active") == Some(&false.into());
            !seems_off || row.desired_revision > row.applied_revision || row.in_doubt
        }
    };
    is_wanted && !orphan::is_orphan(&row.subject)
}

impl ReadyJob {
    pub(crate) fn key(&self) -> ResourceKey {
        match self {
            Self::Resource(job) => (job.row.kind(), job.row.subject.clone()),
            Self::Members(job) => (ResourceKind::Membership, job.group.clone()),
        }
    }

    /// Returns whether the job only switches a person's account off, removes people from a group, or checks whether that is still so.
    fn switches_off(&self) -> bool {
        match self {
            Self::Resource(job) => {
                let is_persons = job.row.kind() == ResourceKind::User && !orphan::is_orphan(&job.row.subject);
                is_persons
                    && job.wanted.state != AccountState::Active
                    && (job.row.in_doubt || !job.wanted.is_off(&job.row.applied()))
            }
            Self::Members(job) => job.edges.iter().all(|edge| !edge.desired),
        }
    }

    fn needs_permission(&self) -> bool {
        matches!(self, Self::Resource(job) if job.row.needs_permission())
    }

    pub(crate) fn lane(&self) -> Lane {
        match self {
            Self::Resource(job) => job.row.lane(),
            Self::Members(job) => job.edges.iter().map(edge::Model::lane).min().unwrap_or(Lane::Backfill),
        }
    }
}

/// The jobs by lane, most urgent first.
#[derive(Debug, Default)]
pub(crate) struct ReadyQueue {
    lanes: [VecDeque<ReadyJob>; Lane::ALL.len()],
    /// The jobs that follow the current job of a group, which is in a lane or under way: one request at a time for each group.
    following: HashMap<String, VecDeque<ReadyJob>>,
}

impl ReadyQueue {
    /// Returns the lane of the next job.
    pub(crate) fn lane(&self) -> Option<Lane> {
        Lane::ALL.into_iter().find(|lane| !self.lanes[*lane as usize].is_empty())
    }

    /// Takes the most urgent job, or the least urgent one if it is `low_lanes_turn`.
    pub(crate) fn pop(&mut self, low_lanes_turn: bool) -> Option<ReadyJob> {
        if low_lanes_turn {
            self.lanes.iter_mut().rev().find_map(VecDeque::pop_front)
        } else {
            self.lanes.iter_mut().find_map(VecDeque::pop_front)
        }
    }

    pub(crate) fn len(&self) -> usize {
        let following = self.following.values().map(VecDeque::len).sum::<usize>();
        self.lanes.iter().map(VecDeque::len).sum::<usize>() + following
    }

    /// Returns the attributes that the policy matches on, if at least `min` accounts would be looked up before they are created.
    pub(crate) fn to_be_looked_for(&self, min: usize) -> Option<Vec<String>> {
        let jobs = self.lanes.iter().flatten().filter_map(|job| match job {
            ReadyJob::Resource(job) if job.would_look() => Some(&job.wanted),
            _ => None,
        });
        let wanted: Vec<&WantedState> = jobs.collect();
        if wanted.len() < min {
            return None;
        }
        let mut paths: Vec<String> = wanted.iter().flat_map(|wanted| wanted.match_on.clone()).collect();
        paths.sort();
        paths.dedup();
        Some(paths)
    }

    /// Returns whether the queue has changes of access that the guard counts.
    pub(crate) fn needs_permission(&self) -> bool {
        self.lanes.iter().flatten().any(ReadyJob::needs_permission)
    }

    /// Removes all jobs that do not take access away. They are read again later.
    pub(crate) fn leave_out_grants(&mut self) {
        for lane in &mut self.lanes {
            lane.retain(ReadyJob::switches_off);
        }
        self.following.retain(|_, jobs| {
            jobs.retain(ReadyJob::switches_off);
            !jobs.is_empty()
        });
    }

    /// Returns the rows of the next accounts and groups, at most `max`.
    pub(crate) fn next_resources(&self, max: usize) -> impl Iterator<Item = &resource::Model> {
        let jobs = self.lanes.iter().flatten().filter_map(|job| match job {
            ReadyJob::Resource(job) => Some(&job.row),
            ReadyJob::Members(_) => None,
        });
        jobs.take(max)
    }

    /// Notes that a job has ended: the next one of its group may begin.
    pub(crate) fn ended(&mut self, (kind, subject): &ResourceKey) {
        if *kind != ResourceKind::Membership {
            return;
        }
        match self.following.get_mut(subject).and_then(VecDeque::pop_front) {
            Some(job) => self.lanes[job.lane() as usize].push_front(job),
            None => drop(self.following.remove(subject)),
        }
    }

    /// Adds the first job of a group to its lane, and lets the others follow.
    fn push_in_order(&mut self, jobs: Vec<MembersJob>) {
        let mut jobs = jobs.into_iter().map(|job| ReadyJob::Members(Box::new(job)));
        let Some(first) = jobs.next() else { return };
        let (_, group) = first.key();
        self.push(first);
        let rest: VecDeque<ReadyJob> = jobs.collect();
        if !rest.is_empty() {
            self.following.insert(group, rest);
        }
    }

    fn push(&mut self, job: ReadyJob) {
        self.lanes[job.lane() as usize].push_back(job);
    }
}

/// The source of a target's jobs: its tables and the limits of the current reading.
pub(crate) struct QueueSource<'a> {
    pub(crate) store: &'a Store,
    pub(crate) owned: &'a OwnedTarget,
    pub(crate) target: &'a str,
    pub(crate) in_flight: &'a HashSet<ResourceKey>,
    pub(crate) members_per_request_max: usize,
    /// True if reading a group shows its members.
    pub(crate) members_readable: bool,
    /// True if accounts that need a lookup must wait.
    pub(crate) leave_unlinked: bool,
    /// True if the desired state must be verified first: only accounts are switched off, and members removed.
    pub(crate) only_switches_off: bool,
}

impl QueueSource<'_> {
    /// Loads the head of every lane as of `now` (microseconds).
    pub(crate) async fn load(self, now: i64) -> Result<ReadyQueue, StoreError> {
        let mut ready = ReadyQueue::default();
        let rows = self.queued_resources(now).await?;
        let links = self.links_of_references(&rows).await?;
        let mut deferred = Vec::new();
        let accounts_under_way = self.in_flight.iter().any(|(kind, _)| *kind == ResourceKind::User);
        let busy = !rows.is_empty() || accounts_under_way;
        for (row, desired) in rows {
            if self.only_switches_off && !switches_off(&row, &desired) {
                continue;
            }
            if self.leave_unlinked && is_looked_for(&row) {
                continue;
            }
            if let Some(person) = links.worth_waiting_for(&row, &desired) {
                deferred.push((row.subject.clone(), person));
                continue;
            }
            let deletion = row.deletion(&desired, now, self.owned.adopted_deletion);
            let Some(wanted) = WantedState::new(desired, &links.remote_ids) else { continue };
            let step_aside = row.waiting().filter(|taken| matches!(taken.aside, StepAside::Due(_)));
            let wanted = WantedState { deletion, step_aside, ..wanted };
            ready.push(ReadyJob::Resource(Box::new(ResourceJob { row, wanted })));
        }
        if !deferred.is_empty() {
            self.defer(&deferred, now).await?;
        }
        for mut jobs in self.membership_jobs(busy, now).await? {
            if self.only_switches_off {
                jobs.retain(|job| job.edges.iter().all(|edge| !edge.desired));
            }
            ready.push_in_order(jobs);
        }
        Ok(ready)
    }

    /// Reads the head of each lane. Rows that cannot be read are quarantined.
    async fn queued_resources(&self, now: i64) -> Result<Vec<(resource::Model, DesiredState)>, StoreError> {
        let mut out = Vec::new();
        for lane in Lane::ALL {
            let limit = WINDOW + self.in_flight.len();
            let rows = resource::Entity::find()
                .filter(resource::Column::Target.eq(self.target))
                .filter(resource::Column::Queued.eq(true))
                .filter(resource::Column::Lane.eq(lane.rank()))
                .filter(resource::Column::NextAttemptAt.lte(now))
                .filter(is_readable(lane))
                .order_by_asc(resource::Column::NextAttemptAt)
                .limit(u64::try_from(limit).unwrap_or(u64::MAX))
                .all(self.store.reader())
                .await
                .map_err(StoreError::statement("read the queue"))?;
            for row in rows {
                if self.in_flight.contains(&(row.kind(), row.subject.clone())) {
                    continue;
                }
                let unknown = row.unknown_word().map_or(Ok(()), |word| Err(word.to_string()));
                match unknown.and_then(|()| row.desired().map_err(|error| error.to_string())) {
                    Ok(desired) => out.push((row, desired)),
                    Err(error) => {
                        let desired = row.legible_switch_off();
                        unreadable::set_aside(self.store, &row, &error, desired.is_none()).await?;
                        out.extend(desired.map(|desired| (row, desired)));
                    }
                }
            }
        }
        Ok(out)
    }

    /// Loads the links of the people that the rows refer to.
    async fn links_of_references(
        &self,
        rows: &[(resource::Model, DesiredState)],
    ) -> Result<KnownLinks, StoreError> {
        let mut people: Vec<String> =
            rows.iter().flat_map(|(_, desired)| WantedState::references(desired)).collect();
        people.sort();
        people.dedup();
        let found =
            load_resources(self.store.reader(), self.target, ResourceKind::User, &people, false).await?;
        let mut links = KnownLinks::default();
        for (subject, row) in found {
            match row.remote_id {
                Some(id) => drop(links.remote_ids.insert(subject, id)),
                None if row.is_queued() && *row.status() == RowStatus::Pending => {
                    links.coming.insert(subject);
                }
                None => {}
            }
        }
        Ok(links)
    }

    /// Lets new accounts wait for those of the people that they refer to.
    async fn defer(&self, deferred: &[(String, String)], now: i64) -> Result<(), StoreError> {
        let tx = self.store.begin().await?;
        for (subject, person) in deferred {
            resource::Entity::update_many()
                .col_expr(resource::Column::Awaits, Expr::value(person.clone()))
                .col_expr(resource::Column::NextAttemptAt, Expr::value(now + REFERENCE_WAIT_MICROS))
                .filter(resource::Column::Target.eq(self.target))
                .filter(resource::Column::Kind.eq(ResourceKind::User.as_str()))
                .filter(resource::Column::Subject.eq(subject))
                .filter(resource::Column::Queued.eq(true))
                .exec(&tx)
                .await
                .map_err(StoreError::statement("prepare the queue"))?;
        }
        tx.commit().await.map_err(StoreError::statement("prepare the queue"))
    }
}

/// Returns the condition for rows of a lane that are read from the queue: those with a status that this version knows, and
/// all leavers, whose switch-off may be recognised all the same.
fn is_readable(lane: Lane) -> Condition {
    let known = resource::Column::Status.is_in(RowStatus::KNOWN.iter().cloned());
    if lane == Lane::Leaver { Condition::all() } else { Condition::all().add(known) }
}

/// The known links of the people that rows refer to.
#[derive(Default)]
struct KnownLinks {
    remote_ids: HashMap<String, String>,
    /// The people whose own rows are queued and not tried yet.
    coming: HashSet<String>,
}

impl KnownLinks {
    /// Returns the person whose account a new account should wait for, once.
    fn worth_waiting_for(&self, row: &resource::Model, desired: &DesiredState) -> Option<String> {
        if row.remote_id.is_some() || row.awaits.is_some() || row.attempts > 0 || row.lane() == Lane::Leaver {
            return None;
        }
        WantedState::references(desired)
            .into_iter()
            .find(|person| *person != row.subject && self.coming.contains(person))
    }
}
