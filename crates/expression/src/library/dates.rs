//! Dates: reads the formats of HR systems, prints the format of
//! Entra, and does calendar arithmetic. All results are in UTC.

use super::dotnet_format::{DAYS, MONTHS, SHORT_NAME};
use time::{Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// The number of ticks of 100 ns between 1601-01-01 (the start of FILETIME) and 1970-01-01.
const FILETIME_OF_UNIX_EPOCH: i128 = 116_444_736_000_000_000;
const NANOSECONDS_PER_TICK: i128 = 100;
/// The range of years in the .NET calendar.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;
/// The maximum length of a text that is read as a date, in bytes.
const MAX_DATE_BYTES: usize = 64;

/// A date as read from a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParsedDate {
    /// A day. An offset after it is ignored.
    Day(time::Date),
    /// A point in time, in UTC.
    Moment(OffsetDateTime),
}

/// Reads a date in any of the formats of `CDate`. The result tells whether the text has a time.
pub fn read_date(text: &str) -> Option<ParsedDate> {
    let (date, time, offset) = date_parts(text)?;
    match time {
        None => Some(ParsedDate::Day(date)),
        Some(time) => moment_of(date, time, offset).map(ParsedDate::Moment),
    }
}

/// Reads a date: `yyyy-MM-dd`, `yyyy/MM/dd`, `M/d/yyyy`, `16 March 2020`, `16-Mar-2020`, `March 16, 2020` or
/// `March 2020`, optionally with the day of the week before it (it must be the right one, as in .NET). An optional
/// time follows (after `T` or a space, 12 or 24 hours, with optional seconds and fraction), then an optional `Z`,
/// `GMT` or offset. Without an offset the text is UTC. Years of two digits lie between 1950 and 2049, as in .NET.
pub(crate) fn parse_date(text: &str) -> Option<OffsetDateTime> {
    let (date, time, offset) = date_parts(text)?;
    moment_of(date, time.unwrap_or(Time::MIDNIGHT), offset)
}

/// Reads a date and an optional time, with the offset.
fn date_parts(text: &str) -> Option<(time::Date, Option<Time>, UtcOffset)> {
    let text = text.trim();
    if text.len() > MAX_DATE_BYTES {
        return None;
    }
    let mut cursor = DateCursor(text);
    let date = cursor.date()?;
    let separated = cursor.eat('T') || cursor.eat('t') | cursor.spaces();
    let time = if separated && cursor.at_digit() { Some(cursor.time()?) } else { None };
    cursor.spaces();
    let offset = cursor.offset()?;
    cursor.0.is_empty().then_some((date, time, offset))
}

fn moment_of(date: time::Date, time: Time, offset: UtcOffset) -> Option<OffsetDateTime> {
    in_calendar(PrimitiveDateTime::new(date, time).assume_offset(offset).checked_to_offset(UtcOffset::UTC)?)
}

/// Prints a date as `M/d/yyyy h:mm:ss tt` in UTC.
pub(crate) fn print_date(date: OffsetDateTime) -> String {
    let date = date.checked_to_offset(UtcOffset::UTC).unwrap_or(date);
    let (hour, half) = half_day(date.hour());
    let (month, day, year) = (u8::from(date.month()), date.day(), date.year());
    format!("{month}/{day}/{year:04} {hour}:{:02}:{:02} {half}", date.minute(), date.second())
}

/// Returns the hour on a 12-hour clock, and `AM` or `PM`.
pub(super) fn half_day(hour: u8) -> (u8, &'static str) {
    let shown = if hour.is_multiple_of(12) { 12 } else { hour % 12 };
    (shown, if hour < 12 { "AM" } else { "PM" })
}

/// Moves a date by a number of Visual Basic intervals. A day that the month does not have becomes its last day.
pub(crate) fn add_interval(
    interval: &str,
    count: i64,
    date: OffsetDateTime,
) -> Result<OffsetDateTime, String> {
    let seconds =
        |each: i64| count.checked_mul(each).and_then(|seconds| date.checked_add(Duration::seconds(seconds)));
    let months = |each: i64| count.checked_mul(each).and_then(|months| add_months(date, months));
    let moved = match DateInterval::read(interval)? {
        DateInterval::Year => months(12),
        DateInterval::Quarter => months(3),
        DateInterval::Month => months(1),
        DateInterval::Day | DateInterval::DayOfWeek => seconds(86_400),
        DateInterval::Week => seconds(7 * 86_400),
        DateInterval::Hour => seconds(3600),
        DateInterval::Minute => seconds(60),
        DateInterval::Second => seconds(1),
    };
    moved.and_then(in_calendar).ok_or_else(|| "the resulting date is outside of the calendar".to_owned())
}

