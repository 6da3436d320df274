//! What is known already and takes effect later: a list, and taking it back.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Actor;
use crate::{EventId, ScheduleId};

/// Most people in one answer.
pub const SCHEDULE_PEOPLE_MAX: u64 = 200;
/// How many moments of one person are told.
pub const SCHEDULE_MOMENTS_MAX: usize = 32;
/// How many names one request to cancel may have.
pub const SCHEDULE_CANCEL_MAX: usize = 1_000;

/// Asks the mapper what takes effect when; answered by a [`ScheduleReply`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScheduleRequest {
    /// Only of this person: key, or login name at the source.
    pub person: Option<String>,
    /// Only what takes effect until then.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
    /// People per answer; the mapper answers with at most [`SCHEDULE_PEOPLE_MAX`].
    pub limit: u64,
    /// `nextCursor` of the answer before.
    pub cursor: Option<String>,
}

/// People in the order in which something takes effect for them next, each with all that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleReply {
    /// One entry per person and moment.
    pub changes: Vec<ScheduledChange>,
    /// There is more; a page may be short, or empty, and there is more all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// What changes for one person at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledChange {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Key of the person.
    pub person: String,
    /// What sources said; empty if only time passes, as when days of grace are over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<ScheduledStatement>,
    /// What it does at targets, by the policies in force and by what is known now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<ScheduledEffect>,
}

/// What one event says of the future. Names, never values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledStatement {
    /// Names it, for cancelling it.
    pub id: ScheduleId,
    /// `joins`, `leaves` or `is_erased`, if the person does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employment: Option<String>,
    /// Names of the attributes that get another value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<String>,
    /// It is a whole record: what it does not name has no value from then on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole_record: bool,
    /// When the source said it.
    #[serde(with = "time::serde::rfc3339")]
    pub said_at: OffsetDateTime,
    /// The event that said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// Its CloudEvents `source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// What a moment does at one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledEffect {
    /// The target.
    pub target: String,
    /// `none`, `active`, `disabled` or `deleted` before.
    pub from: String,
    /// And from then on.
    pub to: String,
    /// Names of the target attributes that change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// The rule or clause that decides it.
    pub reason: String,
}

/// Asks the mapper to take back what is scheduled; answered by a [`CancelScheduleReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelScheduleRequest {
    /// Ids of statements, or people all of whose statements are meant.
    pub what: Vec<String>,
    /// Who and why.
    pub actor: Actor,
}

/// What was taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelScheduleReply {
    /// One entry per statement.
    pub cancelled: Vec<CancelledStatement>,
    /// What of the request names nothing that is scheduled, with what to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_cancelled: Vec<NotCancelled>,
}

/// A statement that does not come true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelledStatement {
    /// Key of the person.
    pub person: String,
    /// When it would have taken effect.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The statement.
    #[serde(flatten)]
    pub statement: ScheduledStatement,
}

/// Something that could not be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotCancelled {
    /// As the request has it.
    pub what: String,
    /// Why, and what to do.
    pub why: String,
}
