//! Dates in scopes. A whole date is that day in UTC. All times are counted in microseconds since 1970.

use std::fmt;

use time::{Date, OffsetDateTime};

/// The longest period, in days: a hundred years. A longer one is a typing error.
pub(crate) const PERIOD_DAYS_MAX: u32 = 36_500;
const HOUR_MICROS: i64 = 3_600 * 1_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;

/// A test of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateTest {
    /// The date lies between now and the end of the period: 0 <= date - now <= period.
    Within(DatePeriod),
    /// The date lies between the start of the period and now: 0 <= now - date <= period.
    WithinLast(DatePeriod),
    /// Earlier. A whole date must lie before it entirely.
    Before(DateOperand),
    /// Not later.
    OnOrBefore(DateOperand),
    /// Later. A whole date must lie after it entirely.
    After(DateOperand),
    /// Not earlier.
    OnOrAfter(DateOperand),
}

/// A number of hours, days or weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatePeriod {
    count: u32,
    unit: PeriodUnit,
}

/// The unit of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PeriodUnit {
    Hour,
    Day,
    Week,
}

/// The operand of a date comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOperand {
    /// A fixed date.
    Fixed(FixedDate),
    /// The time of the decision.
    Now,
    /// A period after the decision.
    Ahead(DatePeriod),
    /// A period before the decision.
    Ago(DatePeriod),
}

/// A date that does not depend on the time of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixedDate {
    /// A whole day in UTC.
    Day(Date),
    /// A point in time, in microseconds since 1970.
    Instant(i64),
}

/// The time from `start` until just before `end`.
#[derive(Debug, Clone, Copy)]
struct DateRange {
    start: i64,
    end: i64,
}

impl DateRange {
    fn of(instant: i64) -> Self {
        Self { start: instant, end: instant.saturating_add(1) }
    }
}

impl DateTest {
    /// Returns `true` if the test holds for `date` at `now` (microseconds).
    pub(crate) fn holds(self, date: FixedDate, now: i64) -> bool {
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

    /// Returns the next time after `now` at which time alone changes the result for `date`.
    pub(crate) fn flips_at(self, date: FixedDate, now: i64) -> Option<i64> {
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

impl DateOperand {
    /// Reads a date, `now`, `now + 7 days` or `now - 2 weeks`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(date) = FixedDate::parse(text) {
            return Some(Self::Fixed(date));
        }
        let now = text.get(..3).filter(|now| now.eq_ignore_ascii_case("now"))?;
        let offset = text[now.len()..].trim_start();
        match offset.chars().next() {
            None => Some(Self::Now),
            Some('+') => DatePeriod::parse(&offset[1..]).map(Self::Ahead),
            Some('-') => DatePeriod::parse(&offset[1..]).map(Self::Ago),
            Some(_) => None,
        }
    }

    fn at(self, now: i64) -> DateRange {
        match self {
            Self::Fixed(date) => date.stretch(),
            Self::Now => DateRange::of(now),
            Self::Ahead(period) => DateRange::of(now.saturating_add(period.micros())),
            Self::Ago(period) => DateRange::of(now.saturating_sub(period.micros())),
        }
    }

    /// Returns the time at which the operand reaches `instant`, or `None` if it is fixed.
    fn reaches(self, instant: i64) -> Option<i64> {
        match self {
            Self::Fixed(_) => None,
            Self::Now => Some(instant),
            Self::Ahead(period) => Some(instant.saturating_sub(period.micros())),
            Self::Ago(period) => Some(instant.saturating_add(period.micros())),
        }
    }
}

impl DatePeriod {
    /// Reads a number of hours, days or weeks, at most [`PERIOD_DAYS_MAX`] days.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let unit = match text[digits..].trim_start().to_ascii_lowercase().as_str() {
            "hour" | "hours" => PeriodUnit::Hour,
            "day" | "days" => PeriodUnit::Day,
            "week" | "weeks" => PeriodUnit::Week,
            _ => return None,
        };
        let period = Self { count: text[..digits].parse().ok()?, unit };
        (period.micros() <= i64::from(PERIOD_DAYS_MAX) * DAY_MICROS).then_some(period)
    }

    fn micros(self) -> i64 {
        let unit = match self.unit {
            PeriodUnit::Hour => HOUR_MICROS,
            PeriodUnit::Day => DAY_MICROS,
            PeriodUnit::Week => 7 * DAY_MICROS,
        };
        i64::from(self.count).saturating_mul(unit)
    }
}

impl FixedDate {
    /// Reads a date in the formats that expressions read, so that both halves of a policy agree
    /// on the format of a date. A time without an offset is UTC. A date with an offset but
    /// without a time (`2026-01-31-08:00`, as some HR systems write it) is the day as written.
    pub fn parse(text: &str) -> Option<Self> {
        match expression::read_date(text)? {
            expression::ParsedDate::Day(day) => Some(Self::Day(day)),
            expression::ParsedDate::Moment(moment) => Some(Self::Instant(lifecycle::unix_micros(moment))),
        }
    }

    fn stretch(self) -> DateRange {
        match self {
            Self::Instant(instant) => DateRange::of(instant),
            Self::Day(day) => {
                let start = day.midnight().assume_utc().unix_timestamp() * 1_000_000;
                DateRange { start, end: start + DAY_MICROS }
            }
        }
    }
}

impl fmt::Display for DateOperand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(date) => date.fmt(f),
            Self::Now => f.write_str("now"),
            Self::Ahead(period) => write!(f, "now + {period}"),
            Self::Ago(period) => write!(f, "now - {period}"),
        }
    }
}

impl fmt::Display for DatePeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            PeriodUnit::Hour => "hour",
            PeriodUnit::Day => "day",
            PeriodUnit::Week => "week",
        };
        write!(f, "{} {unit}{}", self.count, if self.count == 1 { "" } else { "s" })
    }
}

impl fmt::Display for FixedDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = |date: Date| (date.year(), u8::from(date.month()), date.day());
        match *self {
            Self::Day(date) => {
                let (year, month, day) = day(date);
                write!(f, "{year:04}-{month:02}-{day:02}")
            }
            Self::Instant(micros) => {
                let Some(moment) = moment_of(micros) else { return write!(f, "{micros}") };
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

/// Returns the time at `micros` microseconds since 1970, or `None` if it is out of range.
pub(crate) fn moment_of(micros: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()
}

#[cfg(test)]
mod tests;
