//! Moments and days as sources write them, and the time zones that some of them need.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde_json::Value;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// Years that a time may lie in.
const YEARS: std::ops::RangeInclusive<i32> = 1901..=9998;
/// What systems write that cannot leave a date out.
const NO_DATES: [&str; 4] = ["0000-", "0001-01-01", "1900-01-01", "9999-"];
/// Numbers from here on count milliseconds: as seconds they would lie in the year 5138.
const MILLIS_FROM: u64 = 100_000_000_000;

/// When something is, as far as the source tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Exactly then.
    Moment(OffsetDateTime),
    /// On the clocks of the source.
    Local(PrimitiveDateTime),
    /// On that day.
    Day(Date),
}

/// What a value says about time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    When(When),
    /// Nothing, in one of the ways of writing that.
    Never,
    /// Not a time.
    Unreadable,
}

impl When {
    /// Reads an ISO 8601 text (with or without time, seconds, fraction and offset; `+0000` is an offset), or a number of
    /// seconds or milliseconds since 1970.
    pub(crate) fn read(value: &Value) -> Reading {
        match value {
            Value::Null => Reading::Never,
            Value::Number(number) => number.as_i64().and_then(unix).map_or(Reading::Unreadable, checked),
            Value::String(text) => Self::parse(text),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => Reading::Unreadable,
        }
    }

    /// Like [`When::read`], for text.
    pub(crate) fn parse(text: &str) -> Reading {
        let text = text.trim();
        if text.is_empty() {
            return Reading::Never;
        }
        if !text.is_ascii() {
            return Reading::Unreadable;
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().and_then(unix).map_or(Reading::Unreadable, checked);
        }
        let Some((date, rest)) = text.split_at_checked(10) else { return Reading::Unreadable };
        if NO_DATES.iter().any(|none| date.starts_with(none)) {
            return Reading::Never;
        }
        let when = day(date)
            .and_then(|date| if rest.is_empty() { Some(Self::Day(date)) } else { moment(date, rest) });
        when.map_or(Reading::Unreadable, checked)
    }

    /// The day of midnight in UTC, where a vendor writes days as moments; other moments stay what they are.
    pub(crate) fn as_day(self) -> Self {
        match self {
            Self::Moment(at) if at.offset().is_utc() && at.time() == Time::MIDNIGHT => Self::Day(at.date()),
            Self::Local(at) if at.time() == Time::MIDNIGHT => Self::Day(at.date()),
            other => other,
        }
    }
}

fn checked(when: When) -> Reading {
    let year = match when {
        When::Moment(at) => at.year(),
        When::Local(at) => at.year(),
        When::Day(date) => date.year(),
    };
    if YEARS.contains(&year) { Reading::When(when) } else { Reading::Unreadable }
}

fn unix(number: i64) -> Option<When> {
    let nanos =
        i128::from(number) * if number.unsigned_abs() >= MILLIS_FROM { 1_000_000 } else { 1_000_000_000 };
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok().map(When::Moment)
}

/// `YYYY-MM-DD`.
fn day(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) =
        (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()
}

/// `THH:MM[:SS[.fraction]][offset]`, with a blank for the `T` if need be.
fn moment(date: Date, text: &str) -> Option<When> {
    let text = text.strip_prefix(['T', 't', ' '])?;
    let end = text.find(|c: char| !matches!(c, '0'..='9' | ':' | '.' | ',')).unwrap_or(text.len());
    let (clock, offset) = text.split_at(end);
    let at = PrimitiveDateTime::new(date, time_of_day(clock)?);
    match offset.trim_start() {
        "" => Some(When::Local(at)),
        offset => Some(When::Moment(at.assume_offset(offset_of(offset)?))),
    }
}

fn time_of_day(text: &str) -> Option<Time> {
    let (clock, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |text| number(text, 2))?;
    if parts.next().is_some() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // A leap second is the second before it; what is finer than nanoseconds is cut off.
    let second = if second == 60 { 59 } else { second };
    let nanos: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let small = |number: u32| u8::try_from(number).ok();
    Time::from_hms_nano(small(hour)?, small(minute)?, small(second)?, nanos.parse().ok()?).ok()
}

