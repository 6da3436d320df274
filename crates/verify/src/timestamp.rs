//! The time at which a notice was signed.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(crate) const NANOSECONDS_PER_SECOND: i128 = 1_000_000_000;
const NANOSECONDS_PER_MILLISECOND: i128 = 1_000_000;

/// The format of the time of a notice in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestampFormat {
    /// Seconds since 1970, digits only.
    #[default]
    UnixSeconds,
    /// Milliseconds since 1970, digits only.
    UnixMilliseconds,
    /// A time with an offset, as in `2026-01-31T18:42:00Z`.
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
    /// Returns the time in UTC, or `None` if the text is not in the format.
    pub(crate) fn parse(self, text: &str) -> Option<OffsetDateTime> {
        let nanoseconds = match self {
            Self::UnixSeconds => parse_number(text)? * NANOSECONDS_PER_SECOND,
            Self::UnixMilliseconds => parse_number(text)? * NANOSECONDS_PER_MILLISECOND,
            Self::Rfc3339 => OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos(),
        };
        OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()
    }
}

/// Parses a number in its only valid spelling. If `01700000000` were accepted beside `1700000000`, the last `0` of a
/// body could become the first digit of the time in `{body}{timestamp}`, and the signature would still match.
fn parse_number(text: &str) -> Option<i128> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if canonical && digits { text.parse::<u64>().ok().map(i128::from) } else { None }
}
