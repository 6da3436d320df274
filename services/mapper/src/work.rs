//! One batch: events to merge and subjects to look at again, in one transaction.

mod again;
mod cancel;
mod correlate;
mod decide;
mod emit;
mod feeds;
mod findings;
mod flatten;
mod join;
mod leavers;
mod load;
mod logins;
mod members;
mod merge;
mod orders;
mod records;
mod save;
mod spread;
mod stale;
mod surroundings;
mod values;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use lifecycle::{
    AccessOrder, AccessOrderKind, Actor, Event, EventId, FactRecord, GroupState, PersonRecord, ResourceKind,
    ScheduleId, TraceContext, revision_clock, unix_micros,
};
use relay::{OutboxBatch, OutboxPublisher};
use sea_orm::DatabaseTransaction;
use serde_json::Value;
use store::quarantine::QuarantinedItem;
use store::{BatchHalves, Store, StoreError, outbox};
use time::OffsetDateTime;
use tokio::sync::Notify;

pub(crate) use correlate::in_words as conflict_in_words;
pub(crate) use feeds::forget_people;

use crate::SERVICE;
use crate::policies::PolicySet;
use crate::rows::{SaveError, desired, edge, inbox, verdict};
use crate::subjects::SeedMaker;

/// Something that a batch is about.
#[derive(Debug, Clone)]
pub(crate) enum BatchInput {
    /// An event, where it lies in EVENTS, the trace that it came with, and a hash of what its sender said. A repeated row of a
    /// full feed is merged however often it comes, and told only if that changed what others see.
    Event {
        event: Box<Event>,
        sequence: u64,
        trace: Option<TraceContext>,
        content: Option<String>,
        repeated: bool,
    },
    /// Names of repeated rows: how many were known, and how many were not.
    Rows { event: Box<Event>, sequence: u64, resolved: u64, unresolved: u64 },
    /// A person whose state may have changed by time or by policy.
    Person(String),
    /// A group whose state may have changed by time or by policy.
    Group(String),
    /// A membership whose state may have changed by time.
    Edge { group: String, member: String },
    /// A record whose values may have changed by time or by configuration.
    Record { source: String, key: String },
    /// An operator says that `other` is a further key of `person`.
    Join { person: String, other: String, actor: Actor },
    /// An operator says whose record it is, or not.
    Verdict { source: String, key: String, person: String, same: bool, actor: Actor },
    /// An operator orders something about a person's access, or lifts the order.
    Order { person: String, kind: AccessOrderKind, order: Option<AccessOrder>, actor: Actor },
    /// The writer has another state of this than was decided.
    Again(ResendRequest),
    /// An operator takes back what is planned for a person.
    Cancel { person: String, planned: Vec<ScheduleId>, actor: Actor },
}

/// What is to be sent once more although nothing changed.
#[derive(Debug, Clone)]
pub(crate) struct ResendRequest {
    pub(crate) target: String,
    pub(crate) kind: ResourceKind,
    /// Key of the person or group.
    pub(crate) subject: String,
    /// For a membership: key of the member.
    pub(crate) member: Option<String>,
    /// The revision that the writer has; 0 when it has none.
    pub(crate) theirs: i64,
    /// The writer has a later decision than the mapper, and that one gives no access.
    pub(crate) is_outdated: bool,
}

/// The writer's decision about a resource that is sent again.
#[derive(Debug, Clone, Copy)]
struct WriterDecision {
    /// Its revision; 0 when it has none.
    revision: i64,
    /// It is later than the mapper's decision, and gives no access.
    is_later_removal: bool,
}

/// Why something is touched: what its commands carry.
#[derive(Debug, Clone)]
pub(crate) struct CommandCause {
    event: Option<EventId>,
    accepted_at: OffsetDateTime,
    /// When the event was said.
    said_at: Option<OffsetDateTime>,
    trace: TraceContext,
    /// From a policy change, not from an event.
    backfill: bool,
    /// From a row that said what it said before: worth no word if nothing follows.
    repeated: bool,
}

impl CommandCause {
    fn of(event: &Event, trace: TraceContext) -> Self {
        Self {
            event: Some(event.id.clone()),
            accepted_at: event.accepted_at,
            said_at: Some(event.time),
            trace,
            backfill: false,
            repeated: false,
        }
    }

    fn again(now: OffsetDateTime, backfill: bool) -> Self {
        Self {
            event: None,
            accepted_at: now,
            said_at: None,
            trace: TraceContext::root(),
            backfill,
            repeated: false,
        }
    }
}

