//! Runs of full feeds: what the mapper made of them, and what a human says about those that it does not believe.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Actor;
use crate::FeedRunId;

/// Most runs in one answer.
pub const FEED_RUNS_MAX: u64 = 500;
/// How many of those who are missing are named.
pub const MISSING_NAMED_MAX: u64 = 100;

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedRunState {
    /// Rows come in; it was not said yet that this is all.
    Open,
    /// Everything was sent, and not everything is merged yet.
    Merging,
    /// It is not believed: who is missing is left alone until a human decides.
    Held,
    /// Who was listed before and is not in it has left.
    Accepted,
    /// A human said that it is wrong: nobody left because of it.
    Rejected,
    /// A newer run took its place.
    Superseded,
}

impl FeedRunState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::Merging, Self::Held, Self::Accepted, Self::Rejected, Self::Superseded];

    /// The name used in tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Merging => "merging",
            Self::Held => "held",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Superseded => "superseded",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// Asks the mapper for runs, newest first; answered by a [`FeedsReply`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FeedsRequest {
    /// Only of this feed.
    pub feed: Option<String>,
    /// Only this one, with some of those who are missing.
    pub run: Option<FeedRunId>,
    /// How many at most; the mapper answers with at most [`FEED_RUNS_MAX`].
    pub limit: u64,
}

/// Runs, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedsReply {
    /// Some of them.
    pub runs: Vec<FeedRunStatus>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedRunStatus {
    /// The feed's name.
    pub feed: String,
    /// The run.
    pub run: FeedRunId,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub begun_at: OffsetDateTime,
    /// What became of it.
    pub state: FeedRunState,
    /// What the gateway saw of the file, once it said that this is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FeedFile>,
    /// People of it that are merged and not in a newer run.
    pub merged: u64,
    /// People that the feed listed before as employed and that are not in this run.
    pub missing: u64,
    /// Keys of some of them; only when one run is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_keys: Vec<String>,
    /// People of whom it was said that they left because they are not in it.
    pub left: u64,
    /// Rows that said what they said in the run before: they are not stored again.
    #[serde(default)]
    pub unchanged: u64,
    /// Rows that were sent as unchanged and are not known any more: of those people it is only known that they are in it.
    #[serde(default)]
    pub unresolved: u64,
    /// Messages of the run that could not be read or stored and are in the quarantine: while there are any, the run ends no employment.
    #[serde(default)]
    pub unread: u64,
    /// Why it is held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Who decided: an operator, or `usher`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What was seen of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedFile {
    /// Rows, good and bad.
    pub rows: u64,
    /// Rows that say nothing because something is wrong with them.
    pub bad_rows: u64,
    /// People.
    pub people: u64,
    /// Whether all of it was there, as far as the file tells.
    pub complete: bool,
}

/// Tells the mapper whether to believe a run that is held; answered by its [`FeedRunStatus`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecideFeedRequest {
    /// The run.
    pub run: FeedRunId,
    /// Whether who is missing has left.
    pub accept: bool,
    /// Who and why.
    pub actor: Actor,
}

/// Asks the mapper which rows of a full feed it knows, so that only their names have to be sent; answered by a
/// [`KnownRowsReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownRowsRequest {
    /// The feed's name.
    pub feed: String,
    /// The run that they are in.
    pub run: FeedRunId,
    /// Key and hash of each.
    pub rows: Vec<(String, String)>,
}

/// Which rows the mapper knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownRowsReply {
    /// One for each, in their order.
    pub known: Vec<bool>,
}

/// A full feed whose last file was not decided about: who is missing in it has not left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UndecidedFeed {
    /// The feed's name.
    pub feed: String,
    /// The run of that file.
    pub run: String,
    /// Open, merging or held; superseded for a file that is not newer than the one accepted before.
    pub state: FeedRunState,
    /// When the run began.
    #[serde(with = "time::serde::rfc3339")]
    pub begun_at: OffsetDateTime,
    /// When the last run began that was accepted: until then it is known who left.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<OffsetDateTime>,
}
