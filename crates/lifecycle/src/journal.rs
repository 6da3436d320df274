//! Journal facts: each service's report to the console and to other readers about its actions and their reasons.

mod names;
mod record;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    AccessOrderKind, Actor, DeadLetter, DeadLetterId, EventId, FeedRunId, Lane, LeaverCause, ReplayId,
    RequestAttempt, ResourceKind, ScheduleId, WaitingFor,
};

pub use record::{FactRecord, RecordVerdict};

/// A fact of the journal. It carries names of attributes, never their values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "fact")]
pub enum Fact {
    /// mapper: an event was merged.
    Merged {
        /// The event.
        event: EventId,
        /// The event's CloudEvents `type`.
        event_type: String,
        /// The event's CloudEvents `source`, as it claims.
        source: String,
        /// The authenticated sender; empty for events from before senders were recorded.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        sender: String,
        /// The revision of the person or group after the merge.
        revision: i64,
        /// `changed`, `unchanged`, `duplicate` or `scheduled`.
        outcome: String,
        /// The parts without effect, with the reason: names of attributes and sources.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// mapper: the desired state at a target changed.
    Decided {
        /// The target.
        target: String,
        /// The kind: user, group or membership.
        kind: ResourceKind,
        /// The revision of the command.
        revision: i64,
        /// `active`, `disabled`, `deleted`, `exists`, `absent` or `memberships`.
        state: String,
        /// The urgency.
        lane: Lane,
        /// The clause or rule that decided, with the value that it saw unless the value is personal data.
        reason: String,
        /// The names of the target attributes that changed.
        changed: Vec<String>,
        /// The login name, so that operators can search by it.
        user_name: Option<String>,
    },
    /// mapper: a person should be in a group at a target, or not any more. The record's subject is the person.
    MembershipDecided {
        /// The target.
        target: String,
        /// The key of the group.
        member_of: String,
        /// The revision of the membership.
        revision: i64,
        /// `member`, `member_through_groups` (of a nested group; not sent to targets that follow nested groups) or
        /// `no_member`.
        state: String,
        /// The urgency.
        lane: Lane,
        /// The event that caused it; `None` for a policy that created the group at the target.
        event: Option<EventId>,
    },
    /// writer: a command was never sent, because a newer one replaced it.
    Superseded {
        /// The target.
        target: String,
        /// The kind: user, group or membership.
        kind: ResourceKind,
        /// The revision that was dropped.
        revision: i64,
        /// The revision that replaced it.
        by: i64,
    },
    /// writer: one request was sent.
    Attempted(RequestAttempt),
    /// writer: the target now agrees with `revision`.
    Settled {
        /// The target.
        target: String,
        /// The kind: user, group or membership.
        kind: ResourceKind,
        /// The revision that is in force.
        revision: i64,
        /// `created`, `adopted`, `updated`, `disabled`, `enabled`, `deleted`, `unchanged`, `member_added`,
        /// `member_removed`.
        outcome: String,
        /// The time from acceptance of the event to the target's response, in milliseconds.
        latency_ms: i64,
        /// For a membership, the key of the group.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        member_of: Option<String>,
        /// A note for operators: the reason why not everything was done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// writer: an account or group belongs to another person or group; an operator must decide.
    Conflict {
        /// The target.
        target: String,
        /// The kind: user or group.
        kind: ResourceKind,
        /// The revision that could not be applied.
        revision: i64,
        /// The resource that was found (remote id and the foreign externalId).
        found: String,
    },
    /// writer: nothing is sent until an operator approves it.
    Held {
        /// The target.
        target: String,
        /// The kind: user or group.
        kind: ResourceKind,
        /// The revision that is held.
        revision: i64,
        /// The reason, with the recommended action.
        reason: String,
    },
    /// writer: an operator decided about a held change.
    HeldDecided {
        /// The target.
        target: String,
        /// The kind: user or group.
        kind: ResourceKind,
        /// The revision that was held.
        revision: i64,
        /// `approved` or `rejected`.
        outcome: String,
        /// The operator.
        who: String,
        /// The reason that the operator gave.
        why: String,
    },
    /// writer: a target was paused or resumed. The record's subject is `target:<target>`.
    Paused {
        /// The target.
        target: String,
        /// `paused` or `resumed`.
        outcome: String,
        /// The operator, or `usher`.
        who: String,
        /// The reason.
        why: String,
    },
    /// writer: a resource became a dead letter, which an operator must check before it is tried again.
    Died(Box<DeadLetter>),
    /// writer: an operator replayed a dead letter.
    Replayed {
        /// The dead letter.
        dead_letter: DeadLetterId,
        /// `queued`, `superseded` or `no_op`.
        outcome: String,
        /// The operator.
        who: String,
        /// The reason that the operator gave.
        why: String,
    },
    /// writer: an operator started the replay of many dead letters, or the replay ended. The record's subject is
    /// `replay:<id>`.
    ReplayRun {
        /// The operation.
        replay: ReplayId,
        /// `started`, `finished` or `cancelled`.
        outcome: String,
        /// The target of the dead letters, if they were not named one by one.
        target: Option<String>,
        /// The number of dead letters.
        total: u64,
        /// The number of those that were processed.
        done: u64,
        /// The operator who started or ended the replay.
        who: String,
        /// The reason that the operator gave.
        why: String,
    },
    /// mapper: another version of a policy came into force. The record's subject is `policy:<target>`.
    PolicyApplied {
        /// The target.
        target: String,
        /// The version, counted from 1.
        version: i64,
        /// The number of accounts and groups that lose access, as planned.
        removals: u64,
        /// The operator who applied it, or `file`.
        who: String,
        /// The reason that the operator gave, or the file's name.
        why: String,
    },
    /// mapper: a full-feed run failed its safety check. It makes no person leave until an operator decides. The
    /// record's subject is `feed:<feed>`, as in [`Self::FeedDecided`].
    FeedHeld {
        /// The feed.
        feed: String,
        /// The run.
        run: FeedRunId,
        /// The reasons, with the recommended action.
        reasons: Vec<String>,
    },
    /// mapper: a full-feed run was accepted or rejected.
    FeedDecided {
        /// The feed.
        feed: String,
        /// The run.
        run: FeedRunId,
        /// `believed` (by its guard), `accepted` or `rejected` (by an operator).
        outcome: String,
        /// The number of people that were listed before and are missing in the run.
        missing: u64,
        /// The operator who decided, or `usher`.
        who: String,
        /// The reason.
        why: String,
    },
    /// mapper: the assignment of a record to a person changed. The record's subject is the person, or
    /// `<source>:<record>`.
    Correlated {
        /// The source by its name in `mapper.people`.
        source: String,
        /// The source's key of the person.
        record: String,
        /// `linked`, `waiting`, `conflict` or `gone`.
        outcome: String,
        /// The person that the record belongs to.
        person: Option<String>,
        /// The attribute that the record is matched by, or `key`.
        by: Option<String>,
        /// The reason for a conflict: `ambiguous`, `moved` or `taken`.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
        /// The keys of people that the record may belong to.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        candidates: Vec<String>,
        /// The names of the attributes for which the source counts with this person.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        counts_for: Vec<String>,
        /// The operator who decided, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        actor: Option<Actor>,
        /// The operator's verdict, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        verdict: Option<RecordVerdict>,
    },
    /// mapper: an operator joined two keys into one person. The record's subject is either key.
    Joined {
        /// The key of the person who stays.
        person: String,
        /// The key that also belongs to the person from now on.
        other: String,
        /// The operator.
        who: String,
        /// The reason that the operator gave.
        why: String,
    },
    /// mapper: an operator cancelled a statement before it took effect.
    ScheduleCancelled {
        /// The statement.
        schedule: ScheduleId,
        /// The time at which it would have taken effect.
        #[serde(with = "time::serde::rfc3339")]
        effective_at: OffsetDateTime,
        /// The cancelled parts: `joins`, `leaves`, `is_erased`, names of attributes.
        what: Vec<String>,
        /// The operator.
        who: String,
        /// The reason that the operator gave.
        why: String,
    },
    /// writer: an operator provisioned one person or group on demand.
    Provisioned {
        /// The target.
        target: String,
        /// The operator.
        who: String,
        /// The reason that the operator gave.
        why: String,
    },
    /// mapper: an account that must be off is proven to be off.
    LeaverProven {
        /// The target.
        target: String,
        /// The reason why the account must be off.
        cause: LeaverCause,
        /// The kind of evidence; docs/leavers.md has the kinds.
        evidence: String,
        /// The time at which the target showed it.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
        /// The time since the departure, or since its receipt if that was later, in milliseconds.
        late_ms: i64,
        /// `true` if the obligation was reported as overdue before.
        was_overdue: bool,
    },
    /// mapper: an account that must be off is not proven to be off within the objective.
    LeaverOverdue {
        /// The target.
        target: String,
        /// The reason why the account must be off.
        cause: LeaverCause,
        /// The time at which the objective passed.
        #[serde(with = "time::serde::rfc3339")]
        due_at: OffsetDateTime,
        /// The reason for which the obligation waits.
        waits_for: WaitingFor,
        /// Details for operators.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// mapper: an operator gave or lifted an order about a person's access.
    AccessOrdered {
        /// The kind of order.
        order: AccessOrderKind,
        /// `ordered` or `lifted`.
        outcome: String,
        /// The time at which the order ends by itself.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
        until: Option<OffsetDateTime>,
        /// The operator.
        who: String,
        /// The reason that the operator gave.
        why: String,
    },
    /// mapper: an account that was proven to be off came back.
    LeaverReopened {
        /// The target.
        target: String,
        /// The reason why the account must be off.
        cause: LeaverCause,
        /// The evidence that vanished.
        evidence: String,
    },
    /// mapper: the decisions for a target were compared with the writer's state. The record's subject is
    /// `target:<target>`.
    Verified {
        /// The target.
        target: String,
        /// The cause of the verification: an operator, `writer` or `schedule`.
        who: String,
        /// The number of accounts, groups and memberships that were compared.
        compared: u64,
        /// The number of those for which the writer had another state.
        differed: u64,
        /// The number of decisions that were sent again.
        sent_again: u64,
        /// The number of resources that grant access at the writer and that the mapper does not know.
        unknown: u64,
    },
    /// writer: a command was not carried out, because its revision is more than a day ahead of every known clock.
    Refused {
        /// The target.
        target: String,
        /// The kind: user, group or membership.
        kind: ResourceKind,
        /// The revision.
        revision: i64,
        /// The reason, with the recommended action.
        reason: String,
    },
    /// Any service: its database or its streams are not those that it left. The record's subject is
    /// `service:<service>`.
    RestoreNoticed {
        /// The service.
        service: String,
        /// The finding, with the action that the service takes.
        found: String,
    },
    /// Any service: an operator discarded a message that the broker refuses for good. The record's subject is
    /// `service:<service>`.
    MessageDiscarded {
        /// The service.
        service: String,
        /// The subject of the message, and its id in the outbox.
        message: String,
        /// The operator.
        who: String,
        /// The reason that the operator gave.
        why: String,
    },
    /// writer: an operator closed a dead letter without a retry.
    Discarded {
        /// The dead letter.
        dead_letter: DeadLetterId,
        /// The operator.
        who: String,
        /// The reason that the operator gave.
        why: String,
    },
}
