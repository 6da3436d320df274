//! The event type to which every source is normalised.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{AttributeMap, EventId, FeedRun};

/// The kind of an event. The wire name is the CloudEvents `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// A person was hired.
    #[serde(rename = "worker.joined")]
    WorkerJoined,
    /// Some attributes of a person changed.
    #[serde(rename = "worker.changed")]
    WorkerChanged,
    /// A person left.
    #[serde(rename = "worker.left")]
    WorkerLeft,
    /// A person who had left came back.
    #[serde(rename = "worker.rehired")]
    WorkerRehired,
    /// The whole record of a person: an attribute that is not in it has no value.
    #[serde(rename = "worker.snapshot")]
    WorkerSnapshot,
    /// The record of a person was erased at the source.
    #[serde(rename = "worker.deleted")]
    WorkerDeleted,
    /// A group exists, with these attributes and, if `members` is given, exactly these members.
    #[serde(rename = "group.upserted")]
    GroupUpserted,
    /// A group is gone.
    #[serde(rename = "group.deleted")]
    GroupDeleted,
    /// `members` are in the group.
    #[serde(rename = "group.member.added")]
    GroupMemberAdded,
    /// `members` are not in the group.
    #[serde(rename = "group.member.removed")]
    GroupMemberRemoved,
    /// A feed run is complete.
    #[serde(rename = "feed.completed")]
    FeedCompleted,
    /// Rows of a full feed that are unchanged: the event names people whose rows the mapper already knows. The
    /// gateway makes such events; it never accepts them from a source.
    #[serde(rename = "feed.rows")]
    FeedRows,
}

impl EventKind {
    /// Every kind that a source may send, for documentation and for error messages.
    pub const ALL: [Self; 11] = [
        Self::WorkerJoined,
        Self::WorkerChanged,
        Self::WorkerLeft,
        Self::WorkerRehired,
        Self::WorkerSnapshot,
        Self::WorkerDeleted,
        Self::GroupUpserted,
        Self::GroupDeleted,
        Self::GroupMemberAdded,
        Self::GroupMemberRemoved,
        Self::FeedCompleted,
    ];

    /// Returns the wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WorkerJoined => "worker.joined",
            Self::WorkerChanged => "worker.changed",
            Self::WorkerLeft => "worker.left",
            Self::WorkerRehired => "worker.rehired",
            Self::WorkerSnapshot => "worker.snapshot",
            Self::WorkerDeleted => "worker.deleted",
            Self::GroupUpserted => "group.upserted",
            Self::GroupDeleted => "group.deleted",
            Self::GroupMemberAdded => "group.member.added",
            Self::GroupMemberRemoved => "group.member.removed",
            Self::FeedCompleted => "feed.completed",
            Self::FeedRows => "feed.rows",
        }
    }

    /// Returns whether every event of this kind revokes access. Such events use the lane of departures.
    pub fn is_departure(self) -> bool {
        matches!(self, Self::WorkerLeft | Self::WorkerDeleted | Self::GroupDeleted | Self::GroupMemberRemoved)
    }

    /// Returns whether the subject is a person.
    pub fn is_worker(self) -> bool {
        self.as_str().starts_with("worker.")
    }

    /// Returns whether the subject is a group.
    pub fn is_group(self) -> bool {
        self.as_str().starts_with("group.")
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error for a CloudEvents `type` that is none of [`EventKind::ALL`].
#[derive(Debug, thiserror::Error)]
#[error("unknown event type")]
pub struct UnknownEventKind;

impl FromStr for EventKind {
    type Err = UnknownEventKind;

    /// Accepts the bare name or a name qualified by its owner (`com.example.hr.worker.joined`): CloudEvents 1.0
    /// advises a reverse-DNS prefix.
    fn from_str(text: &str) -> Result<Self, UnknownEventKind> {
        let matches = |kind: &Self| {
            text == kind.as_str()
                || text.strip_suffix(kind.as_str()).is_some_and(|prefix| prefix.ends_with('.'))
        };
        Self::ALL.into_iter().find(matches).ok_or(UnknownEventKind)
    }
}

/// The key of a person or a group: the CloudEvents `subject` without a leading `worker/` or `group/`.
pub struct SubjectKey;

impl SubjectKey {
    /// Returns the key in a subject. `worker/E-1` and `E-1` are the same person, `group/G-1` and `G-1` the same
    /// group.
    pub fn key_of(subject: &str) -> &str {
        let subject = subject.trim();
        subject.strip_prefix("worker/").or_else(|| subject.strip_prefix("group/")).unwrap_or(subject)
    }
}

/// The way in which the day of a statement is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementDating {
    /// The source named the day.
    Explicit,
    /// The source named no day: the statement holds from the time at which it was made. The true first day is
    /// unknown, but not later.
    Implied,
    /// The source named neither a day nor the time of the statement: it is the time of receipt, by Usher's own clock.
    /// Otherwise the same as [`Self::Implied`].
    Received,
    /// A record or a row shows it: it was true when the record was produced.
    Observed,
}

