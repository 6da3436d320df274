//! The report on a file that was taken.

use lifecycle::FeedRunId;
use serde::Serialize;
use utoipa::ToSchema;

use super::FeedMode;

/// The maximum number of wrong rows that are listed; all are counted.
pub(super) const FAULTS_MAX: usize = 1_000;

/// The result of a file. Every good row is durably stored.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FeedReport {
    /// The name of the feed.
    pub(crate) feed: String,
    /// The id of this feed run. `usher feed show RUN` shows its outcome.
    #[schema(value_type = String, examples("run_0123456789abcdef0123456789abcdef"))]
    pub(crate) run: FeedRunId,
    /// `full` if a file lists every person, `delta` if it lists changes.
    pub(crate) mode: FeedMode,
    /// The number of rows, good and bad, without header, trailer and empty rows.
    pub(crate) rows: u64,
    /// The number of rows that are invalid, completely or in part.
    pub(crate) bad_rows: u64,
    /// The number of good rows that the mapping ignores.
    pub(crate) ignored: u64,
    /// The number of different people in the good rows.
    pub(crate) people: u64,
    /// The number of stored events, including those that were stored before.
    pub(crate) events: u64,
    /// The number of these events that were stored before.
    pub(crate) duplicates: u64,
    /// The number of these events that equal those of the previous run. Only their keys and hashes are stored again.
    pub(crate) unchanged: u64,
    /// `true` if the file is complete, judged by its format, trailer and checksum. No person leaves because of an incomplete file.
    pub(crate) complete: bool,
    /// The faults of the file as a whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) notes: Vec<String>,
    /// The length of the file in bytes.
    pub(crate) bytes: u64,
    /// The SHA-256 of the file, in hexadecimal digits.
    pub(crate) sha256: String,
    /// The encoding in which the file was read.
    #[schema(value_type = String)]
    pub(crate) encoding: &'static str,
    /// The separator of its fields.
    #[schema(value_type = String)]
    pub(crate) separator: feeds::FieldSeparator,
    /// The wrong rows, at most 1,000.
    pub(crate) errors: Vec<RowFault>,
    /// The number of wrong rows that are not listed.
    pub(crate) errors_unlisted: u64,
    /// The maximum number of events that were in memory at the same time.
    #[serde(skip)]
    pub(crate) buffered_max: usize,
}

/// A fault in a row. It never contains the value of a cell.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RowFault {
    /// The line of the file in which the row begins, starting at 1.
    pub(crate) line: u64,
    /// The column, if the fault concerns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<String>,
    /// The fault.
    pub(crate) what: String,
    /// The suggested correction.
    pub(crate) fix: String,
}

impl From<feeds::RowError> for RowFault {
    fn from(feeds::RowError { line, column, what, fix }: feeds::RowError) -> Self {
        Self { line, column, what, fix }
    }
}
