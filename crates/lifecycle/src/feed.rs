//! Files that list everybody: which reading of which file an event comes from.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::FeedRunId;

/// One reading of a full feed. Events that carry it say who is in the file; who is not may have left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedRun {
    /// The feed's name.
    pub feed: String,
    /// Names the reading: the same when the same file is read again because something failed.
    pub run: FeedRunId,
    /// When it began, or when the file was written: what it says is as old as this.
    #[serde(with = "time::serde::rfc3339")]
    pub begun_at: OffsetDateTime,
    /// It is said because the person is not in the file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
}
