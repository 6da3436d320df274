//! What a service has decided to publish and the broker does not have.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// How much waits in the outbox of one service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxStatus {
    /// The service.
    pub service: String,
    /// Rows with departures that wait.
    pub departures: i64,
    /// Rows with other commands that wait.
    pub commands: i64,
    /// Rows with facts that wait.
    pub facts: i64,
    /// How long the oldest departure has waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_departure_seconds: Option<i64>,
    /// How long the oldest other command has waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_command_seconds: Option<i64>,
    /// How long the oldest fact has waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_fact_seconds: Option<i64>,
    /// Messages that the broker refuses for good.
    pub set_aside: i64,
    /// Messages with facts that were dropped because JOURNAL was full for too long.
    pub facts_dropped: u64,
}

/// The answer of the mapper and of the writer to [`super::verb::OUTBOX`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxReply {
    /// How much waits.
    pub status: OutboxStatus,
    /// What is set aside, oldest first, at most 500.
    pub set_aside: Vec<SetAsideMessage>,
}

/// A message that the broker refuses for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetAsideMessage {
    /// Its name in the outbox.
    pub id: String,
    /// When it was to be published.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// Its size in bytes.
    pub bytes: i64,
    /// `departures`, `commands` or `facts`: what waits with it.
    #[serde(default)]
    pub lane: String,
    /// Why it cannot be published.
    pub cause: String,
}

/// Asks a service to publish a message again that is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetrySetAsideRequest {
    /// Its name in the outbox.
    pub id: String,
    /// The operator, and why.
    #[serde(flatten)]
    pub actor: super::Actor,
}

/// Asks a service to give up a message that is set aside; answered by an [`OutboxReply`]. What takes access away is never given
/// up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscardSetAsideRequest {
    /// Its name in the outbox.
    pub id: String,
    /// The operator, and why.
    #[serde(flatten)]
    pub actor: super::Actor,
}
