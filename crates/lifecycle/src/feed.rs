//! Full feeds: files that list all people, and the run of a file that an event comes from.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::FeedRunId;

/// One run of a full feed. Events that carry it name people in the file; people who are missing may have left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedRun {
    /// The feed's name.
    pub feed: String,
    /// The id of the run. It is the same if the same file is read again after a failure.
    pub run: FeedRunId,
    /// The time at which the run began, or at which the file was written. The statements of the run are as old as
    /// this.
    #[serde(with = "time::serde::rfc3339")]
    pub begun_at: OffsetDateTime,
    /// `true` if the statement was made because the person is not in the file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
}
