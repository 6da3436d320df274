//! Facts: what each service tells the console and anyone else about what it did and why.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::{
    AccessOrderKind, Actor, AttemptId, DeadLetterId, EventId, FeedRunId, Lane, LeaverCause, ReplayId,
    ResourceKind, ScheduleId, TraceContext, WaitingFor,
};

/// One entry of a person's or group's timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FactRecord {
    /// Names the fact: writing it twice is the same as once. Built from what it is about, not drawn at random.
    pub id: String,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Key of the person or group.
    pub subject: String,
    /// The trace that the causing event started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
    /// What happened.
    pub fact: Fact,
}

/// What happened. Carries names of attributes, never their values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "fact")]
pub enum Fact {
    /// mapper: an event became part of what is known.
    Merged {
        /// The event.
        event: EventId,
        /// Its CloudEvents `type`.
        event_type: String,
        /// Its CloudEvents `source`: what it claims.
        source: String,
        /// The authenticated sender; empty for events of before senders were recorded.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        sender: String,
        /// Revision of the identity or group after it.
        revision: i64,
        /// `changed`, `unchanged`, `duplicate` or `scheduled`.
        outcome: String,
        /// What of it counts for nothing, and why: names of attributes and sources.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// mapper: the desired state at a target changed.
    Decided {
        /// The target.
        target: String,
        /// User, group or membership.
        kind: ResourceKind,
        /// Revision of the command.
        revision: i64,
        /// `active`, `disabled`, `deleted`, `exists`, `absent` or `memberships`.
        state: String,
        /// How urgent.
        lane: Lane,
        /// The clause or rule that decided it, with the value it saw when that value is no personal datum.
        reason: String,
        /// Names of the target attributes that changed.
        changed: Vec<String>,
        /// The login name, so that operators can search by it.
        user_name: Option<String>,
    },
    /// mapper: somebody should be in a group at a target, or not any more. The record's subject is the person.
    MembershipDecided {
        /// The target.
        target: String,
        /// Key of the group.
        member_of: String,
        /// Revision of the membership.
        revision: i64,
        /// `member`, `member_through_groups` (of a group that is in it; not told to targets that follow groups in groups)
        /// or `no_member`.
        state: String,
        /// How urgent.
        lane: Lane,
        /// The event that caused it; none: a policy, under which the group came to exist at the target.
        event: Option<EventId>,
    },
    /// writer: a command was never sent, because a newer one took its place.
    Superseded {
        /// The target.
        target: String,
        /// User, group or membership.
        kind: ResourceKind,
        /// The revision that was dropped.
        revision: i64,
        /// The revision that took its place.
        by: i64,
    },
    /// writer: one request was sent.
    Attempted(RequestAttempt),
    /// writer: the target now agrees with `revision`.
    Settled {
        /// The target.
        target: String,
        /// User, group or membership.
        kind: ResourceKind,
        /// The revision that is in force.
        revision: i64,
        /// `created`, `adopted`, `updated`, `disabled`, `enabled`, `deleted`, `unchanged`, `member_added`,
        /// `member_removed`.
        outcome: String,
        /// From acceptance of the event to the target's answer, in milliseconds.
        latency_ms: i64,
        /// For a membership: key of the group.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        member_of: Option<String>,
        /// What a human should know of it: why not all of it was done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// writer: an account or group belongs to somebody else; a human must decide.
    Conflict {
        /// The target.
        target: String,
        /// User or group.
        kind: ResourceKind,
        /// The revision that could not be applied.
        revision: i64,
        /// What was found (remote id and the foreign externalId).
        found: String,
    },
    /// writer: nothing is sent until a human said so.
    Held {
        /// The target.
        target: String,
        /// User or group.
        kind: ResourceKind,
        /// The revision that is held.
        revision: i64,
        /// Why, and what to do.
        reason: String,
    },
    /// writer: an operator decided about something that was held.
    HeldDecided {
        /// The target.
        target: String,
        /// User or group.
        kind: ResourceKind,
        /// The revision that was held.
        revision: i64,
        /// `approved` or `rejected`.
        outcome: String,
        /// Who decided.
        who: String,
        /// Why.
        why: String,
    },
    /// writer: everything at a target was stopped, or goes on. The record's subject is `target:<target>`.
    Paused {
        /// The target.
        target: String,
        /// `paused` or `resumed`.
        outcome: String,
        /// An operator, or `usher`.
        who: String,
        /// Why.
        why: String,
    },
    /// writer: a resource needs a human before it is tried again.
    Died(Box<DeadLetter>),
    /// writer: an operator replayed a dead letter.
    Replayed {
        /// The dead letter.
        dead_letter: DeadLetterId,
        /// `queued`, `superseded` or `no_op`.
        outcome: String,
        /// Who asked.
        who: String,
        /// Why.
        why: String,
    },
    /// writer: an operator began to try many dead letters again, or that ended. The record's subject is `replay:<id>`.
    ReplayRun {
        /// The operation.
        replay: ReplayId,
        /// `started`, `finished` or `cancelled`.
        outcome: String,
        /// The target whose letters it takes, if they were not named one by one.
        target: Option<String>,
        /// How many letters there are.
        total: u64,
        /// How many of them were dealt with.
        done: u64,
        /// Who began or ended it.
        who: String,
        /// Why.
        why: String,
    },
    /// mapper: another version of a policy came into force. The record's subject is `policy:<target>`.
    PolicyApplied {
        /// The target.
        target: String,
        /// The version, from 1.
        version: i64,
        /// How many accounts and groups lose access by it, as planned.
        removals: u64,
        /// Who applied it: an operator, or `file`.
        who: String,
        /// Why: in their words, or the file's name.
        why: String,
    },
    /// mapper: a full feed is not believed; nobody leaves because of it until a human decides. The record's subject is
    /// `feed:<feed>`, as in [`Self::FeedDecided`].
    FeedHeld {
        /// The feed.
        feed: String,
        /// Its run.
        run: FeedRunId,
        /// Why, and what to do.
        reasons: Vec<String>,
    },
    /// mapper: it is settled whether a full feed is believed.
    FeedDecided {
        /// The feed.
        feed: String,
        /// Its run.
        run: FeedRunId,
        /// `believed` (by its guard), `accepted` or `rejected` (by a human).
        outcome: String,
        /// People that were listed before and are not in it.
        missing: u64,
        /// Who decided: an operator, or `usher`.
        who: String,
        /// Why.
        why: String,
    },
    /// mapper: it turned out whose record it is, or not. The record's subject is the person, or `<source>:<record>`.
    Correlated {
        /// The source by its name in `mapper.people`.
        source: String,
        /// What the source calls the person.
        record: String,
        /// `linked`, `waiting`, `conflict` or `gone`.
        outcome: String,
        /// Whose it is.
        person: Option<String>,
        /// What it is matched by: an attribute of people, or `key`.
        by: Option<String>,
        /// Why it is a conflict: `ambiguous`, `moved` or `taken`.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
        /// Keys of people it may be.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        candidates: Vec<String>,
        /// Names of the attributes for which the source counts with this person.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        counts_for: Vec<String>,
        /// The human who said so, if one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        actor: Option<Actor>,
    },
    /// mapper: an operator said that two keys are one person. The record's subject is either.
    Joined {
        /// Key of the person who stays.
        person: String,
        /// The key that is theirs as well from now on.
        other: String,
        /// Who said so.
        who: String,
        /// Why.
        why: String,
    },
    /// mapper: an operator took back something before it took effect.
    ScheduleCancelled {
        /// The statement.
        schedule: ScheduleId,
        /// When it would have taken effect.
        #[serde(with = "time::serde::rfc3339")]
        effective_at: OffsetDateTime,
        /// What: `joins`, `leaves`, `is_erased`, names of attributes.
        what: Vec<String>,
        /// Who asked.
        who: String,
        /// Why.
        why: String,
    },
    /// writer: an operator asked for one person or group to be made to agree now.
    Provisioned {
        /// The target.
        target: String,
        /// Who asked.
        who: String,
        /// Why.
        why: String,
    },
    /// mapper: an account that must be off is proven to be off.
    LeaverProven {
        /// The target.
        target: String,
        /// Why it must be off.
        cause: LeaverCause,
        /// What shows it; docs/leavers.md has the kinds.
        evidence: String,
        /// When the target showed it.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
        /// From the departure, or from its receipt if that was later, in milliseconds.
        late_ms: i64,
        /// It was told before that it is overdue.
        was_overdue: bool,
    },
    /// mapper: an account that must be off is not proven to be off within the objective.
    LeaverOverdue {
        /// The target.
        target: String,
        /// Why it must be off.
        cause: LeaverCause,
        /// When the objective passed.
        #[serde(with = "time::serde::rfc3339")]
        due_at: OffsetDateTime,
        /// What it waits for.
        waits_for: WaitingFor,
        /// More of it, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// mapper: an operator ordered something about a person's access, or lifted it.
    AccessOrdered {
        /// What.
        order: AccessOrderKind,
        /// `ordered` or `lifted`.
        outcome: String,
        /// When it ends by itself.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
        until: Option<OffsetDateTime>,
        /// Who.
        who: String,
        /// Why.
        why: String,
    },
    /// mapper: an account that was proven to be off came back.
    LeaverReopened {
        /// The target.
        target: String,
        /// Why it must be off.
        cause: LeaverCause,
        /// The evidence that vanished.
        evidence: String,
    },
    /// mapper: what was decided for a target was compared with what the writer knows. The record's subject is
    /// `target:<target>`.
    Verified {
        /// The target.
        target: String,
        /// Who asked: an operator, `writer` or `schedule`.
        who: String,
        /// How many accounts, groups and memberships were compared.
        compared: u64,
        /// Of how many the writer had another state.
        differed: u64,
        /// How many were sent again.
        sent_again: u64,
        /// How many give access at the writer and are not known to the mapper.
        unknown: u64,
    },
    /// writer: a command was not carried out, because its revision is more than a day ahead of every clock that is known.
    Refused {
        /// The target.
        target: String,
        /// User, group or membership.
        kind: ResourceKind,
        /// The revision.
        revision: i64,
        /// Why, and what to do.
        reason: String,
    },
    /// Any service: its database or its streams are not those that it left. The record's subject is `service:<service>`.
    RestoreNoticed {
        /// The service.
        service: String,
        /// What was found, and what is done about it.
        found: String,
    },
    /// Any service: an operator gave up a message that the broker refuses for good. The record's subject is
    /// `service:<service>`.
    MessageDiscarded {
        /// The service.
        service: String,
        /// What it was about, and how it was called in the outbox.
        message: String,
        /// Who gave it up.
        who: String,
        /// Why.
        why: String,
    },
    /// writer: an operator closed a dead letter without trying again.
    Discarded {
        /// The dead letter.
        dead_letter: DeadLetterId,
        /// Who asked.
        who: String,
        /// Why.
        why: String,
    },
}

impl Fact {
    /// The last token of the journal subject, and the name in the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Merged { .. } => "merged",
            Self::Decided { .. } => "decided",
            Self::MembershipDecided { .. } => "membership_decided",
            Self::Superseded { .. } => "superseded",
            Self::Attempted(_) => "attempted",
            Self::Settled { .. } => "settled",
            Self::Conflict { .. } => "conflict",
            Self::Held { .. } => "held",
            Self::HeldDecided { .. } => "held_decided",
            Self::Paused { .. } => "paused",
            Self::Died(_) => "died",
            Self::Replayed { .. } => "replayed",
            Self::ReplayRun { .. } => "replay_run",
            Self::PolicyApplied { .. } => "policy_applied",
            Self::FeedHeld { .. } => "feed_held",
            Self::FeedDecided { .. } => "feed_decided",
            Self::Correlated { .. } => "correlated",
            Self::Joined { .. } => "joined",
            Self::ScheduleCancelled { .. } => "schedule_cancelled",
            Self::Provisioned { .. } => "provisioned",
            Self::AccessOrdered { .. } => "access_ordered",
            Self::LeaverProven { .. } => "leaver_proven",
            Self::LeaverOverdue { .. } => "leaver_overdue",
            Self::LeaverReopened { .. } => "leaver_reopened",
            Self::Verified { .. } => "verified",
            Self::Refused { .. } => "refused",
            Self::RestoreNoticed { .. } => "restore_noticed",
            Self::MessageDiscarded { .. } => "message_discarded",
            Self::Discarded { .. } => "discarded",
        }
    }
}

/// How an attempt ended, as far as the next step is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptClass {
    /// Done.
    Success,
    /// Will probably work later: try again with back-off.
    Transient,
    /// The target asked for a pause: the whole target waits.
    Throttled,
    /// The target is unreachable or down: the whole target waits, nothing burns attempts.
    Unavailable,
    /// The credential was refused: the whole target waits for a human.
    Unauthorised,
    /// Trying again cannot help.
    Permanent,
    /// The request may have been carried out: look before doing it again.
    OutcomeUnknown,
    /// The resource is not there (any more).
    NotFound,
    /// Something with the same identity is already there.
    AlreadyExists,
}

