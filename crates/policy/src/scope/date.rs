//! Dates in scopes. A whole date is that day in UTC; everything is counted in microseconds since 1970.

use std::fmt;

use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

/// Longest period, in days: a hundred years. More is a typing error.
pub(crate) const PERIOD_DAYS_MAX: u32 = 36_500;
const HOUR_MICROS: i64 = 3_600 * 1_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;

/// When a date test holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateTest {
    /// From now until the period has passed: 0 <= date - now <= period.
    Within(Period),
    /// From the period ago until now: 0 <= now - date <= period.
    WithinLast(Period),
    /// Earlier; of a whole date, all of it.
    Before(Moment),
    /// Not later.
    OnOrBefore(Moment),
    /// Later; of a whole date, all of it.
    After(Moment),
    /// Not earlier.
    OnOrAfter(Moment),
}

/// A number of hours, days or weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    count: u32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Hour,
    Day,
    Week,
}

/// What a date is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A fixed date.
    Fixed(Fixed),
    /// The moment of the decision.
    Now,
    /// A period after the decision.
    Ahead(Period),
    /// A period before the decision.
    Ago(Period),
}

/// A date that does not move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixed {
    /// A whole day in UTC.
    Day(Date),
    /// A moment, in microseconds since 1970.
    Instant(i64),
}

/// From `start` until just before `end`.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    start: i64,
    end: i64,
}

impl Stretch {
    fn of(instant: i64) -> Self {
        Self { start: instant, end: instant.saturating_add(1) }
    }
}

impl DateTest {
    /// Whether it holds for `date` at `now` (microseconds).
    pub(crate) fn holds(self, date: Fixed, now: i64) -> bool {
        let date = date.stretch();
        match self {
            Self::Within(period) => date.end > now && date.start <= now.saturating_add(period.micros()),
            Self::WithinLast(period) => date.start <= now && date.end > now.saturating_sub(period.micros()),
            Self::Before(moment) => date.end <= moment.at(now).start,
            Self::OnOrBefore(moment) => date.start < moment.at(now).end,
            Self::After(moment) => date.start >= moment.at(now).end,
            Self::OnOrAfter(moment) => date.end > moment.at(now).start,
        }
    }

    /// The next moment after `now` when time alone changes whether it holds for `date`.
    pub(crate) fn flips_at(self, date: Fixed, now: i64) -> Option<i64> {
        let date = date.stretch();
        let moments = match self {
            Self::Within(period) => [Some(date.start.saturating_sub(period.micros())), Some(date.end)],
            Self::WithinLast(period) => [Some(date.start), Some(date.end.saturating_add(period.micros()))],
            Self::Before(moment) | Self::OnOrAfter(moment) => [moment.reaches(date.end), None],
            Self::After(moment) | Self::OnOrBefore(moment) => [moment.reaches(date.start), None],
        };
        moments.into_iter().flatten().filter(|at| *at > now).min()
    }
}

impl Moment {
    /// Reads a date, `now`, `now + 7 days` or `now - 2 weeks`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(date) = Fixed::parse(text) {
            return Some(Self::Fixed(date));
        }
        let now = text.get(..3).filter(|now| now.eq_ignore_ascii_case("now"))?;
        let offset = text[now.len()..].trim_start();
        match offset.chars().next() {
            None => Some(Self::Now),
            Some('+') => Period::parse(&offset[1..]).map(Self::Ahead),
            Some('-') => Period::parse(&offset[1..]).map(Self::Ago),
            Some(_) => None,
        }
    }

    fn at(self, now: i64) -> Stretch {
        match self {
            Self::Fixed(date) => date.stretch(),
            Self::Now => Stretch::of(now),
            Self::Ahead(period) => Stretch::of(now.saturating_add(period.micros())),
            Self::Ago(period) => Stretch::of(now.saturating_sub(period.micros())),
        }
    }

    /// When it gets to `instant`; never, if it does not move.
    fn reaches(self, instant: i64) -> Option<i64> {
        match self {
            Self::Fixed(_) => None,
            Self::Now => Some(instant),
            Self::Ahead(period) => Some(instant.saturating_sub(period.micros())),
            Self::Ago(period) => Some(instant.saturating_add(period.micros())),
        }
    }
}