/// `Z`, `UTC`, `+HH:MM`, `+HHMM`, `+HH`.
fn offset_of(text: &str) -> Option<UtcOffset> {
    if text.eq_ignore_ascii_case("z") || text.eq_ignore_ascii_case("utc") {
        return Some(UtcOffset::UTC);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = text.get(1..)?;
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 => digits.split_at(2),
        _ => digits.split_once(':')?,
    };
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    if minutes > 59 {
        return None;
    }
    let signed = |number: u32| i8::try_from(number).ok().map(|number| sign * number);
    UtcOffset::from_hms(signed(hours)?, signed(minutes)?, 0).ok()
}

/// Exactly `digits` decimal digits.
fn number(text: &str, digits: usize) -> Option<u32> {
    let fits = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// A time zone, from the copy of the database that is compiled in.
#[derive(Debug, Clone)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// The zone with that IANA name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        TimeZoneDatabase::bundled().get(name).ok().map(Self)
    }

    /// The moment; for a day, where it begins.
    pub(crate) fn begin(&self, when: When) -> Option<OffsetDateTime> {
        match when {
            When::Moment(at) => Some(at.to_offset(UtcOffset::UTC)),
            When::Local(at) => self.moment(at),
            When::Day(date) => self.moment(date.midnight()),
        }
    }

    /// The moment; for a day, where it ends.
    pub(crate) fn end(&self, when: When) -> Option<OffsetDateTime> {
        match when {
            When::Day(date) => self.moment(date.next_day()?.midnight()),
            other => self.begin(other),
        }
    }

    /// Where the clocks skip the time, as much later as they skip; where it happens twice, the first.
    fn moment(&self, at: PrimitiveDateTime) -> Option<OffsetDateTime> {
        let part = |number: u8| i8::try_from(number).ok();
        let local = jiff::civil::DateTime::new(
            i16::try_from(at.year()).ok()?,
            part(at.month().into())?,
            part(at.day())?,
            part(at.hour())?,
            part(at.minute())?,
            part(at.second())?,
            i32::try_from(at.nanosecond()).ok()?,
        );
        let stamp = self.0.to_ambiguous_timestamp(local.ok()?).compatible().ok()?;
        OffsetDateTime::from_unix_timestamp_nanos(stamp.as_nanosecond()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::{date, datetime};

    fn moment_in(zone: &str, text: &str) -> OffsetDateTime {
        let Reading::When(when) = When::parse(text) else { panic!("{text}") };
        Zone::named(zone).unwrap().begin(when).unwrap()
    }

    #[test]
    fn a_moment_with_an_offset_does_not_care_for_the_zone() {
        let moment = datetime!(2026-01-31 18:42:00 UTC);
        for text in [
            "2026-01-31T18:42:00Z",
            "2026-01-31T18:42:00+0000",
            "2026-01-31t18:42:00.000z",
            "2026-01-31 18:42:00 UTC",
            "2026-01-31T19:42+01:00",
            "2026-01-31T10:42:00.000-08",
            "2026-01-31 18:42:00.0000000000 +0000",
            "1769884920",
            "1769884920000",
            " 2026-01-31T18:42Z ",
        ] {
            assert_eq!(moment_in("Asia/Tokyo", text), moment, "{text}");
        }
        assert_eq!(When::read(&json!(1_769_884_920)), Reading::When(When::Moment(moment)));
        assert_eq!(When::read(&json!(1_769_884_920_000_i64)), Reading::When(When::Moment(moment)));
    }

    #[test]
    fn what_is_no_time_is_told_from_no_time_at_all() {
        for never in ["", "  ", "0000-00-00", "0001-01-01T00:00:00", "1900-01-01", "9999-12-31"] {
            assert_eq!(When::parse(never), Reading::Never, "{never:?}");
        }
        for wrong in [
            "tomorrow",
            "2026-02-30",
            "26-02-28",
            "2026-2-28",
            "28.02.2026",
            "2026-02-28T",
            "2026-02-28T25:00",
            "2026-02-28T24:00",
            "2026-02-28T1:00",
            "2026-02-28T10:00:00:00",
            "2026-02-28T10:00+1",
            "2026-02-28T10:00+99:99",
            "2026-02-28T10:00+00:60",
            "2026-02-28x10:00",
            "1899-12-31",
            "99999999999999999999",
            "2026-02-2é",
            "+2026-02-28",
            "2026-02-28T10:00:00.x",
        ] {
            assert_eq!(When::parse(wrong), Reading::Unreadable, "{wrong}");
        }
        for wrong in
            [json!(true), json!([]), json!({}), json!(1.5), json!(i64::MAX), json!(u64::MAX), json!(i64::MIN)]
        {
            assert_eq!(When::read(&wrong), Reading::Unreadable, "{wrong}");
        }
    }

    #[test]
    fn a_local_time_is_read_on_the_clocks_of_the_source() {
        assert_eq!(moment_in("UTC", "2026-07-01T09:00"), datetime!(2026-07-01 9:00 UTC));
        assert_eq!(moment_in("Europe/Berlin", "2026-07-01T09:00"), datetime!(2026-07-01 7:00 UTC));
        assert_eq!(moment_in("Europe/Berlin", "2026-01-01T09:00"), datetime!(2026-01-01 8:00 UTC));
        assert_eq!(moment_in("Asia/Kathmandu", "2026-01-01T09:00"), datetime!(2026-01-01 3:15 UTC));
        assert_eq!(moment_in("Pacific/Kiritimati", "2026-01-01"), datetime!(2025-12-31 10:00 UTC));
        assert!(Zone::named("Middle/Earth").is_none() && Zone::named("").is_none());
    }

    #[test]
    fn a_time_that_the_clocks_skip_is_as_much_later_and_one_that_comes_twice_is_the_first() {
        // Berlin skips 02:00 to 03:00 on 29 March 2026, and goes through them twice on 25 October.
        assert_eq!(moment_in("Europe/Berlin", "2026-03-29T02:30"), datetime!(2026-03-29 1:30 UTC));
        assert_eq!(moment_in("Europe/Berlin", "2026-03-29T03:30"), datetime!(2026-03-29 1:30 UTC));
        assert_eq!(moment_in("Europe/Berlin", "2026-10-25T02:30"), datetime!(2026-10-25 0:30 UTC));
        assert_eq!(moment_in("Europe/Berlin", "2026-10-25T03:00"), datetime!(2026-10-25 2:00 UTC));
    }

    #[test]
    fn a_day_begins_at_its_first_moment_whatever_the_clocks_do() {
        // Cairo skips 00:00 to 01:00 on 24 April 2026: the day begins at 01:00 there.
        assert_eq!(moment_in("Africa/Cairo", "2026-04-24"), datetime!(2026-04-23 22:00 UTC));
        // Havana goes back from 01:00 to 00:00 on 1 November 2026: the first of the two midnights.
        assert_eq!(moment_in("America/Havana", "2026-11-01"), datetime!(2026-11-01 4:00 UTC));
        // Apia had no 30 December 2011.
        assert_eq!(moment_in("Pacific/Apia", "2011-12-30"), moment_in("Pacific/Apia", "2011-12-31"));
    }

    #[test]
    fn a_last_day_ends_where_the_next_begins_though_it_has_23_or_25_hours() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let hours = |day| {
            let day = When::Day(day);
            (berlin.end(day).unwrap() - berlin.begin(day).unwrap()).whole_hours()
        };
        assert_eq!(hours(date!(2026 - 03 - 28)), 24);
        assert_eq!(hours(date!(2026 - 03 - 29)), 23);
        assert_eq!(hours(date!(2026 - 10 - 25)), 25);
        let moment = When::Moment(datetime!(2026-03-29 12:00 UTC));
        assert_eq!(berlin.end(moment), berlin.begin(moment), "a moment has no end");
        assert!(berlin.end(When::Day(date!(9998 - 12 - 31))).is_some());
    }

    #[test]
    fn midnight_in_utc_can_stand_for_a_day() {
        let day = When::Day(date!(2026 - 02 - 02));
        assert_eq!(When::Moment(datetime!(2026-02-02 0:00 UTC)).as_day(), day);
        assert_eq!(When::Local(datetime!(2026-02-02 0:00)).as_day(), day);
        let nine = When::Moment(datetime!(2026-02-02 9:00 UTC));
        assert_eq!(nine.as_day(), nine);
        let elsewhere = When::Moment(datetime!(2026-02-02 0:00 +2));
        assert_eq!(elsewhere.as_day(), elsewhere);
    }
}
