//! The order of statements.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The order of two statements about the same thing: effective time, then the time at which the source made the
/// statement, then the ingest sequence. Times are in microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StatementVersion {
    /// The time from which the statement holds.
    pub effective_at: i64,
    /// The time at which the source made the statement.
    pub said_at: i64,
    /// The position in the EVENTS stream. It breaks ties, and stays the same when the event is delivered again.
    pub sequence: u64,
}

/// Returns the time in microseconds since the Unix epoch; saturates outside the years that an `i64` can hold.
pub(crate) fn unix_micros_of(at: OffsetDateTime) -> i64 {
    let micros = at.unix_timestamp_nanos() / 1_000;
    i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX })
}
