//! Problems of sources: statements of a source that Usher was sent, or asked for, and could not take.

use serde::{Deserialize, Serialize};

/// The name under which requests stand whose sender is not known.
pub const UNKNOWN_SENDER: &str = "(unknown)";
/// Longest detail that is kept, in characters.
const DETAIL_CHARS_MAX: usize = 160;

/// What could not be taken; docs/sources.md lists what each means and what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceProblemKind {
    /// A list that is read again and again cannot be read.
    UnreadableList,
    /// Rows of a list or file, or operations of a bulk request, say nothing because something is wrong with them.
    BadRows,
    /// A file was refused as a whole.
    RefusedFile,
    /// The source's API cannot be asked for records.
    UnreadableRecords,
    /// Records were put aside because they could not be fetched.
    ParkedRecords,
    /// Requests did not prove who they come from.
    RefusedCredentials,
    /// Requests of a sender who is known were refused.
    RefusedRequests,
    /// Notices have a type that is not among those of the adapter.
    UnknownTypes,
    /// An identity provider named resources that are not known here.
    UnknownResources,
}

impl SourceProblemKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::UnreadableList,
        Self::BadRows,
        Self::RefusedFile,
        Self::UnreadableRecords,
        Self::ParkedRecords,
        Self::RefusedCredentials,
        Self::RefusedRequests,
        Self::UnknownTypes,
        Self::UnknownResources,
    ];

    /// The name used in metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnreadableList => "unreadable_list",
            Self::BadRows => "bad_rows",
            Self::RefusedFile => "refused_file",
            Self::UnreadableRecords => "unreadable_records",
            Self::ParkedRecords => "parked_records",
            Self::RefusedCredentials => "refused_credentials",
            Self::RefusedRequests => "refused_requests",
            Self::UnknownTypes => "unknown_types",
            Self::UnknownResources => "unknown_resources",
        }
    }
}

/// Something of a source that could not be taken, as often as it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceProblem {
    /// The source of the events that it would have made, or [`UNKNOWN_SENDER`].
    pub source: String,
    /// What could not be taken.
    pub kind: SourceProblemKind,
    /// How often since `first`.
    pub count: u64,
    /// When it began; microseconds since the Unix epoch.
    pub first: i64,
    /// When it happened last; microseconds since the Unix epoch.
    pub last: i64,
    /// What was wrong the last time, without values of people.
    pub detail: String,
}

impl SourceProblem {
    /// `count` times at `at`. Of `detail` a line of limited length is kept.
    pub fn new(source: &str, kind: SourceProblemKind, count: u64, at: i64, detail: &str) -> Self {
        let plain = detail.chars().map(|char| if char.is_control() { ' ' } else { char });
        let detail = plain.take(DETAIL_CHARS_MAX).collect();
        Self { source: source.to_owned(), kind, count, first: at, last: at, detail }
    }

    /// Adds what happened since.
    pub fn add(&mut self, more: &Self) {
        self.count = self.count.saturating_add(more.count);
        self.first = self.first.min(more.first);
        if more.last >= self.last {
            self.last = more.last;
            self.detail.clone_from(&more.detail);
        }
    }
}
