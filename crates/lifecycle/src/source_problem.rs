//! Problems of sources: statements that Usher received or requested from a source and could not accept.

use serde::{Deserialize, Serialize};

/// The source name for requests whose sender is not known.
pub const UNKNOWN_SENDER: &str = "(unknown)";
/// The maximum length of a stored detail, in characters.
const DETAIL_CHARS_MAX: usize = 160;

/// The kind of a problem; docs/sources.md lists the meaning and the remedy of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceProblemKind {
    /// A list that is read repeatedly cannot be read.
    UnreadableList,
    /// Rows of a list or file, or operations of a bulk request, are ignored because they are invalid.
    BadRows,
    /// A file was refused as a whole.
    RefusedFile,
    /// Records cannot be requested from the source's API.
    UnreadableRecords,
    /// Records were parked because they could not be fetched.
    ParkedRecords,
    /// Requests did not prove the identity of their sender.
    RefusedCredentials,
    /// Requests of a known sender were refused.
    RefusedRequests,
    /// Notices have a type that the adapter does not know.
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

    /// Returns the name used in metrics and the API.
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

/// A problem of a source, with the number of occurrences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceProblem {
    /// The source of the events that would have resulted, or [`UNKNOWN_SENDER`].
    pub source: String,
    /// The kind of problem.
    pub kind: SourceProblemKind,
    /// The number of occurrences since `first`.
    pub count: u64,
    /// The time of the first occurrence, in microseconds since the Unix epoch.
    pub first: i64,
    /// The time of the last occurrence, in microseconds since the Unix epoch.
    pub last: i64,
    /// A description of the last occurrence, without personal values.
    pub detail: String,
}

impl SourceProblem {
    /// Creates a problem with `count` occurrences at `at`. `detail` is reduced to one line of limited length.
    pub fn new(source: &str, kind: SourceProblemKind, count: u64, at: i64, detail: &str) -> Self {
        let plain = detail.chars().map(|char| if char.is_control() { ' ' } else { char });
        let detail = plain.take(DETAIL_CHARS_MAX).collect();
        Self { source: source.to_owned(), kind, count, first: at, last: at, detail }
    }

    /// Adds later occurrences.
    pub fn add(&mut self, more: &Self) {
        self.count = self.count.saturating_add(more.count);
        self.first = self.first.min(more.first);
        if more.last >= self.last {
            self.last = more.last;
            self.detail.clone_from(&more.detail);
        }
    }
}
