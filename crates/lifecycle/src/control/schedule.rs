//! The schedule: statements that are already known and take effect later, and cancelling them.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Actor;
use crate::{EventId, ScheduleId};

/// The maximum number of people in one answer.
pub const SCHEDULE_PEOPLE_MAX: u64 = 200;
/// The maximum number of moments that are listed for one person.
pub const SCHEDULE_MOMENTS_MAX: usize = 32;
/// The maximum number of names in one request to cancel.
pub const SCHEDULE_CANCEL_MAX: usize = 1_000;

/// Asks the mapper for its schedule; answered by a [`ScheduleReply`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScheduleRequest {
    /// Only this person, given by key or by login name at the source.
    pub person: Option<String>,
    /// Only changes that take effect until this time.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
    /// The maximum number of people in the answer; the mapper answers with at most [`SCHEDULE_PEOPLE_MAX`].
    pub limit: u64,
    /// `nextCursor` of the answer before.
    pub cursor: Option<String>,
}

/// People in order of their next scheduled change, each with all scheduled changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ScheduleReply {
    /// One entry per person and moment.
    #[serde(rename = "items", alias = "changes")]
    pub changes: Vec<ScheduledChange>,
    /// The cursor of the next page; `None` on the last one. A page may be short or empty although there are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// The changes for one person at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ScheduledChange {
    /// The moment.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The key of the person.
    pub person: String,
    /// The statements of sources; empty if only time passes, for example at the end of a grace period.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<ScheduledStatement>,
    /// The effects at targets, by the policies in force and by the present knowledge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<ScheduledEffect>,
}

/// One event's statement about the future. It contains names, never values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ScheduledStatement {
    /// The id of the statement, for cancelling it.
    pub id: ScheduleId,
    /// `joins`, `leaves` or `is_erased`, if the statement says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employment: Option<String>,
    /// The names of the attributes that get another value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<String>,
    /// `true` if the statement is a whole record: attributes that it does not name have no value from then on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole_record: bool,
    /// The time at which the source made the statement.
    #[serde(with = "time::serde::rfc3339")]
    pub said_at: OffsetDateTime,
    /// The event that contains the statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// The event's CloudEvents `source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The effect of a moment at one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ScheduledEffect {
    /// The target.
    pub target: String,
    /// The state before: `none`, `active`, `disabled` or `deleted`.
    pub from: String,
    /// The state from then on.
    pub to: String,
    /// The names of the target attributes that change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// The rule or clause that decides the effect.
    pub reason: String,
}

/// Asks the mapper to cancel scheduled statements; answered by a [`CancelScheduleReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelScheduleRequest {
    /// Ids of statements, or keys of people whose statements are all cancelled.
    pub what: Vec<String>,
    /// The operator and the reason.
    pub actor: Actor,
}

/// The answer to a [`CancelScheduleRequest`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CancelScheduleReply {
    /// The cancelled statements, one entry each.
    pub cancelled: Vec<CancelledStatement>,
    /// The parts of the request that name nothing scheduled, with the recommended action.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_cancelled: Vec<NotCancelled>,
}

/// A cancelled statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CancelledStatement {
    /// The key of the person.
    pub person: String,
    /// The time at which the statement would have taken effect.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The statement.
    #[serde(flatten)]
    pub statement: ScheduledStatement,
}

/// A part of a request that could not be cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NotCancelled {
    /// The id or key, as the request has it.
    pub what: String,
    /// The reason, with the recommended action.
    pub why: String,
}
