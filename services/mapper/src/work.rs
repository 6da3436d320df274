//! The batch processor: merges events and evaluates subjects, one batch per transaction.

mod again;
mod cancel;
mod correlate;
mod decide;
mod emit;
mod feeds;
mod findings;
mod flatten;
mod further_keys;
mod given_again;
mod join;
mod leavers;
mod load;
mod logins;
mod members;
mod merge;
mod names;
mod orders;
mod processor;
mod records;
mod refused;
mod rights;
mod save;
mod spread;
mod stale;
mod surroundings;
mod values;
mod verdicts;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::{Deref, DerefMut};

use lifecycle::{
    AccessOrder, AccessOrderKind, Actor, Event, EventId, FactRecord, GroupState, MembershipState,
    PersonRecord, ResourceKind, ScheduleId, TraceContext, unix_micros,
};
use serde_json::Value;
use store::quarantine::QuarantinedItem;
use time::OffsetDateTime;

pub(crate) use correlate::in_words as conflict_in_words;
pub(crate) use feeds::forget_people;
pub(crate) use logins::held_in_words;
pub(crate) use names::LOGIN_ATTRIBUTES;
pub(crate) use processor::{BatchProcessor, BatchProcessorParts, RepeatFailure};
pub(crate) use stale::mark_reports_stale;

use crate::acts::OperatorAct;
use crate::policies::PolicySet;
use crate::rows::feed_departure::WaitingEvent;
use crate::rows::{desired, edge, inbox, verdict};
use crate::subjects::SeedMaker;
use crate::unreadable::UnreadableStates;

/// An input of a batch.
#[derive(Debug, Clone)]
pub(crate) enum BatchInput {
    /// An event with its sequence number in EVENTS, its trace, and a hash of its sender's content. A repeated row of a full
    /// feed is merged each time it arrives, and a fact about it is published only if other subjects' decisions may change.
    Event {
        event: Box<Event>,
        sequence: u64,
        trace: Option<TraceContext>,
        content: Option<String>,
        repeated: bool,
    },
    /// Names of repeated rows, with the numbers of those that were known and not known.
    Rows { event: Box<Event>, sequence: u64, resolved: u64, unresolved: u64 },
    /// A departure that a row of an accepted run of a full feed states.
    Departure(Box<WaitingEvent>),
    /// A person whose state may have changed by time or by policy.
    Person(String),
    /// A group whose state may have changed by time or by policy.
    Group(String),
    /// A membership whose state may have changed by time.
    Edge { group: String, member: String },
    /// A record whose values may have changed by time or by configuration.
    Record { source: String, key: String },
    /// An operator states that `other` is a further key of `person`.
    Join { person: String, other: String, actor: Actor },
    /// An operator states that a record belongs to a person, or does not.
    Verdict { source: String, key: String, person: String, same: bool, actor: Actor },
    /// An operator gives an order about a person's access, or lifts it.
    Order { person: String, kind: AccessOrderKind, order: Option<AccessOrder>, actor: Actor },
    /// An operator's order that was read back from JOURNAL.
    GivenAgain(Box<OperatorAct>),
    /// The writer has a state of this resource that differs from the decision.
    Again(ResendRequest),
    /// An operator cancels scheduled changes of a person.
    Cancel { person: String, planned: Vec<ScheduleId>, actor: Actor },
}

/// A resource or membership that must be sent again although nothing changed.
#[derive(Debug, Clone)]
pub(crate) struct ResendRequest {
    pub(crate) target: String,
    pub(crate) kind: ResourceKind,
    /// Key of the person or group.
    pub(crate) subject: String,
    /// For a membership: key of the member.
    pub(crate) member: Option<String>,
    /// The revision that the writer has; 0 if it has none.
    pub(crate) theirs: i64,
    /// `true` if the writer has a later decision than the mapper, and that one gives no access.
    pub(crate) is_outdated: bool,
}

/// The writer's decision about a resource that is sent again.
#[derive(Debug, Clone, Copy)]
struct WriterDecision {
    /// Its revision; 0 if the writer has none.
    revision: i64,
    /// `true` if it is later than the mapper's decision, and gives no access.
    is_later_removal: bool,
}

/// The cause for which a subject is touched. Its commands carry it.
#[derive(Debug, Clone)]
pub(crate) struct CommandCause {
    event: Option<EventId>,
    accepted_at: OffsetDateTime,
    /// The time of the event by its source.
    said_at: Option<OffsetDateTime>,
    trace: TraceContext,
    /// `true` if the cause is a policy change and not an event.
    backfill: bool,
    /// `true` if the cause is an operator who ordered that the person is off.
    ordered_off: bool,
    /// `true` if the cause is a repeated row. Such a row is published only if something follows from it.
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
            ordered_off: false,
            repeated: false,
        }
    }

    /// Returns the cause of an evaluation without an event.
    fn again(now: OffsetDateTime, backfill: bool) -> Self {
        Self {
            event: None,
            accepted_at: now,
            said_at: None,
            trace: TraceContext::root(),
            backfill,
            ordered_off: false,
            repeated: false,
        }
    }
}

