//! The outcome of one fetch.

use std::time::Duration;

use lifecycle::AttemptClass;

/// The reason why the events of a record are not on their stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FetchTrouble {
    /// The source failed or refused, or the record is unusable.
    Source { class: AttemptClass, why: String, retry_after: Option<Duration> },
    /// The broker did not store the events. Neither the source nor the record is at fault.
    NotStored { why: String },
}

/// Returns the outcome's label in metrics.
pub(super) fn outcome_word(outcome: &Result<FetchedRecord, FetchTrouble>) -> &'static str {
    match outcome {
        Ok(FetchedRecord::Record) => "fetched",
        Ok(FetchedRecord::Gone) => "gone",
        Err(FetchTrouble::NotStored { .. }) => "not_stored",
        Err(FetchTrouble::Source { class, .. }) => class.as_str(),
    }
}

/// The content of a successful fetch whose events are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FetchedRecord {
    /// The source has a record.
    Record,
    /// The source has no record, which means that the person is gone.
    Gone,
}
