//! Prints dates as text.

use super::{DAYS, FormatPart, MONTHS, SHORT_NAME};
use crate::library::dates::half_day;
use std::fmt::Write;
use time::{OffsetDateTime, UtcOffset};

/// Prints a date with the parts of a format.
pub(super) fn print_parts(parts: &[FormatPart], date: OffsetDateTime) -> String {
    let mut out = String::new();
    for part in parts {
        match *part {
            FormatPart::Literal(letter) => out.push(letter),
            FormatPart::Year(count @ 1..=2) => {
                print_number(&mut out, date.year().unsigned_abs() % 100, count)
            }
            FormatPart::Year(count) => print_number(&mut out, date.year().unsigned_abs(), count),
            FormatPart::Month(count @ 1..=2) => print_number(&mut out, u8::from(date.month()).into(), count),
            FormatPart::Month(count) => {
                print_name(&mut out, &MONTHS, u8::from(date.month()).saturating_sub(1), count)
            }
            FormatPart::Day(count @ 1..=2) => print_number(&mut out, date.day().into(), count),
            FormatPart::Day(count) => {
                print_name(&mut out, &DAYS, date.weekday().number_days_from_sunday(), count)
            }
            FormatPart::Hour24(count) => print_number(&mut out, date.hour().into(), count),
            FormatPart::Hour12(count) => print_number(&mut out, half_day(date.hour()).0.into(), count),
            FormatPart::Minute(count) => print_number(&mut out, date.minute().into(), count),
            FormatPart::Second(count) => print_number(&mut out, date.second().into(), count),
            FormatPart::Fraction(count) => out.push_str(&print_fraction(date, count)),
            FormatPart::OptionalFraction(count) => optional_fraction(&mut out, date, count),
            FormatPart::Half(count) => out.extend(half_day(date.hour()).1.chars().take(count)),
            FormatPart::Offset(count) => print_offset(&mut out, date.offset(), count),
            FormatPart::Kind if date.offset().is_utc() => out.push('Z'),
            FormatPart::Kind => print_offset(&mut out, date.offset(), 3),
            FormatPart::Era => out.push_str("A.D."),
        }
    }
    out
}

fn print_number(out: &mut String, number: u32, width: usize) {
    // Writing to a string never fails.
    let _ = write!(out, "{number:0width$}");
}

fn print_name(out: &mut String, names: &[&str], index: u8, count: usize) {
    let name = names.get(usize::from(index)).copied().unwrap_or_default();
    out.push_str(if count == SHORT_NAME { name.get(..SHORT_NAME).unwrap_or(name) } else { name });
}

fn print_fraction(date: OffsetDateTime, count: usize) -> String {
    let mut digits = format!("{:09}", date.nanosecond());
    digits.truncate(count);
    digits
}

fn optional_fraction(out: &mut String, date: OffsetDateTime, count: usize) {
    let digits = print_fraction(date, count);
    let kept = digits.trim_end_matches('0');
    if kept.is_empty() && out.ends_with('.') {
        out.pop();
    }
    out.push_str(kept);
}

fn print_offset(out: &mut String, offset: UtcOffset, count: usize) {
    let (hours, minutes, _) = offset.as_hms();
    out.push(if offset.is_negative() { '-' } else { '+' });
    print_number(out, hours.unsigned_abs().into(), count.min(2));
    if count > 2 {
        out.push(':');
        print_number(out, minutes.unsigned_abs().into(), 2);
    }
}