impl Period {
    /// Reads a number of hours, days or weeks, at most [`PERIOD_DAYS_MAX`] days.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let unit = match text[digits..].trim_start().to_ascii_lowercase().as_str() {
            "hour" | "hours" => Unit::Hour,
            "day" | "days" => Unit::Day,
            "week" | "weeks" => Unit::Week,
            _ => return None,
        };
        let period = Self { count: text[..digits].parse().ok()?, unit };
        (period.micros() <= i64::from(PERIOD_DAYS_MAX) * DAY_MICROS).then_some(period)
    }

    fn micros(self) -> i64 {
        let unit = match self.unit {
            Unit::Hour => HOUR_MICROS,
            Unit::Day => DAY_MICROS,
            Unit::Week => 7 * DAY_MICROS,
        };
        i64::from(self.count).saturating_mul(unit)
    }
}

impl Fixed {
    /// Reads ISO 8601: `2026-01-31`, `2026-01-31T08:00Z`, `2026-01-31 08:00:00.5+01:00`. A time without an offset is
    /// UTC; a date with an offset but without a time (`2026-01-31-08:00`, as some HR systems write) is the day as
    /// written.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = Cursor(text.trim().as_bytes());
        let year = i32::try_from(rest.number(4)?).ok()?;
        rest.skip(b"-")?;
        let month = Month::try_from(u8::try_from(rest.number(2)?).ok()?).ok()?;
        rest.skip(b"-")?;
        let date = Date::from_calendar_date(year, month, u8::try_from(rest.number(2)?).ok()?).ok()?;
        if rest.skip(b"Tt ").is_none() {
            rest.offset()?;
            return rest.0.is_empty().then_some(Self::Day(date));
        }
        let time = rest.time()?;
        let offset = rest.offset()?;
        let moment = rest.0.is_empty().then(|| date.with_time(time).assume_offset(offset))?;
        let moment = moment.checked_to_offset(UtcOffset::UTC)?;
        (0..=9_999).contains(&moment.year()).then(|| Self::Instant(lifecycle::unix_micros(moment)))
    }

    fn stretch(self) -> Stretch {
        match self {
            Self::Instant(instant) => Stretch::of(instant),
            Self::Day(day) => {
                let start = day.midnight().assume_utc().unix_timestamp() * 1_000_000;
                Stretch { start, end: start + DAY_MICROS }
            }
        }
    }
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn number(&mut self, digits: usize) -> Option<u32> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        number
            .iter()
            .try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
    }

    fn skip(&mut self, any_of: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        any_of.contains(first).then(|| self.0 = rest).map(|()| *first)
    }

    fn time(&mut self) -> Option<Time> {
        let hour = self.number(2)?;
        self.skip(b":")?;
        let minute = self.number(2)?;
        let second = if self.skip(b":").is_some() { self.number(2)? } else { 0 };
        let mut micros = 0;
        if self.skip(b".,").is_some() {
            let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
            for place in 0..digits {
                let digit = self.number(1)?;
                micros += digit * [100_000, 10_000, 1_000, 100, 10, 1].get(place).unwrap_or(&0);
            }
        }
        let small = |number: u32| u8::try_from(number).ok();
        Time::from_hms_micro(small(hour)?, small(minute)?, small(second)?, micros).ok()
    }

    /// `Z`, `+01:00`, `-0800` or nothing.
    fn offset(&mut self) -> Option<UtcOffset> {
        let sign = match self.skip(b"Zz+-") {
            None | Some(b'Z' | b'z') => return Some(UtcOffset::UTC),
            Some(b'-') => -1,
            Some(_) => 1,
        };
        let hours = i8::try_from(self.number(2)?).ok()?;
        self.skip(b":");
        let minutes = i8::try_from(self.number(2)?).ok()?;
        UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(date) => date.fmt(f),
            Self::Now => f.write_str("now"),
            Self::Ahead(period) => write!(f, "now + {period}"),
            Self::Ago(period) => write!(f, "now - {period}"),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Hour => "hour",
            Unit::Day => "day",
            Unit::Week => "week",
        };
        write!(f, "{} {unit}{}", self.count, if self.count == 1 { "" } else { "s" })
    }
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = |date: Date| (date.year(), u8::from(date.month()), date.day());
        match *self {
            Self::Day(date) => {
                let (year, month, day) = day(date);
                write!(f, "{year:04}-{month:02}-{day:02}")
            }
            Self::Instant(micros) => {
                let Some(moment) = moment(micros) else { return write!(f, "{micros}") };
                let (year, month, day) = day(moment.date());
                let (hour, minute, second, micros) = moment.time().as_hms_micro();
                write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
                if micros > 0 {
                    write!(f, ".{micros:06}")?;
                }
                f.write_str("Z")
            }
        }
    }
}

/// The moment at `micros` since 1970, if there is one.
pub(crate) fn moment(micros: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()
}

#[cfg(test)]
mod tests;
