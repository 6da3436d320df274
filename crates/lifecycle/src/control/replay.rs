//! Replay of many dead letters, as an operation that the writer continues by itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Actor;
use crate::{DeadLetterId, ReplayId};

/// The maximum number of dead letters that one operation replays, the oldest first.
pub const REPLAY_LETTERS_MAX: u64 = 100_000;

/// The maximum number of operations in one answer.
pub const REPLAYS_MAX: u64 = 100;

/// Asks the writer to replay dead letters, one after the other. Set one of `ids`, `target` and `group`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartReplayRequest {
    /// These dead letters; at most 1,000.
    #[serde(default)]
    pub ids: Option<Vec<DeadLetterId>>,
    /// Every open dead letter of this target.
    #[serde(default)]
    pub target: Option<String>,
    /// Every open dead letter that failed in this way: a [`crate::failure_group`].
    #[serde(default)]
    pub group: Option<String>,
    /// The maximum number of replays per second.
    #[serde(default)]
    pub per_second: Option<u32>,
    /// The operator and the reason.
    pub actor: Actor,
}

/// Asks for the progress of operations; answered by [`ReplayRuns`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayRunsRequest {
    /// Only this operation.
    #[serde(default)]
    pub id: Option<ReplayId>,
    /// The maximum number of operations; the writer answers with at most [`REPLAYS_MAX`], which is also the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// `nextCursor` of the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Asks the writer to cancel an operation. Dead letters that were not replayed yet stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelReplayRequest {
    /// The operation.
    pub id: ReplayId,
    /// The operator and the reason.
    pub actor: Actor,
}

/// The state of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    /// The operation continues, also after a restart.
    Running,
    /// Every dead letter was replayed.
    Finished,
    /// An operator cancelled the operation.
    Cancelled,
}

impl ReplayState {
    /// Returns the name used in tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns the state with this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Running, Self::Finished, Self::Cancelled].into_iter().find(|state| state.as_str() == name)
    }
}

/// One replay operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReplayRun {
    /// The id of the operation.
    pub id: ReplayId,
    /// The state of the operation.
    pub state: ReplayState,
    /// The target of the dead letters, if they were not named one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The failure group of the dead letters, if they were chosen by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The maximum number of replays per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// The number of dead letters in the operation.
    pub total: u64,
    /// The number of those that were processed.
    pub done: u64,
    /// The number of processed dead letters by [`super::ReplayOutcome`].
    #[serde(default)]
    pub outcomes: BTreeMap<String, u64>,
    /// The operator who started the operation.
    pub who: String,
    /// The reason that the operator gave.
    pub why: String,
    /// The time at which the operation began.
    #[serde(with = "time::serde::rfc3339")]
    pub started: OffsetDateTime,
    /// The time at which the operation ended.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub ended: Option<OffsetDateTime>,
}

/// A page of replay operations, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReplayRuns {
    /// The operations of this page: those that are under way, and the last ones that ended.
    #[serde(alias = "replays")]
    pub items: Vec<ReplayRun>,
    /// The cursor of the next page; `None` on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