/// Returns the number of intervals between two dates, positive if the second is later. Years, quarters and months are
/// counted by the calendar, `ww` by weeks that start on Sunday, and the others by elapsed time without the fraction.
pub(crate) fn date_difference(
    interval: &str,
    from: OffsetDateTime,
    to: OffsetDateTime,
) -> Result<i64, String> {
    let span = to - from;
    let month = |date: OffsetDateTime| i64::from(date.year()) * 12 + i64::from(u8::from(date.month())) - 1;
    let sunday = |date: OffsetDateTime| Duration::days(i64::from(date.weekday().number_days_from_sunday()));
    Ok(match DateInterval::read(interval)? {
        DateInterval::Year => i64::from(to.year()) - i64::from(from.year()),
        DateInterval::Quarter => month(to) / 3 - month(from) / 3,
        DateInterval::Month => month(to) - month(from),
        DateInterval::Day => span.whole_days(),
        DateInterval::DayOfWeek => span.whole_days() / 7,
        DateInterval::Week => (span - sunday(to) + sunday(from)).whole_days() / 7,
        DateInterval::Hour => span.whole_hours(),
        DateInterval::Minute => span.whole_minutes(),
        DateInterval::Second => span.whole_seconds(),
    })
}

/// Returns the time of a FILETIME (ticks of 100 ns since 1601).
pub(crate) fn from_filetime(ticks: i64) -> Option<OffsetDateTime> {
    if ticks < 0 {
        return None;
    }
    let nanoseconds = (i128::from(ticks) - FILETIME_OF_UNIX_EPOCH) * NANOSECONDS_PER_TICK;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok().and_then(in_calendar)
}

/// Returns the FILETIME of a time. Returns `None` for a time before 1601, and for the
/// last day of the calendar: it means "never" in HR systems, and Entra refuses it.
pub(crate) fn to_filetime(date: OffsetDateTime) -> Option<i64> {
    if (date.year(), date.ordinal()) == (9999, 365) {
        return None;
    }
    let ticks = date.unix_timestamp_nanos().div_euclid(NANOSECONDS_PER_TICK) + FILETIME_OF_UNIX_EPOCH;
    i64::try_from(ticks).ok().filter(|ticks| *ticks >= 0)
}

/// An interval of `DateAdd` and `DateDiff`.
enum DateInterval {
    Year,
    Quarter,
    Month,
    Day,
    DayOfWeek,
    Week,
    Hour,
    Minute,
    Second,
}

impl DateInterval {
    /// Reads the name of an interval.
    fn read(name: &str) -> Result<Self, String> {
        Ok(match name.trim().to_ascii_lowercase().as_str() {
            "yyyy" => Self::Year,
            "q" => Self::Quarter,
            "m" => Self::Month,
            "d" | "y" => Self::Day,
            "w" => Self::DayOfWeek,
            "ww" => Self::Week,
            "h" => Self::Hour,
            "n" => Self::Minute,
            "s" => Self::Second,
            _ => return Err("the interval is none of yyyy, q, m, y, d, w, ww, h, n, s".to_owned()),
        })
    }
}

fn add_months(date: OffsetDateTime, months: i64) -> Option<OffsetDateTime> {
    let index = (i64::from(date.year()) * 12 + i64::from(u8::from(date.month())) - 1).checked_add(months)?;
    let year = i32::try_from(index.div_euclid(12)).ok().filter(|year| YEARS.contains(year))?;
    let month = Month::try_from(u8::try_from(index.rem_euclid(12)).ok()? + 1).ok()?;
    let day = date.day().min(month.length(year));
    Some(date.replace_date(time::Date::from_calendar_date(year, month, day).ok()?))
}

fn in_calendar(date: OffsetDateTime) -> Option<OffsetDateTime> {
    YEARS.contains(&date.year()).then_some(date)
}

/// The unread rest of the text.
struct DateCursor<'a>(&'a str);

