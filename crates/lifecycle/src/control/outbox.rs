//! Messages that a service has decided to publish and that the broker does not have yet.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The backlog in the outbox of one service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OutboxStatus {
    /// The service.
    pub service: String,
    /// The number of waiting rows with departures.
    pub departures: i64,
    /// The number of waiting rows with other commands.
    pub commands: i64,
    /// The number of waiting rows with facts.
    pub facts: i64,
    /// The age of the oldest waiting departure, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_departure_seconds: Option<i64>,
    /// The age of the oldest other command, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_command_seconds: Option<i64>,
    /// The age of the oldest fact, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_fact_seconds: Option<i64>,
    /// The number of messages that the broker refuses for good.
    pub set_aside: i64,
    /// The number of messages with facts that were dropped because JOURNAL was full for too long.
    pub facts_dropped: u64,
}

/// The maximum number of messages in one answer.
pub const SET_ASIDE_MAX: u64 = 500;

/// Asks a service for its outbox; answered by an [`OutboxReply`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OutboxRequest {
    /// The maximum number of messages; the service answers with at most [`SET_ASIDE_MAX`], which is also the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// `nextCursor` of the answer before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The answer of a service to a request about its outbox, such as [`super::verbs::MapperOutboxVerb`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OutboxReply {
    /// The backlog.
    pub status: OutboxStatus,
    /// The messages that were set aside, oldest first.
    pub set_aside: Vec<SetAsideMessage>,
    /// The cursor of the next page; `None` on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A message that the broker refuses for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SetAsideMessage {
    /// The id of the message in the outbox.
    pub id: String,
    /// The time at which the message was due to be published.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// The size in bytes.
    pub bytes: i64,
    /// The lane of the message: `departures`, `commands` or `facts`.
    #[serde(default)]
    pub lane: String,
    /// The reason why the message cannot be published.
    pub cause: String,
}

/// Asks a service to publish a message again that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetrySetAsideRequest {
    /// The id of the message in the outbox.
    pub id: String,
    /// The operator and the reason.
    #[serde(flatten)]
    pub actor: super::Actor,
}

/// Asks a service to discard a message that was set aside; answered by an [`OutboxReply`]. A message that revokes
/// access is never discarded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscardSetAsideRequest {
    /// The id of the message in the outbox.
    pub id: String,
    /// The operator and the reason.
    #[serde(flatten)]
    pub actor: super::Actor,
}
