//! Runs of full feeds: the mapper's findings, and an operator's decisions about held runs.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Actor;
use crate::FeedRunId;

/// The maximum number of runs in one answer.
pub const FEED_RUNS_MAX: u64 = 500;
/// The maximum number of missing people that are named.
pub const MISSING_NAMED_MAX: u64 = 100;

/// The state of a feed run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FeedRunState {
    /// Rows arrive; the end of the run was not announced yet.
    Open,
    /// All rows were sent, but not all of them are merged yet.
    Merging,
    /// The run failed its safety check: people who are missing or turn inactive in it are left alone until an operator
    /// decides.
    Held,
    /// The run was accepted: people who were listed before and are missing or inactive in it have left.
    Accepted,
    /// An operator rejected the run: it makes no person leave.
    Rejected,
    /// A newer run replaced this one.
    Superseded,
}

impl FeedRunState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::Merging, Self::Held, Self::Accepted, Self::Rejected, Self::Superseded];

    /// Returns the name used in tables and the API.
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

    /// Returns the state with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// Asks the mapper for runs, newest first; answered by a [`FeedsReply`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FeedsRequest {
    /// Only runs of this feed.
    pub feed: Option<String>,
    /// Only this run, with the keys of some of the missing people.
    pub run: Option<FeedRunId>,
    /// The maximum number of runs; the mapper answers with at most [`FEED_RUNS_MAX`].
    pub limit: u64,
    /// `nextCursor` of the answer before.
    pub cursor: Option<String>,
}

/// A page of runs, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FeedsReply {
    /// The runs of this page.
    #[serde(alias = "runs")]
    pub items: Vec<FeedRunStatus>,
    /// The cursor of the next page; `None` on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One run of a full feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FeedRunStatus {
    /// The feed's name.
    pub feed: String,
    /// The id of the run.
    pub run: FeedRunId,
    /// The time at which the run began.
    #[serde(with = "time::serde::rfc3339")]
    pub begun_at: OffsetDateTime,
    /// The state of the run.
    pub state: FeedRunState,
    /// The gateway's figures about the file, once the end of the run was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FeedFile>,
    /// The number of people in the run that are merged and are not in a newer run.
    pub merged: u64,
    /// The number of people that the feed listed before as employed and that are not in this run.
    pub missing: u64,
    /// The keys of some of the missing people; set only if one run is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_keys: Vec<String>,
    /// The number of people whom rows of the run state to have left, and who leave once it is accepted.
    #[serde(default)]
    pub leaving: u64,
    /// The keys of some of these people; set only if one run is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaving_keys: Vec<String>,
    /// The number of people who left because of the run: they are not in it, or its rows state that they left.
    pub left: u64,
    /// The number of rows that are equal to those of the run before. They are not stored again.
    #[serde(default)]
    pub unchanged: u64,
    /// The number of rows that were sent as unchanged and that the mapper does not know any more. For those people it
    /// is only known that they are in the run.
    #[serde(default)]
    pub unresolved: u64,
    /// The number of messages of the run that are in quarantine because they could not be read or stored. While there
    /// are any, the run ends no employment.
    #[serde(default)]
    pub unread: u64,
    /// The reasons for which the run is held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// The operator who decided, or `usher`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// The reason that the operator gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl FeedRunStatus {
    /// Returns the number of people who leave once the run is accepted: they are missing or inactive in it.
    pub fn people_leaving(&self) -> u64 {
        self.missing + self.leaving
    }
}

/// The gateway's figures about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FeedFile {
    /// The number of rows, valid and invalid.
    pub rows: u64,
    /// The number of rows that are ignored because they are invalid.
    pub bad_rows: u64,
    /// The number of people.
    pub people: u64,
    /// `true` if the file is complete, as far as its content shows.
    pub complete: bool,
}

/// Tells the mapper to accept or reject a run that is held; answered by its [`FeedRunStatus`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecideFeedRequest {
    /// The run.
    pub run: FeedRunId,
    /// `true` to accept the run: people who are missing or inactive in it have left.
    pub accept: bool,
    /// The number of people who leave once the run is accepted, as the operator was shown it
    /// ([`FeedRunStatus::people_leaving`]). A run is not accepted without it, nor if it is another one by now.
    #[serde(default)]
    pub people: Option<u64>,
    /// The operator and the reason.
    pub actor: Actor,
}

/// Asks the mapper for the rows of a full feed that it knows, so that only their names have to be sent; answered by a
/// [`KnownRowsReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownRowsRequest {
    /// The feed's name.
    pub feed: String,
    /// The run that the rows belong to.
    pub run: FeedRunId,
    /// The key and the hash of each row.
    pub rows: Vec<(String, String)>,
}

/// The answer to a [`KnownRowsRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownRowsReply {
    /// One value for each row of the request, in the same order: `true` if the mapper knows the row.
    pub known: Vec<bool>,
}

/// A full feed without a decision about its last file: people who are missing in that file have not left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UndecidedFeed {
    /// The feed's name.
    pub feed: String,
    /// The run of the last file.
    pub run: String,
    /// The state of the run: open, merging or held; superseded for a file that is not newer than the one accepted
    /// before.
    pub state: FeedRunState,
    /// The time at which the run began.
    #[serde(with = "time::serde::rfc3339")]
    pub begun_at: OffsetDateTime,
    /// The time at which the last accepted run began. Departures up to this time are known.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<OffsetDateTime>,
}

/// A full feed that is not heard of any more, and that is the last one to list some people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SilentFeed {
    /// The feed's name.
    pub feed: String,
    /// The time at which its last run began.
    #[serde(with = "time::serde::rfc3339")]
    pub heard_at: OffsetDateTime,
    /// The number of people whom it lists as employed, and no other feed does.
    pub people: u64,
}