/// A person or group as it was read, and as it is now.
#[derive(Debug)]
struct KnownSubject<S> {
    revision: i64,
    state: S,
    /// What others saw of it when it was last decided about.
    before: ShownSubject,
    /// People only: what was last asked for them was read as well.
    is_complete: bool,
    touched: Option<CommandCause>,
    /// Others were decided about by what it looks like now: whoever changes it meanwhile has to notice.
    is_guarded: bool,
    next_due_at: Option<i64>,
    /// People only.
    scheduled_at: Option<i64>,
    /// People only: as it was read; nothing for who has no row yet.
    evaluated_with: Option<String>,
    /// People only: whom they reported to when they were last decided about.
    manager: Option<String>,
    /// People only: what records are matched with it by, as in its row.
    matched: String,
    /// People only: it is known how far its sources are believed now, and what records are matched with it by.
    is_ranked: bool,
}

/// What decisions about others see of a person or group.
#[derive(Debug, Default)]
struct ShownSubject {
    /// Something was said about it.
    is_known: bool,
    is_gone: bool,
    name: Option<String>,
    /// The attributes that policies look at in managers, in their order; `None` when no policy does.
    to_reports: Option<Vec<Option<Value>>>,
}

/// A membership as it was read, and as it is now.
#[derive(Debug)]
struct KnownMembership {
    row: edge::Model,
    touched: bool,
    /// Set when `present` changed.
    changed: Option<CommandCause>,
}

/// `(target, kind, subject)`.
type DesiredKey = (String, ResourceKind, String);

/// Everything that a batch works on, in memory.
struct BatchState<'a> {
    policies: &'a PolicySet,
    seeds: &'a SeedMaker,
    now: OffsetDateTime,
    /// What new revisions are not less than; microseconds since the Unix epoch.
    clock: i64,
    /// Events that were merged before, with the hash of what their senders said.
    seen: HashMap<String, Option<String>>,
    /// Sequences of events whose id was used before for something else, and how they are set aside.
    reused: BTreeMap<u64, QuarantinedItem>,
    /// Where departures lie that were merged before: the lane of departures brings them first.
    taken: HashMap<String, i64>,
    merged: Vec<inbox::Model>,
    people: BTreeMap<String, KnownSubject<PersonRecord>>,
    /// Of sources whose records are matched with people.
    records: BTreeMap<records::RecordKey, records::KnownRecord>,
    values: BTreeMap<correlate::ValueKey, values::KnownValue>,
    verdicts: Vec<verdict::Model>,
    groups: BTreeMap<String, KnownSubject<GroupState>>,
    edges: BTreeMap<(String, String), KnownMembership>,
    desired: HashMap<DesiredKey, desired::Model>,
    changed_desired: BTreeSet<DesiredKey>,
    /// What is sent once more although nothing changed, with the revision that the writer has.
    again: BTreeMap<DesiredKey, WriterDecision>,
    /// Groups all of whose memberships have to be looked at.
    whole_groups: BTreeMap<String, CommandCause>,
    /// Groups that changed for everybody below them: see [`spread`].
    roots: BTreeMap<String, CommandCause>,
    /// Members, among those of the memberships that changed, that are groups.
    nested: BTreeSet<String>,
    /// Too many to be decided about in this batch: marked once it is written.
    stale: Vec<stale::StaleMarks>,
    /// `(target, group)` where the group came to exist: every membership is told.
    appeared: BTreeMap<(String, String), CommandCause>,
    /// What is said of files that list everybody.
    feeds: feeds::FeedBatch,
    /// What follows for accounts of people who have a right to access, or not.
    duties: Vec<leavers::LeaverDuty>,
    orders: Vec<orders::OrderRow>,
    /// Newcomers who came with the login of a person who was off for long.
    held_logins: BTreeMap<String, logins::HeldLogin>,
    /// What a human should look at in people.
    findings: findings::BatchFindings,
    facts: Vec<FactRecord>,
    commands: Vec<(lifecycle::Command, TraceContext)>,
    /// What the broker takes.
    message_bytes_max: usize,
}

impl BatchState<'_> {
    /// The `names` of a manager's attributes as of `at` (microseconds).
    fn shown_to_reports(
        names: &BTreeSet<&str>,
        key: &str,
        state: &PersonRecord,
        at: i64,
    ) -> Vec<Option<Value>> {
        let mut attributes = state.view(key, at).attributes;
        names.iter().map(|name| attributes.remove(*name)).collect()
    }

    fn micros(&self) -> i64 {
        unix_micros(self.now)
    }
}

