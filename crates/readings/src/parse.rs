//! Parsing of a text as a date. Each form must match the whole text.

use crate::forms::DateForm;
use crate::months::named_month;
use crate::numbers::{negative_epoch, parse_digits, parse_odata, serial_moment};
use crate::pieces::{
    calendar_day, leading_day, leading_number, offset_of, parse_compact, parse_moment, parse_number,
};
use crate::read_date::ReadDate;

/// The maximum length of a text that is read as a date, in bytes.
const DATE_BYTES_MAX: usize = 64;

/// Parses the date in `text`, which has no surrounding spaces.
pub(crate) fn parse_date(text: &str, forms: &[DateForm]) -> Option<ReadDate> {
    if text.len() > DATE_BYTES_MAX {
        return None;
    }
    if !text.is_ascii() {
        return named_month(text);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return parse_digits(text, forms);
    }
    if let Some(negative) = text.strip_prefix('-') {
        return negative_epoch(negative, forms);
    }
    parse_odata(text)
        .or_else(|| year_first(text))
        .or_else(|| parse_compact(text))
        .or_else(|| named_month(text))
        .or_else(|| year_last(text, forms))
        .or_else(|| serial_moment(text, forms))
}

/// Returns whether the text is zero as a date: an empty cell of a spreadsheet (`00.01.1900`), or `/Date(0)/`.
pub(crate) fn is_zero_date(text: &str) -> bool {
    is_zero_day(text) || is_day_zero_of_1900(text) || is_zero_epoch(text)
}

fn is_zero_epoch(text: &str) -> bool {
    matches!(parse_odata(text), Some(ReadDate::Moment(at)) if at == time::OffsetDateTime::UNIX_EPOCH)
}

/// Returns whether the text is day 0 of January 1900 in any order, optionally with a time.
fn is_day_zero_of_1900(text: &str) -> bool {
    let day = text.split([' ', 'T']).next().unwrap_or_default();
    let mut parts: Vec<&str> = day.split(['-', '/', '.']).collect();
    parts.sort_unstable_by_key(|part| part.parse::<u32>().unwrap_or(u32::MAX));
    matches!(parts[..], ["0" | "00", "1" | "01", "1900"])
}

/// Returns whether the date has only zeros: `0000-00-00`, optionally with a time.
fn is_zero_day(text: &str) -> bool {
    let zeros =
        |text: &str| text.len() == 10 && text.bytes().all(|byte| matches!(byte, b'0' | b'-' | b'/' | b'.'));
    text.get(..10).is_some_and(zeros) && !text[10..].starts_with(|c: char| c.is_ascii_digit())
}

/// Parses a day with the year first, followed by an offset (which has no meaning for a day), a time, or nothing.
fn year_first(text: &str) -> Option<ReadDate> {
    let (date, rest) = leading_day(text)?;
    if rest.is_empty() || offset_of(rest).is_some() {
        return Some(ReadDate::Day(date));
    }
    parse_moment(date, rest.strip_prefix(['T', 't', ' '])?)
}

/// Parses day and month in the configured order of the source, followed by a year of four digits and optionally a time.
fn year_last(text: &str, forms: &[DateForm]) -> Option<ReadDate> {
    let (first, rest) = leading_number(text)?;
    let separator = rest.chars().next().filter(|c| matches!(c, '-' | '/' | '.'))?;
    let (second, rest) = leading_number(&rest[1..])?;
    let (year, rest) = rest.strip_prefix(separator)?.split_at_checked(4)?;
    let (day, month) = if forms.contains(&DateForm::DayMonthYear) {
        (first, second)
    } else if forms.contains(&DateForm::MonthDayYear) {
        (second, first)
    } else {
        return None;
    };
    let date = calendar_day(parse_number(year, 4)?, month, day)?;
    if rest.is_empty() {
        return Some(ReadDate::Day(date));
    }
    parse_moment(date, rest.strip_prefix(['T', ' '])?)
}
