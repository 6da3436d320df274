//! The pauses that an API asks for.

use std::time::Duration;

use reqwest::header::HeaderMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// The headers that ask for a pause, the standard one first.
const HEADERS: [&str; 6] = [
    "retry-after",
    "x-retry-after",
    "x-rate-limit-reset",
    "x-ratelimit-reset",
    "ratelimit-reset",
    "x-rate-limit-retry-after-seconds",
];

/// The headers with the number of requests that are left until then.
const REMAINING: [&str; 4] = [
    "ratelimit-remaining",
    "x-ratelimit-remaining",
    "x-rate-limit-remaining",
    "x-rate-limit-request-remaining",
];

/// The value above which a number of seconds is a point in time since the Unix epoch, not a pause.
const EPOCH_SECONDS_MIN: f64 = 1_000_000_000.0;
/// The value above which the number is such a point in time in milliseconds.
const EPOCH_MILLIS_MIN: f64 = 100_000_000_000.0;

/// Returns the time by the API's clock, which its dates refer to; the local time if the API does not send it.
pub fn remote_now(headers: &HeaderMap) -> OffsetDateTime {
    let date = headers.get("date").and_then(|date| OffsetDateTime::parse(date.to_str().ok()?, &Rfc2822).ok());
    date.unwrap_or_else(OffsetDateTime::now_utc)
}

/// Returns the pause that `headers` ask for at `now`, at most `cap`. Returns `None` if they ask for none that can be
/// parsed.
pub fn requested_pause(headers: &HeaderMap, now: OffsetDateTime, cap: Duration) -> Option<Duration> {
    let stated = HEADERS.iter().find_map(|name| parse_pause(headers.get(*name)?.to_str().ok()?.trim(), now));
    stated.map(|pause| pause.min(cap))
}

/// Returns the time until the API renews an exhausted budget. Returns `None` if the budget is not exhausted or not stated.
pub fn budget_pause(headers: &HeaderMap, now: OffsetDateTime, cap: Duration) -> Option<Duration> {
    let left =
        REMAINING.iter().find_map(|name| headers.get(*name)?.to_str().ok()?.trim().parse::<f64>().ok())?;
    if left >= 1.0 { None } else { requested_pause(headers, now, cap) }
}

/// Parses a pause: a number of seconds, a point in time as a number, or a date.
fn parse_pause(text: &str, now: OffsetDateTime) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        let now = now.unix_timestamp_nanos() as f64 / 1e9;
        let seconds = match seconds {
            millis if millis >= EPOCH_MILLIS_MIN => millis / 1e3 - now,
            seconds if seconds >= EPOCH_SECONDS_MIN => seconds - now,
            seconds => seconds,
        };
        return seconds
            .is_finite()
            .then(|| Duration::from_secs_f64(seconds.clamp(0.0, f64::from(u32::MAX)).ceil()));
    }
    let then = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some(Duration::try_from(then - now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};
    use time::macros::datetime;

    #[test]
    fn a_budget_that_is_spent_is_heard_and_one_that_is_not_says_nothing() {
        let now = datetime!(2015-10-21 07:28:00 UTC);
        for (left, reset, seconds) in [
            ("0", Some("9"), Some(9)),
            ("1", Some("9"), None),
            ("0", None, None),
            ("none", Some("9"), None),
            ("0", Some("1445412490"), Some(10)),
            ("0", Some("9999"), Some(60)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-rate-limit-remaining", HeaderValue::from_static(left));
            if let Some(reset) = reset {
                headers.insert("x-rate-limit-reset", HeaderValue::from_static(reset));
            }
            let heard = budget_pause(&headers, now, Duration::from_secs(60));
            assert_eq!(heard, seconds.map(Duration::from_secs), "{left} {reset:?}");
        }
    }

    #[test]
    fn dates_are_counted_by_the_targets_own_clock() {
        let mut headers = HeaderMap::new();
        headers.insert("date", HeaderValue::from_static("Wed, 21 Oct 2015 07:28:00 GMT"));
        headers.insert("retry-after", HeaderValue::from_static("Wed, 21 Oct 2015 07:28:30 GMT"));
        let heard = requested_pause(&headers, remote_now(&headers), Duration::from_secs(60));
        assert_eq!(heard, Some(Duration::from_secs(30)), "whatever our clock says");
    }

    #[test]
    fn pauses_in_every_form_are_understood_and_capped() {
        let now = datetime!(2015-10-21 07:28:00 UTC);
        for (name, value, seconds) in [
            ("retry-after", "7", Some(7)),
            ("retry-after", "1.2", Some(2)),
            ("retry-after", "-5", Some(0)),
            ("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT", Some(30)),
            ("retry-after", "Wed, 21 Oct 2015 07:00:00 GMT", Some(0)),
            ("x-rate-limit-reset", "1445412490000", Some(10)),
            ("retry-after", "86400", Some(60)),
            ("retry-after", "soon", None),
            ("retry-after", "NaN", None),
            ("x-retry-after", "3", Some(3)),
            ("x-rate-limit-reset", "9", Some(9)),
            ("x-ratelimit-reset", "1445412490", Some(10)),
            ("date", "9", None),
        ] {
            let header = (HeaderName::from_static(name), HeaderValue::from_static(value));
            let pause = requested_pause(&HeaderMap::from_iter([header]), now, Duration::from_secs(60));
            assert_eq!(pause.map(|p| p.as_secs()), seconds, "{name}: {value}");
        }
    }
}
