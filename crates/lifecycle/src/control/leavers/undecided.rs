//! Departures that are not decided yet: a source says, or may say, that a person left, and nothing follows from it so far.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{WaitHelper, WaitReason, WaitingFor};

/// A departure that has no obligation yet, because something keeps it from being decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UndecidedDeparture {
    /// Keys of the people it may concern; empty where it names no readable person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<String>,
    /// Since when it waits.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// What it waits for.
    pub waiting: WaitReason,
    /// Who can help.
    pub helper: WaitHelper,
}

impl UndecidedDeparture {
    /// A departure of one of `people` that waits since `since`.
    pub fn new(people: Vec<String>, since: OffsetDateTime, reason: WaitingFor, detail: String) -> Self {
        Self { people, since, waiting: WaitReason::because(reason, detail), helper: reason.helper() }
    }
}
