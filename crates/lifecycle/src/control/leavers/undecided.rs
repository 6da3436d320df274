//! Departures without a decision: a source says, or may say, that a person left, and nothing follows from it yet.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{WaitHelper, WaitReason, WaitingFor};

/// A departure that has no obligation yet, because something keeps it from being decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UndecidedDeparture {
    /// The keys of the people that the departure may concern; empty if no person can be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<String>,
    /// The time since which the departure waits.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// The reason for which it waits.
    pub waiting: WaitReason,
    /// The role that can resolve it.
    pub helper: WaitHelper,
}

impl UndecidedDeparture {
    /// Creates a departure of one of `people` that waits since `since`.
    pub fn new(people: Vec<String>, since: OffsetDateTime, reason: WaitingFor, detail: String) -> Self {
        Self { people, since, waiting: WaitReason::because(reason, detail), helper: reason.helper() }
    }
}
