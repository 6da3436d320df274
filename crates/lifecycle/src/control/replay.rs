//! Trying many dead letters again, as an operation of the writer that goes on by itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Actor;
use crate::{DeadLetterId, ReplayId};

/// Dead letters that one operation tries again at most: the oldest.
pub const REPLAY_LETTERS_MAX: u64 = 100_000;

/// Asks the writer to try dead letters again, one after the other: one of `ids`, `target` and `group`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartReplayRequest {
    /// These; at most 1,000.
    #[serde(default)]
    pub ids: Option<Vec<DeadLetterId>>,
    /// Every open one of this target.
    #[serde(default)]
    pub target: Option<String>,
    /// Every open one that failed in this way: a [`crate::failure_group`].
    #[serde(default)]
    pub group: Option<String>,
    /// So many a second at most.
    #[serde(default)]
    pub per_second: Option<u32>,
    /// Who and why.
    pub actor: Actor,
}

/// Asks how far operations are; answered by [`ReplayRuns`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayRunsRequest {
    /// Only this one.
    #[serde(default)]
    pub id: Option<ReplayId>,
}

/// Asks the writer to end an operation: what was not tried again yet stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelReplayRequest {
    /// Which.
    pub id: ReplayId,
    /// Who and why.
    pub actor: Actor,
}

/// Where an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    /// It goes on, also after a restart.
    Running,
    /// Every one was tried again.
    Finished,
    /// An operator ended it.
    Cancelled,
}

impl ReplayState {
    /// The name used in tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Running, Self::Finished, Self::Cancelled].into_iter().find(|state| state.as_str() == name)
    }
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayRun {
    /// Names it.
    pub id: ReplayId,
    /// Where it stands.
    pub state: ReplayState,
    /// The target whose letters it takes, if they were not named one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The way in which they failed, if that is how they were chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// So many a second at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// How many there are.
    pub total: u64,
    /// How many of them were dealt with.
    pub done: u64,
    /// What became of these, by [`super::ReplayOutcome`].
    #[serde(default)]
    pub outcomes: BTreeMap<String, u64>,
    /// Who began it.
    pub who: String,
    /// Why.
    pub why: String,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub started: OffsetDateTime,
    /// When it ended.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub ended: Option<OffsetDateTime>,
}

/// Operations, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayRuns {
    /// Those that are under way, and the last of those that ended.
    pub replays: Vec<ReplayRun>,
}