/// What a batch needs besides its inputs.
pub(crate) struct BatchProcessor<'a> {
    pub(crate) store: &'a Store,
    pub(crate) relay: &'a OutboxPublisher,
    pub(crate) policies: &'a PolicySet,
    /// The inputs come from a policy change.
    pub(crate) backfill: bool,
    pub(crate) seeds: &'a SeedMaker,
    /// Told when rows were marked as stale.
    pub(crate) stale: &'a Notify,
}

impl BatchProcessor<'_> {
    /// Does one batch; the parcel is to be sent once this returns.
    ///
    /// # Errors
    /// [`SaveError`]; after a conflict the batch should be done again.
    pub(crate) async fn process(
        &self,
        inputs: &[BatchInput],
        now: OffsetDateTime,
    ) -> Result<Option<OutboxBatch>, SaveError> {
        let clock = revision_clock(self.store.now().await?, unix_micros(now));
        let tx = self.store.begin().await?;
        // One event that runs into a bug must not stop all others: the caller finds it by halves.
        let done = AssertUnwindSafe(self.process_in(&tx, inputs, (now, clock))).catch_unwind().await;
        let (parcel, marked, reused) =
            done.unwrap_or_else(|panic| Err(SaveError::Panicked(panic_text(&*panic))))?;
        outbox::delete_rows(&tx, SERVICE, &self.relay.take_published().await).await?;
        tx.commit().await.map_err(StoreError::statement("commit a batch"))?;
        if marked {
            self.stale.notify_one();
        }
        reused.values().for_each(crate::quarantine::log_item);
        Ok(parcel)
    }

    /// Does the batch. What is refused is found by halves and set aside, and the rest is done; returns which that was.
    ///
    /// # Errors
    /// [`SaveError`] for any other reason; what comes behind is to be done again.
    pub(crate) async fn process_apart(&self, inputs: &[BatchInput]) -> Result<Vec<usize>, SaveError> {
        let mut apart = Vec::new();
        let mut parts = BatchHalves::of(inputs.len());
        while let Some(part) = parts.next_part() {
            match self.process(&inputs[part.clone()], crate::now()).await {
                Ok(parcel) => self.relay.send(parcel).await,
                Err(error) if error.is_refusal() => {
                    let Some(culprit) = parts.refused(part) else { continue };
                    let item = crate::quarantine::refused_input(&inputs[culprit], &error);
                    crate::quarantine::set_aside(self.store, &item).await?;
                    apart.push(culprit);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(apart)
    }

    async fn process_in(
        &self,
        tx: &DatabaseTransaction,
        inputs: &[BatchInput],
        times: (OffsetDateTime, i64),
    ) -> Result<(Option<OutboxBatch>, bool, BTreeMap<u64, QuarantinedItem>), SaveError> {
        let mut work = load::load_work(tx, self.policies, self.seeds, inputs, times).await?;
        work.message_bytes_max = self.relay.message_bytes_max();
        work.merge(inputs, self.backfill);
        work.rank_sources();
        correlate::correlate_records(tx, &mut work).await?;
        load::load_edges(tx, &mut work, inputs).await?;
        work.merge_edges(inputs, self.backfill);
        spread::spread_changes(tx, &mut work).await?;
        let around = surroundings::read_surroundings(tx, &mut work).await?;
        flatten::flatten_memberships(tx, &mut work, &around).await?;
        work.decide_groups(&around);
        let appeared = work.appeared.keys().map(|(_, group)| group.clone()).collect();
        load::all_edges(tx, &mut work, &appeared).await?;
        surroundings::classify_members(tx, &mut work).await?;
        work.emit_edges();
        logins::hold(tx, &mut work, &around).await?;
        work.decide_people(&around);
        logins::remember(tx, &mut work, &around).await?;
        work.send_the_rest_again();
        let marks = std::mem::take(&mut work.stale);
        let (feeds, now) = (std::mem::take(&mut work.feeds), work.micros());
        let reused = std::mem::take(&mut work.reused);
        for item in reused.values() {
            store::quarantine::put_item(tx, SERVICE, item).await?;
        }
        let parcel = save::save_work(tx, work).await?;
        for mark in &marks {
            mark.write(tx).await?;
        }
        feeds.save(tx, now).await?;
        Ok((parcel, !marks.is_empty(), reused))
    }
}

/// What a panic said.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
