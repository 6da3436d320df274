//! The clock for dates. No other code of this crate reads it.

use time::OffsetDateTime;

/// Returns the present time in UTC.
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
