//! The quarantine: messages that a service could not read or store, and retrying them.

use serde::{Deserialize, Serialize};

use super::Actor;

/// The maximum number of messages that are listed or retried at once.
pub const QUARANTINE_MAX: u64 = 1_000;

/// Asks a service for its quarantine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuarantineRequest {
    /// The maximum number of messages; 0 returns only the counts.
    pub limit: u64,
    /// `nextCursor` of the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A page of the quarantine: departures first, then the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct QuarantineReply {
    /// The messages of this page.
    pub items: Vec<QuarantinedMessage>,
    /// The number of messages in quarantine.
    pub total: u64,
    /// The number of those that would revoke access.
    pub departures: u64,
    /// The cursor of the next page; `None` on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// The services that do not answer. Their quarantine is not counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<String>,
}

/// A message in quarantine. The entry names the content, but does not show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct QuarantinedMessage {
    /// The service, a colon, and the stream and sequence or the row.
    pub id: String,
    /// The time at which the message was put into quarantine, in microseconds since the Unix epoch.
    pub at: i64,
    /// The kind of reason: `unreadable`, `newer_version`, `not_stored`, `id_reused` or `state_unreadable`.
    pub reason: String,
    /// A description of the reason.
    pub cause: String,
    /// The person, group or target that the message is about, as far as it is known.
    pub subject: String,
    /// The kind of message: the type of an event, the name of a fact.
    pub kind: String,
    /// `true` if the message would revoke access.
    pub departure: bool,
}

/// Asks a service to retry messages in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryQuarantinedRequest {
    /// The ids as they are listed, without the service.
    pub ids: Vec<String>,
    /// The operator and the reason.
    pub actor: Actor,
}

/// The result of a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RetryOutcome {
    /// The message was processed.
    Done,
    /// The message stays in quarantine.
    Refused,
    /// There is no such message.
    NotFound,
}

/// The result of a retry of one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RetriedItem {
    /// The id of the message.
    pub id: String,
    /// The result.
    pub outcome: RetryOutcome,
    /// The reason why the message was refused; empty otherwise.
    pub cause: String,
}

/// The results of the retries, in the order of the request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RetryQuarantinedReply {
    /// One result for each id of the request.
    pub items: Vec<RetriedItem>,
}