impl AttemptClass {
    /// Every class, for metrics that start at zero.
    pub const ALL: [Self; 9] = [
        Self::Success,
        Self::Transient,
        Self::Throttled,
        Self::Unavailable,
        Self::Unauthorised,
        Self::Permanent,
        Self::OutcomeUnknown,
        Self::NotFound,
        Self::AlreadyExists,
    ];

    /// The name used in tables, metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Transient => "transient",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Unauthorised => "unauthorised",
            Self::Permanent => "permanent",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
        }
    }
}

/// One SCIM request, without bodies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestAttempt {
    /// Names it.
    pub id: AttemptId,
    /// The target.
    pub target: String,
    /// User, group or membership.
    pub kind: ResourceKind,
    /// The revision that it served.
    pub revision: i64,
    /// `lookup`, `create`, `update`, `disable`, `delete`, `add_members`, `remove_members`, ...
    pub operation: String,
    /// HTTP method and path below the target's base URL (filters redacted).
    pub request: String,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What it means for the next step.
    pub class: AttemptClass,
    /// Duration in milliseconds.
    pub duration_ms: i64,
    /// Why it failed, in words, if it did.
    pub error: Option<String>,
    /// On the timeline of somebody whose membership it was about: key of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_of: Option<String>,
}

/// A request and its answer, redacted, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestExchange {
    /// HTTP method.
    pub method: String,
    /// Path and query below the target's base URL.
    pub path: String,
    /// Request body with personal values masked.
    pub request_body: Option<Value>,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Response body, capped, with the same values masked.
    pub response_body: Option<String>,
}

