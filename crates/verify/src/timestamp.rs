//! When a notice was signed.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::NoticeRefusal;

const NANOSECONDS_PER_SECOND: i128 = 1_000_000_000;
const NANOSECONDS_PER_MILLISECOND: i128 = 1_000_000;

/// How the time of a notice is written in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestampFormat {
    /// Seconds since 1970, digits only.
    #[default]
    UnixSeconds,
    /// Milliseconds since 1970, digits only.
    UnixMilliseconds,
    /// As in `2026-01-31T18:42:00Z`, with an offset.
    Rfc3339,
}

impl fmt::Display for TimestampFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnixSeconds => "Unix seconds",
            Self::UnixMilliseconds => "Unix milliseconds",
            Self::Rfc3339 => "RFC 3339",
        })
    }
}

impl TimestampFormat {
    /// The moment, in UTC, or nothing where the text is not one.
    pub(crate) fn parse(self, text: &str) -> Option<OffsetDateTime> {
        let nanoseconds = match self {
            Self::UnixSeconds => parse_number(text)? * NANOSECONDS_PER_SECOND,
            Self::UnixMilliseconds => parse_number(text)? * NANOSECONDS_PER_MILLISECOND,
            Self::Rfc3339 => OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos(),
        };
        OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()
    }
}

/// One number has one spelling: with `01700000000` beside `1700000000` the last `0` of a body could become the first of
/// the time in `{body}{timestamp}` and the signature would still be right.
fn parse_number(text: &str) -> Option<i128> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if canonical && digits { text.parse::<u64>().ok().map(i128::from) } else { None }
}

/// Whether `at` is at most so many seconds before or after `now`; exactly so many are still right.
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

fn seconds_up(nanoseconds: i128) -> u64 {
    let seconds = (nanoseconds + NANOSECONDS_PER_SECOND - 1) / NANOSECONDS_PER_SECOND;
    u64::try_from(seconds).unwrap_or(u64::MAX)
}
