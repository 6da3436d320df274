//! Reads text as dates, as strictly as .NET's `ParseExact`: a doubled
//! letter requires two digits, a single one takes one or two.

use super::{DAYS, FormatPart, MONTHS, SHORT_NAME};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// The greatest two-digit year that lies in this century. A greater
/// one lies in the last century (as in .NET since version 8).
const TWO_DIGIT_YEAR_MAX: u32 = 49;
/// The maximum number of digits of a year: `yyyyy` prints five.
const MAX_YEAR_DIGITS: usize = 9;

/// Reads a date with the parts of a format; `None` if the text does not match.
pub(super) fn read_parts(parts: &[FormatPart], text: &str) -> Option<OffsetDateTime> {
    let mut reader = FormatReader { rest: text.trim(), found: FormatFields::default() };
    let parts = without_spaces_around(parts);
    let mut skip = false;
    for (index, part) in parts.iter().enumerate() {
        if std::mem::take(&mut skip) {
            continue;
        }
        let next = parts.get(index + 1);
        match (part, next) {
            // A point before an optional fraction is optional like the fraction.
            (FormatPart::Literal('.'), Some(FormatPart::OptionalFraction(_)))
                if !reader.rest.starts_with('.') =>
            {
                skip = true
            }
            _ => reader.part(*part)?,
        }
    }
    if reader.rest.is_empty() { reader.found.date() } else { None }
}

/// Removes white space from the start and the end of a format.
fn without_spaces_around(mut parts: &[FormatPart]) -> &[FormatPart] {
    let is_space = |part: &FormatPart| matches!(part, FormatPart::Literal(letter) if letter.is_whitespace());
    while let [first, rest @ ..] = parts
        && is_space(first)
    {
        parts = rest;
    }
    while let [rest @ .., last] = parts
        && is_space(last)
    {
        parts = rest;
    }
    parts
}

/// The fields that were read so far.
#[derive(Default)]
struct FormatFields {
    year: Option<u32>,
    month: Option<u32>,
    day: Option<u32>,
    weekday: Option<u32>,
    hour24: Option<u32>,
    hour12: Option<u32>,
    late: Option<bool>,
    minute: Option<u32>,
    second: Option<u32>,
    nanosecond: Option<u32>,
    offset: Option<UtcOffset>,
}

impl FormatFields {
    fn date(&self) -> Option<OffsetDateTime> {
        let year = i32::try_from(self.year.unwrap_or(1)).ok().filter(|year| (1..=9999).contains(year))?;
        let month = Month::try_from(u8::try_from(self.month.unwrap_or(1)).ok()?).ok()?;
        let date = Date::from_calendar_date(year, month, u8::try_from(self.day.unwrap_or(1)).ok()?).ok()?;
        if self.weekday.is_some_and(|day| day != u32::from(date.weekday().number_days_from_sunday())) {
            return None;
        }
        let small = |number: Option<u32>| u8::try_from(number.unwrap_or(0)).ok();
        let nanosecond = self.nanosecond.unwrap_or(0);
        let hour = u8::try_from(self.hour()?).ok()?;
        let time = Time::from_hms_nano(hour, small(self.minute)?, small(self.second)?, nanosecond).ok()?;
        Some(PrimitiveDateTime::new(date, time).assume_offset(self.offset.unwrap_or(UtcOffset::UTC)))
    }

    /// Returns the hour. The 12-hour and 24-hour fields must agree.
    fn hour(&self) -> Option<u32> {
        let from12 = match self.hour12 {
            Some(hour @ 1..=12) => Some(hour % 12 + if self.late == Some(true) { 12 } else { 0 }),
            // .NET reads an hour of 0 here as midnight.
            Some(0) => Some(0),
            Some(_) => return None,
            None => None,
        };
        match (self.hour24, from12) {
            (Some(hour), Some(other)) if hour != other => None,
            (Some(hour), None) if self.late.is_some_and(|late| late != (hour >= 12)) => None,
            (hour24, from12) => Some(hour24.or(from12).unwrap_or(0)),
        }
    }
}

/// The unread rest of the text, with the fields read so far.
struct FormatReader<'a> {
    rest: &'a str,
    found: FormatFields,
}