/// Everything that an operator needs to decide about a resource that could not be made right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Names it.
    pub id: DeadLetterId,
    /// The target.
    pub target: String,
    /// User, group or membership.
    pub kind: ResourceKind,
    /// Key of the person or group.
    pub subject: String,
    /// For a membership: key of the group; the subject is the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_of: Option<String>,
    /// The revision that could not be applied.
    pub revision: i64,
    /// The operation that failed last.
    pub operation: String,
    /// How it failed.
    pub class: AttemptClass,
    /// In words.
    pub error: String,
    /// How often it was tried.
    pub attempts: i32,
    /// The last request and answer.
    pub exchange: Option<RequestExchange>,
    /// The requests that failed before it was given up, the oldest first: the last [`FAILURES_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailedRequest>,
}

impl DeadLetter {
    /// What it has in common with those that failed in the same way.
    pub fn group(&self) -> String {
        let parts = [&*self.target, self.kind.as_str(), &*self.operation, self.class.as_str()];
        crate::failure_group(parts, &self.error)
    }
}

/// How many failed requests a dead letter keeps.
pub const FAILURES_MAX: usize = 10;

/// A request that failed, as a dead letter keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedRequest {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// `lookup`, `create`, `update`, ...
    pub operation: String,
    /// What it meant for the next step.
    pub class: AttemptClass,
    /// Why, in words.
    pub error: String,
    /// Duration in milliseconds.
    pub duration_ms: i64,
    /// The request and its answer.
    pub exchange: RequestExchange,
}