impl DateCursor<'_> {
    /// Reads a date. A day of the week before it must match.
    fn date(&mut self) -> Option<time::Date> {
        let day_of_week = self.day_of_week();
        if day_of_week.is_some() {
            self.eat(',');
            self.spaces();
        }
        let (year, month, day) =
            if let Some(month) = self.month() { self.day_and_year(month)? } else { self.date_in_numbers()? };
        let year = i32::try_from(year).ok().filter(|year| YEARS.contains(year))?;
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        let date = time::Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
        let is_right = |day| day == usize::from(date.weekday().number_days_from_sunday());
        day_of_week.is_none_or(is_right).then_some(date)
    }

    /// Reads the part after the name of a month: `16, 2020`, `16 2020`, or a year alone, which means the first day.
    fn day_and_year(&mut self, month: u32) -> Option<(u32, u32, u32)> {
        let _ = self.between();
        let (number, width) = self.number(4)?;
        if width == 4 {
            return Some((number, month, 1));
        }
        // 162020 is not 16 2020, and four digits are not a day and a year of two digits.
        let is_separated = self.eat(',') | self.between();
        (width <= 2 && is_separated).then_some(())?;
        Some((self.year()?, month, number))
    }

    /// Reads year, month and day. The month may be a name.
    fn date_in_numbers(&mut self) -> Option<(u32, u32, u32)> {
        let (first, width) = self.number(4)?;
        if width == 4 {
            let separator = if self.eat('-') { '-' } else { self.eat('/').then_some('/')? };
            let month = self.separated_by(separator)?;
            return Some((first, month, self.number(2)?.0));
        }
        if width <= 2 && self.eat('/') {
            let day = self.separated_by('/')?;
            return Some((self.year()?, first, day));
        }
        let _ = self.between();
        let month = self.month()?;
        let _ = self.between();
        Some((self.year()?, month, first))
    }

    /// Reads a year of four or two digits.
    fn year(&mut self) -> Option<u32> {
        match self.number(4)? {
            (year, 4) => Some(year),
            (year, 2) if year < 50 => Some(2000 + year),
            (year, 2) => Some(1900 + year),
            _ => None,
        }
    }

    /// Reads the name of a month: the whole name or its first three letters.
    fn month(&mut self) -> Option<u32> {
        let at = MONTHS.iter().position(|name| self.name(name))?;
        u32::try_from(at + 1).ok()
    }

    /// Reads the name of a day of the week, and returns its number from Sunday.
    fn day_of_week(&mut self) -> Option<usize> {
        DAYS.iter().position(|name| self.name(name))
    }

    /// Consumes the next word if it is this name: the whole name or its first letters.
    fn name(&mut self, name: &str) -> bool {
        let length = self.0.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, rest) = self.0.split_at(length);
        let is_it = word.eq_ignore_ascii_case(name) || word.eq_ignore_ascii_case(&name[..SHORT_NAME]);
        self.0 = if is_it { rest } else { self.0 };
        is_it
    }

    /// Reads the separator between the parts of a date with a name in it.
    fn between(&mut self) -> bool {
        self.eat('-') || self.spaces()
    }

    /// Reads a time of 12 or 24 hours.
    fn time(&mut self) -> Option<Time> {
        let hour = self.separated_by(':')?;
        let minute = self.number(2)?.0;
        let second = if self.eat(':') { self.number(2)?.0 } else { 0 };
        let nanosecond = if self.eat('.') || self.eat(',') { self.fraction()? } else { 0 };
        let rest = self.0;
        self.spaces();
        let hour = match self.0.get(..2) {
            Some(half) if half.eq_ignore_ascii_case("AM") || half.eq_ignore_ascii_case("PM") => {
                self.0 = self.0.get(2..)?;
                let late = if half.eq_ignore_ascii_case("PM") { 12 } else { 0 };
                if (1..=12).contains(&hour) { hour % 12 + late } else { return None }
            }
            _ => {
                self.0 = rest;
                hour
            }
        };
        let (hour, minute) = (u8::try_from(hour).ok()?, u8::try_from(minute).ok()?);
        Time::from_hms_nano(hour, minute, u8::try_from(second).ok()?, nanosecond).ok()
    }

    /// Reads an offset. An absent one means UTC.
    fn offset(&mut self) -> Option<UtcOffset> {
        if self.0.eq_ignore_ascii_case("GMT") || self.0.eq_ignore_ascii_case("UTC") {
            self.0 = "";
        }
        if self.0.is_empty() || self.eat('Z') || self.eat('z') {
            return Some(UtcOffset::UTC);
        }
        let sign = if self.eat('-') {
            -1
        } else if self.eat('+') {
            1
        } else {
            return None;
        };
        let hours = self.number(2)?.0;
        self.eat(':');
        let minutes = if self.at_digit() { self.number(2)?.0 } else { 0 };
        if minutes > 59 {
            return None;
        }
        let (hours, minutes) = (i8::try_from(hours).ok()?, i8::try_from(minutes).ok()?);
        UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
    }

    /// Reads the digits after the point as nanoseconds. Digits beyond the ninth are dropped.
    fn fraction(&mut self) -> Option<u32> {
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        let (taken, rest) = self.0.split_at(digits);
        self.0 = rest;
        let kept: String = taken.chars().chain("000000000".chars()).take(9).collect();
        kept.parse().ok()
    }

    fn separated_by(&mut self, separator: char) -> Option<u32> {
        let (number, _) = self.number(2)?;
        self.eat(separator).then_some(number)
    }

    /// Reads a number of at most `most` digits. Returns it with the number of its digits.
    fn number(&mut self, most: usize) -> Option<(u32, usize)> {
        let digits = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (taken, rest) = self.0.split_at(digits);
        self.0 = rest;
        taken.parse().ok().map(|number| (number, digits))
    }

    fn at_digit(&self) -> bool {
        self.0.starts_with(|c: char| c.is_ascii_digit())
    }

    fn eat(&mut self, letter: char) -> bool {
        let rest = self.0.strip_prefix(letter);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn spaces(&mut self) -> bool {
        let rest = self.0.trim_start();
        let any = rest.len() < self.0.len();
        self.0 = rest;
        any
    }
}

#[cfg(test)]
mod tests;
