//! What a service could not read or store, and trying it again.

use serde::{Deserialize, Serialize};

use super::Actor;

/// How many are listed, or tried again, at most.
pub const QUARANTINE_MAX: u64 = 1_000;

/// Asks a service for what it set aside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuarantineRequest {
    /// How many at most; 0 only counts.
    pub limit: u64,
}

/// What a service set aside: departures first, then the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuarantineReply {
    /// Those that were asked for.
    pub items: Vec<QuarantinedMessage>,
    /// How many there are.
    pub total: u64,
    /// How many of them would take access away.
    pub departures: u64,
    /// Services that do not answer: what they set aside is not counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<String>,
}

/// Something that was set aside. Names its content, and does not show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuarantinedMessage {
    /// The service, a colon, and the stream and sequence or the row.
    pub id: String,
    /// When it was set aside, in microseconds since the Unix epoch.
    pub at: i64,
    /// Why, by kind: `unreadable`, `newer_version`, `not_stored`, `id_reused` or `state_unreadable`.
    pub reason: String,
    /// Why, in words.
    pub cause: String,
    /// The person, group or target that it is about, as far as that is known.
    pub subject: String,
    /// What it is: the type of an event, the name of a fact.
    pub kind: String,
    /// Whether it would take access away.
    pub departure: bool,
}

/// Asks a service to try again what it set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryQuarantinedRequest {
    /// Ids as they are listed, without the service.
    pub ids: Vec<String>,
    /// Who asks, and why.
    pub actor: Actor,
}

/// What came of trying one again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryOutcome {
    /// It is dealt with.
    Done,
    /// It stays where it is.
    Refused,
    /// There is no such item.
    NotFound,
}

/// One of those that were tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetriedItem {
    /// Its id.
    pub id: String,
    /// What came of it.
    pub outcome: RetryOutcome,
    /// Why it was refused; empty otherwise.
    pub cause: String,
}

/// What came of trying again, in the order of the request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryQuarantinedReply {
    /// One for each.
    pub items: Vec<RetriedItem>,
}
