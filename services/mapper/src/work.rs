//! One batch: events to merge and subjects to look at again, in one transaction.

mod decide;
mod emit;
mod load;
mod members;
mod merge;
mod save;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use lifecycle::{Event, EventId, FactRecord, GroupState, Identity, ResourceKind, TraceContext, unix_micros};
use relay::{Parcel, Relay};
use sea_orm::DatabaseTransaction;
use store::{Store, StoreError, outbox};
use time::OffsetDateTime;

use crate::SERVICE;
use crate::policies::PolicySet;
use crate::rows::{SaveError, desired, edge, inbox};

/// Something that a batch is about.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// An event, where it lies in EVENTS, and the trace that it came with.
    Event { event: Box<Event>, sequence: u64, trace: Option<TraceContext> },
    /// A person whose state may have changed by time or by policy.
    Person(String),
    /// A group whose state may have changed by time or by policy.
    Group(String),
    /// A membership whose state may have changed by time.
    Edge { group: String, member: String },
}

/// Why something is touched: what its commands carry.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    event: Option<EventId>,
    accepted_at: OffsetDateTime,
    trace: TraceContext,
    /// From a policy change, not from an event.
    backfill: bool,
}

impl Cause {
    fn of(event: &Event, trace: TraceContext) -> Self {
        Self { event: Some(event.id.clone()), accepted_at: event.accepted_at, trace, backfill: false }
    }

    fn again(now: OffsetDateTime, backfill: bool) -> Self {
        Self { event: None, accepted_at: now, trace: TraceContext::root(), backfill }
    }
}

/// A person or group as it was read, and as it is now.
#[derive(Debug)]
struct Known<S> {
    revision: i64,
    state: S,
    touched: Option<Cause>,
    next_due_at: Option<i64>,
}

/// A membership as it was read, and as it is now.
#[derive(Debug)]
struct KnownEdge {
    row: edge::Model,
    touched: bool,
    /// Set when `present` changed.
    changed: Option<Cause>,
}

/// `(target, kind, subject)`.
type DesiredKey = (String, ResourceKind, String);

/// Everything that a batch works on, in memory.
struct Work<'a> {
    policies: &'a PolicySet,
    now: OffsetDateTime,
    seen: HashSet<String>,
    merged: Vec<inbox::Model>,
    people: BTreeMap<String, Known<Identity>>,
    groups: BTreeMap<String, Known<GroupState>>,
    edges: BTreeMap<(String, String), KnownEdge>,
    desired: HashMap<DesiredKey, desired::Model>,
    changed_desired: BTreeSet<DesiredKey>,
    /// Groups all of whose memberships have to be looked at.
    whole_groups: BTreeMap<String, Cause>,
    /// Groups that may have been deleted or have come back: what their members may have is decided again.
    turned: BTreeMap<String, Cause>,
    /// `(target, group)` where the group came to exist: every membership is told.
    appeared: BTreeMap<(String, String), Cause>,
    facts: Vec<FactRecord>,
    commands: Vec<(lifecycle::Command, TraceContext)>,
}

impl Work<'_> {
    fn micros(&self) -> i64 {
        unix_micros(self.now)
    }
}

/// What a batch needs besides its inputs.
pub(crate) struct Desk<'a> {
    pub(crate) store: &'a Store,
    pub(crate) relay: &'a Relay,
    pub(crate) policies: &'a PolicySet,
    /// The inputs come from a policy change.
    pub(crate) backfill: bool,
}

impl Desk<'_> {
    /// Does one batch; the parcel is to be sent once this returns.
    ///
    /// # Errors
    /// [`SaveError`]; after a conflict the batch should be done again.
    pub(crate) async fn process(
        &self,
        inputs: &[Input],
        now: OffsetDateTime,
    ) -> Result<Option<Parcel>, SaveError> {
        let tx = self.store.begin().await?;
        let parcel = self.process_in(&tx, inputs, now).await?;
        outbox::delete(&tx, SERVICE, &self.relay.take_published().await).await?;
        tx.commit().await.map_err(StoreError::statement("commit a batch"))?;
        Ok(parcel)
    }

    async fn process_in(
        &self,
        tx: &DatabaseTransaction,
        inputs: &[Input],
        now: OffsetDateTime,
    ) -> Result<Option<Parcel>, SaveError> {
        let mut work = load::load(tx, self.policies, inputs, now).await?;
        work.merge(inputs, self.backfill);
        work.decide_groups();
        load::edges(tx, &mut work, inputs).await?;
        work.merge_edges(inputs, self.backfill);
        work.emit_edges();
        let groups_of = load::groups_of_touched(tx, &mut work).await?;
        work.decide_people(&groups_of);
        save::save(tx, work).await
    }
}