impl FormatReader<'_> {
    /// Reads one part of the format.
    fn part(&mut self, part: FormatPart) -> Option<()> {
        match part {
            FormatPart::Literal(letter) => self.rest = self.rest.strip_prefix(letter)?,
            FormatPart::Year(count) => {
                let year = self.year(count)?;
                set_once(year, &mut self.found.year)?;
            }
            FormatPart::Month(count @ 1..=2) => set_once(self.number(count)?, &mut self.found.month)?,
            FormatPart::Month(count) => set_once(self.name(&MONTHS, count)? + 1, &mut self.found.month)?,
            FormatPart::Day(count @ 1..=2) => set_once(self.number(count)?, &mut self.found.day)?,
            FormatPart::Day(count) => set_once(self.name(&DAYS, count)?, &mut self.found.weekday)?,
            FormatPart::Hour24(count) => set_once(self.number(count)?, &mut self.found.hour24)?,
            FormatPart::Hour12(count) => set_once(self.number(count)?, &mut self.found.hour12)?,
            FormatPart::Minute(count) => set_once(self.number(count)?, &mut self.found.minute)?,
            FormatPart::Second(count) => set_once(self.number(count)?, &mut self.found.second)?,
            FormatPart::Fraction(count) => {
                set_once(self.fraction(count, count)?, &mut self.found.nanosecond)?
            }
            FormatPart::OptionalFraction(count) => {
                set_once(self.fraction(0, count)?, &mut self.found.nanosecond)?
            }
            FormatPart::Half(count) => {
                let half = ["AM", "PM"]
                    .iter()
                    .position(|half| self.eat_ignoring_case(half.get(..count).unwrap_or(half)))?;
                set_once(half == 1, &mut self.found.late)?;
            }
            FormatPart::Offset(count) => set_once(self.offset(count)?, &mut self.found.offset)?,
            FormatPart::Kind => self.kind()?,
            FormatPart::Era => {
                if !self.eat_ignoring_case("A.D.") && !self.eat_ignoring_case("AD") {
                    return None;
                }
            }
        }
        Some(())
    }

    fn year(&mut self, count: usize) -> Option<u32> {
        match count {
            1..=2 => {
                let year = self.number(count)?;
                Some(if year > TWO_DIGIT_YEAR_MAX { 1900 + year } else { 2000 + year })
            }
            3 => self.digits(3, 4),
            _ => self.digits(count.min(MAX_YEAR_DIGITS), count.min(MAX_YEAR_DIGITS)),
        }
    }

    fn number(&mut self, count: usize) -> Option<u32> {
        self.digits(count, 2)
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        self.take_digits(least, most)?.parse().ok()
    }

    fn take_digits(&mut self, least: usize, most: usize) -> Option<&str> {
        let count = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least {
            return None;
        }
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        Some(taken)
    }

    /// Reads a fraction of a second as nanoseconds.
    fn fraction(&mut self, least: usize, most: usize) -> Option<u32> {
        let digits = self.take_digits(least, most)?;
        format!("{digits:0<9}").parse().ok()
    }

    fn name(&mut self, names: &[&str], count: usize) -> Option<u32> {
        let index = names.iter().position(|name| {
            self.eat_ignoring_case(if count == SHORT_NAME {
                name.get(..SHORT_NAME).unwrap_or(name)
            } else {
                name
            })
        })?;
        u32::try_from(index).ok()
    }

    fn kind(&mut self) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return set_once(UtcOffset::UTC, &mut self.found.offset);
        }
        if self.rest.starts_with(['+', '-']) {
            let offset = self.offset(3)?;
            return set_once(offset, &mut self.found.offset);
        }
        Some(())
    }

    fn offset(&mut self, count: usize) -> Option<UtcOffset> {
        let negative = self.rest.starts_with('-');
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        let hours = i8::try_from(self.digits(count.min(2), 2)?).ok()?;
        let minutes = if count > 2 {
            self.rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
            i8::try_from(self.digits(2, 2)?).ok().filter(|minutes| *minutes < 60)?
        } else {
            0
        };
        let sign = if negative { -1 } else { 1 };
        UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
    }

    fn eat_ignoring_case(&mut self, word: &str) -> bool {
        let fits = self.rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        if fits {
            self.rest = self.rest.get(word.len()..).unwrap_or_default();
        }
        fits
    }
}

/// Stores a value. A part that occurs twice must have the same value both times.
fn set_once<T: PartialEq>(value: T, place: &mut Option<T>) -> Option<()> {
    match place {
        Some(known) if *known != value => None,
        _ => {
            *place = Some(value);
            Some(())
        }
    }
}
