//! Dates to text.

use super::{DAYS, MONTHS, Part, SHORT_NAME};
use crate::library::dates::half_day;
use std::fmt::Write;
use time::{OffsetDateTime, UtcOffset};

pub(super) fn print(parts: &[Part], date: OffsetDateTime) -> String {
    let mut out = String::new();
    for part in parts {
        match *part {
            Part::Literal(letter) => out.push(letter),
            Part::Year(count @ 1..=2) => number(&mut out, date.year().unsigned_abs() % 100, count),
            Part::Year(count) => number(&mut out, date.year().unsigned_abs(), count),
            Part::Month(count @ 1..=2) => number(&mut out, u8::from(date.month()).into(), count),
            Part::Month(count) => name(&mut out, &MONTHS, u8::from(date.month()).saturating_sub(1), count),
            Part::Day(count @ 1..=2) => number(&mut out, date.day().into(), count),
            Part::Day(count) => name(&mut out, &DAYS, date.weekday().number_days_from_sunday(), count),
            Part::Hour24(count) => number(&mut out, date.hour().into(), count),
            Part::Hour12(count) => number(&mut out, half_day(date.hour()).0.into(), count),
            Part::Minute(count) => number(&mut out, date.minute().into(), count),
            Part::Second(count) => number(&mut out, date.second().into(), count),
            Part::Fraction(count) => out.push_str(&fraction(date, count)),
            Part::OptionalFraction(count) => optional_fraction(&mut out, date, count),
            Part::Half(count) => out.extend(half_day(date.hour()).1.chars().take(count)),
            Part::Offset(count) => offset(&mut out, date.offset(), count),
            Part::Kind if date.offset().is_utc() => out.push('Z'),
            Part::Kind => offset(&mut out, date.offset(), 3),
            Part::Era => out.push_str("A.D."),
        }
    }
    out
}

fn number(out: &mut String, number: u32, width: usize) {
    // Writing to a string does not fail.
    let _ = write!(out, "{number:0width$}");
}

fn name(out: &mut String, names: &[&str], index: u8, count: usize) {
    let name = names.get(usize::from(index)).copied().unwrap_or_default();
    out.push_str(if count == SHORT_NAME { name.get(..SHORT_NAME).unwrap_or(name) } else { name });
}

fn fraction(date: OffsetDateTime, count: usize) -> String {
    let mut digits = format!("{:09}", date.nanosecond());
    digits.truncate(count);
    digits
}

fn optional_fraction(out: &mut String, date: OffsetDateTime, count: usize) {
    let digits = fraction(date, count);
    let kept = digits.trim_end_matches('0');
    if kept.is_empty() && out.ends_with('.') {
        out.pop();
    }
    out.push_str(kept);
}

fn offset(out: &mut String, offset: UtcOffset, count: usize) {
    let (hours, minutes, _) = offset.as_hms();
    out.push(if offset.is_negative() { '-' } else { '+' });
    number(out, hours.unsigned_abs().into(), count.min(2));
    if count > 2 {
        out.push(':');
        number(out, minutes.unsigned_abs().into(), 2);
    }
}
