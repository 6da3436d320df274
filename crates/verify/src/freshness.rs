//! The age of a notice.

use time::OffsetDateTime;

use crate::NoticeRefusal;
use crate::timestamp::NANOSECONDS_PER_SECOND;

/// Checks that `at` is at most `tolerance_seconds` before or after `now`, inclusive.
pub(crate) fn is_fresh(
    at: OffsetDateTime,
    now: OffsetDateTime,
    tolerance_seconds: u64,
) -> Result<(), NoticeRefusal> {
    let age = now.unix_timestamp_nanos() - at.unix_timestamp_nanos();
    let tolerated = i128::from(tolerance_seconds) * NANOSECONDS_PER_SECOND;
    if age > tolerated {
        return Err(NoticeRefusal::Stale { age_seconds: seconds_up(age), tolerance_seconds });
    }
    if -age > tolerated {
        return Err(NoticeRefusal::FromTheFuture { ahead_seconds: seconds_up(-age), tolerance_seconds });
    }
    Ok(())
}

/// Returns a duration in seconds, rounded up.
fn seconds_up(nanoseconds: i128) -> u64 {
    let seconds = (nanoseconds + NANOSECONDS_PER_SECOND - 1) / NANOSECONDS_PER_SECOND;
    u64::try_from(seconds).unwrap_or(u64::MAX)
}
