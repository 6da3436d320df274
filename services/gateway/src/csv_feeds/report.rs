//! What came of a file.

use lifecycle::FeedRunId;
use serde::Serialize;
use utoipa::ToSchema;

use super::FeedMode;

/// Most wrong rows that are listed; all are counted.
pub(super) const FAULTS_MAX: usize = 1_000;

/// What came of a file: every good row is durably stored.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FeedReport {
    /// The feed.
    pub(crate) feed: String,
    /// Names this reading of the file: `usher feed show RUN` says what became of it.
    #[schema(value_type = String, examples("run_0123456789abcdef0123456789abcdef"))]
    pub(crate) run: FeedRunId,
    /// Whether a file lists everybody.
    pub(crate) mode: FeedMode,
    /// Rows, good and bad; without header, trailer and empty ones.
    pub(crate) rows: u64,
    /// Rows that say nothing because something is wrong with them.
    pub(crate) bad_rows: u64,
    /// Good rows that the mapping ignores.
    pub(crate) ignored: u64,
    /// Different people in the good rows.
    pub(crate) people: u64,
    /// Events that are stored, those included that were stored before.
    pub(crate) events: u64,
    /// Those of them that were stored before.
    pub(crate) duplicates: u64,
    /// Those of them that say what they said in the run before: only their names are stored.
    pub(crate) unchanged: u64,
    /// Whether all of the file was there, as far as it tells. Of a full feed that is not, nobody leaves.
    pub(crate) complete: bool,
    /// What is wrong with the file as a whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) notes: Vec<String>,
    /// Length of the file.
    pub(crate) bytes: u64,
    /// Its hash: hexadecimal digits.
    pub(crate) sha256: String,
    /// The encoding that it was read in.
    #[schema(value_type = String)]
    pub(crate) encoding: &'static str,
    /// What separates its fields.
    #[schema(value_type = String)]
    pub(crate) separator: feeds::FieldSeparator,
    /// The wrong rows, at most 1,000 of them.
    pub(crate) errors: Vec<RowFault>,
    /// How many more there are.
    pub(crate) errors_unlisted: u64,
    /// Most events that were in memory at the same time.
    #[serde(skip)]
    pub(crate) buffered_max: usize,
}

/// What is wrong with a row. It never holds what stood in a cell.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RowFault {
    /// Line of the file in which the row begins, from 1.
    pub(crate) line: u64,
    /// The column, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<String>,
    /// What is wrong.
    pub(crate) what: String,
    /// What to do.
    pub(crate) fix: String,
}

impl From<feeds::RowError> for RowFault {
    fn from(feeds::RowError { line, column, what, fix }: feeds::RowError) -> Self {
        Self { line, column, what, fix }
    }
}