/// An accepted event as it is stored on the EVENTS stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The id, derived from the sender, `source` and `source_event_id`.
    pub id: EventId,
    /// The configured source that was authenticated, independent of the claim in `source`: `hr` for a token,
    /// `webhooks/gusto`, `feeds/people`, `polls/ad` or `entra/scim` for sources that the gateway itself names. Empty
    /// in events that were accepted before senders were recorded; see [`Event::sender`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sender: String,
    /// The CloudEvents `source`, as the payload claims it.
    pub source: String,
    /// The CloudEvents `id`.
    pub source_event_id: String,
    /// The CloudEvents `type`.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// The key of the person or group (see [`SubjectKey::key_of`]); the feed's name for `feed.completed`.
    pub subject: String,
    /// The time at which the source made the statement.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// The time from which the statement holds. It may lie in the future.
    #[serde(with = "time::serde::rfc3339")]
    pub effective_at: OffsetDateTime,
    /// The way in which `effective_at` is known; see [`Event::dating`]. Absent in events that were accepted before it
    /// was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dated: Option<StatementDating>,
    /// The time at which the gateway accepted the event.
    #[serde(with = "time::serde::rfc3339")]
    pub accepted_at: OffsetDateTime,
    /// `true` if the event withdraws an announcement: `worker.left` a hire or rehire, `worker.rehired` a departure.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdraws: bool,
    /// The attributes of the subject. JSON null means "has no value".
    #[serde(default, skip_serializing_if = "AttributeMap::is_empty")]
    pub attributes: AttributeMap,
    /// The keys of people, for the group kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<String>>,
    /// The run of a full feed that the event comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<FeedRun>,
    /// Values of the notice or record that could not be read or used. They are reported as findings and otherwise
    /// ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<UnreadValue>,
}

/// A value that could not be read or used: its place and its format, never the value itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnreadValue {
    /// The setting or the place that the value was read for, such as `employment.ends` or `/day`.
    pub field: String,
    /// The format of the value (`99.99.9999`), or the reason why it cannot be used.
    pub class: String,
    /// `true` if the value may state the person's departure: the day of a departure, or a status.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_be_departure: bool,
}

impl UnreadValue {
    /// Creates a value at `field` of the format `class` that does not concern a departure.
    pub fn new(field: impl Into<String>, class: impl Into<String>) -> Self {
        Self { field: field.into(), class: class.into(), may_be_departure: false }
    }

    /// Returns the value marked as one that may state the person's departure.
    #[must_use]
    pub fn of_departure(self) -> Self {
        Self { may_be_departure: true, ..self }
    }
}

impl Event {
    /// Returns the authenticated sender. For events that were accepted before senders were recorded, returns their
    /// claim.
    pub fn sender(&self) -> &str {
        if self.sender.is_empty() { &self.source } else { &self.sender }
    }

    /// Returns whether the event would revoke access.
    pub fn takes_away(&self) -> bool {
        match self.kind {
            kind if kind.is_departure() => true,
            EventKind::WorkerSnapshot => match self.attributes.get("active") {
                Some(serde_json::Value::Bool(active)) => !active,
                Some(serde_json::Value::String(active)) => active.eq_ignore_ascii_case("false"),
                _ => false,
            },
            _ => false,
        }
    }

    /// Returns the way in which `effective_at` is known. For events that do not record it, it is inferred from their
    /// other fields.
    pub fn dating(&self) -> StatementDating {
        let looks_like = || {
            if self.kind == EventKind::WorkerSnapshot
                || (self.feed.is_some() && self.effective_at <= self.time)
            {
                StatementDating::Observed
            } else if self.effective_at == self.time {
                StatementDating::Implied
            } else {
                StatementDating::Explicit
            }
        };
        match self.dated {
            Some(StatementDating::Received) => StatementDating::Implied,
            dated => dated.unwrap_or_else(looks_like),
        }
    }

    /// Returns whether the time of the statement is that of its receipt, because the source named none.
    pub fn is_timed_by_receipt(&self) -> bool {
        self.dated == Some(StatementDating::Received)
    }
}