/// A person or group as it was read, and as it is now.
#[derive(Debug)]
struct KnownSubject<S> {
    revision: i64,
    state: S,
    /// The part of it that decisions about others saw when it was last decided about.
    before: ShownSubject,
    touched: Option<CommandCause>,
    next_due_at: Option<i64>,
}

/// A person as it was read, and as it is now.
#[derive(Debug)]
struct KnownPerson {
    subject: KnownSubject<PersonRecord>,
    /// `true` if the desired states were read as well.
    is_complete: bool,
    /// Decisions about others depend on the current state: a concurrent change of it must cause a conflict.
    is_guarded: bool,
    scheduled_at: Option<i64>,
    /// As it was read; `None` for a person without a row.
    evaluated_with: Option<String>,
    /// Key of the manager at the last decision.
    manager: Option<String>,
    /// The values that records are matched by, as in its row.
    matched: String,
    /// `true` if the current precedence of its sources and its match values are known.
    is_ranked: bool,
}

impl Deref for KnownPerson {
    type Target = KnownSubject<PersonRecord>;

    fn deref(&self) -> &Self::Target {
        &self.subject
    }
}

impl DerefMut for KnownPerson {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.subject
    }
}

/// The part of a person or group that decisions about others depend on.
#[derive(Debug, Default)]
struct ShownSubject {
    /// `true` if a source has ever made a statement about it.
    is_known: bool,
    is_gone: bool,
    name: Option<String>,
    /// The attributes that policies use of managers, in order of name; `None` if no policy uses any.
    to_reports: Option<Vec<Option<Value>>>,
}

/// A membership as it was read, and as it is now.
#[derive(Debug)]
struct KnownMembership {
    row: edge::Model,
    /// The state, decoded when it was read; `None` if it cannot be read. It is written back if the membership is touched.
    state: Option<MembershipState>,
    touched: bool,
    /// Set when `present` changed.
    changed: Option<CommandCause>,
}

/// `(target, kind, subject)`.
type DesiredKey = (String, ResourceKind, String);

/// The state that a batch works on, in memory.
struct BatchState<'a> {
    policies: &'a PolicySet,
    seeds: &'a SeedMaker,
    now: OffsetDateTime,
    /// The lower bound of new revisions; microseconds since the Unix epoch.
    clock: i64,
    /// Events that were merged before, with the hash of their senders' content.
    seen: HashMap<String, Option<String>>,
    /// Sequence numbers of events whose id was used before for other content, with their quarantine items.
    reused: BTreeMap<u64, QuarantinedItem>,
    /// Sequence numbers of departures that were merged before: the lane of departures delivers them first.
    taken: HashMap<String, i64>,
    merged: Vec<inbox::Model>,
    people: BTreeMap<String, KnownPerson>,
    /// Records of sources that are matched with people.
    records: BTreeMap<records::RecordKey, records::KnownRecord>,
    values: BTreeMap<correlate::ValueKey, values::KnownValue>,
    verdicts: Vec<verdict::Model>,
    groups: BTreeMap<String, KnownSubject<GroupState>>,
    edges: BTreeMap<(String, String), KnownMembership>,
    desired: HashMap<DesiredKey, desired::Model>,
    changed_desired: BTreeSet<DesiredKey>,
    /// The times of the last statements of sources about people in this batch; microseconds.
    stated: HashMap<String, i64>,
    /// The times at which targets were found to be restored; microseconds.
    restored: HashMap<String, i64>,
    /// Resources that are sent again although nothing changed, with the decision that the writer has.
    again: BTreeMap<DesiredKey, WriterDecision>,
    /// Groups that decide who has an account, among those that senders with limited rights name.
    scoping_groups: BTreeSet<String>,
    /// Group events of which only these parts count, by id.
    admitted: HashMap<String, Vec<Event>>,
    /// Groups whose memberships are all evaluated.
    whole_groups: BTreeMap<String, CommandCause>,
    /// Groups that changed for everybody below them: see [`spread`].
    roots: BTreeMap<String, CommandCause>,
    /// The members of changed memberships that are groups.
    nested: BTreeSet<String>,
    /// Subjects that are too many for this batch. They are marked once it is written.
    stale: Vec<stale::StaleMarks>,
    /// `(target, group)` of groups that came into existence at a target: all their memberships are sent.
    appeared: BTreeMap<(String, String), CommandCause>,
    /// Statements about full feeds.
    feeds: feeds::FeedBatch,
    /// Consequences for the accounts of people with or without a right to access.
    duties: Vec<leavers::LeaverDuty>,
    orders: Vec<orders::OrderRow>,
    /// Newcomers with the login of a person who was off for a long time.
    held_logins: BTreeMap<String, logins::HeldLogin>,
    /// Problems in people's data that an operator should look at.
    findings: findings::BatchFindings,
    /// Stored states that cannot be read, and that others of the batch do not wait for.
    unreadable: UnreadableStates,
    /// `true` while orders of operators may be missing: nothing is deleted, and access needs an operator's approval.
    withholds_access: bool,
    facts: Vec<FactRecord>,
    commands: Vec<(lifecycle::Command, TraceContext)>,
    /// The maximum size of a message that the broker accepts, in bytes.
    message_bytes_max: usize,
}

impl BatchState<'_> {
    /// Returns the attributes `names` of a manager as of `at` (microseconds).
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
