//! What became of one fetch.

use std::time::Duration;

use lifecycle::AttemptClass;

/// Why what a record says is not on its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FetchTrouble {
    /// The source is not able or willing, or the record cannot be used.
    Source { class: AttemptClass, why: String, retry_after: Option<Duration> },
    /// The broker did not take it: nobody's fault but ours.
    NotStored { why: String },
}

/// A word of the metric for it.
pub(super) fn outcome_word(outcome: &Result<FetchedRecord, FetchTrouble>) -> &'static str {
    match outcome {
        Ok(FetchedRecord::Record) => "fetched",
        Ok(FetchedRecord::Gone) => "gone",
        Err(FetchTrouble::NotStored { .. }) => "not_stored",
        Err(FetchTrouble::Source { class, .. }) => class.as_str(),
    }
}

/// What was fetched, and is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FetchedRecord {
    /// A record.
    Record,
    /// That there is none, which says that the person is gone.
    Gone,
}
