//! Numeric dates: days, seconds, milliseconds, ticks and serial numbers of spreadsheets.

use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use crate::forms::DateForm;
use crate::pieces::{compact_day, parse_compact};
use crate::read_date::ReadDate;

/// The day of serial number 0 in a spreadsheet.
const EXCEL_DAY_ZERO: Date = time::macros::date!(1899 - 12 - 30);
/// The day of serial number 0 in a spreadsheet that counts from 1904.
const EXCEL_1904_DAY_ZERO: Date = time::macros::date!(1904 - 1 - 1);
/// The serial number of the last day of a spreadsheet: 9999-12-31.
const EXCEL_SERIAL_MAX: i64 = 2_958_465;
/// The maximum number of significant digits in the fraction of a serial number.
const FRACTION_DIGITS_MAX: usize = 15;
/// The seconds from 1601, where Windows begins to count, to 1970.
const SECONDS_FROM_1601: i128 = 11_644_473_600;
/// The minimum number of digits of a number of Windows ticks.
const FILETIME_DIGITS_MIN: usize = 17;
/// The minimum of a number of milliseconds since 1970. A smaller number is most likely in seconds.
const MILLISECONDS_MIN: i64 = 10_000_000_000;

/// Returns the whole number in `text` without a fraction of zeros: `20261231.0`.
pub(crate) fn whole_number(text: &str) -> &str {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((number, zeros))
            if is_number(number.strip_prefix('-').unwrap_or(number))
                && !zeros.is_empty()
                && zeros.bytes().all(|byte| byte == b'0') =>
        {
            number
        }
        _ => text,
    }
}

/// Parses a text of digits only: a day, seconds, milliseconds, or a moment, depending on the number of digits.
pub(crate) fn parse_digits(text: &str, forms: &[DateForm]) -> Option<ReadDate> {
    match text.len() {
        8 => return compact_day(text).map(ReadDate::Day),
        14 => return parse_compact(text),
        _ => {}
    }
    let number: i64 = text.parse().ok()?;
    if text.len() >= FILETIME_DIGITS_MIN && forms.contains(&DateForm::Filetime) {
        return filetime(number);
    }
    if forms.contains(&DateForm::EpochSeconds) {
        return parse_epoch(number, 1_000_000_000);
    }
    if forms.contains(&DateForm::EpochMilliseconds) {
        return milliseconds(number);
    }
    match text.len() {
        10 => parse_epoch(number, 1_000_000_000),
        13 => parse_epoch(number, 1_000_000),
        _ => serial_day(number, forms).map(ReadDate::Day),
    }
}

/// Parses a negative number: seconds or milliseconds before 1970.
pub(crate) fn negative_epoch(digits: &str, forms: &[DateForm]) -> Option<ReadDate> {
    let number: i64 = digits.parse().ok().filter(|number: &i64| *number >= 0)?;
    if forms.contains(&DateForm::EpochSeconds) {
        parse_epoch(-number, 1_000_000_000)
    } else if forms.contains(&DateForm::EpochMilliseconds) {
        milliseconds(-number)
    } else {
        None
    }
}

/// Parses a serial number with a fraction, which is the time of day on the clocks of the source.
pub(crate) fn serial_moment(text: &str, forms: &[DateForm]) -> Option<ReadDate> {
    let (day, fraction) = text.split_once(['.', ','])?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(day) || !is_number(fraction) {
        return None;
    }
    // A time without a day is not a date.
    let day = day.parse().ok().filter(|day| *day > 0)?;
    let date = serial_day(day, forms)?;
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(FRACTION_DIGITS_MAX).collect();
    let scale = 10_u128.pow(u32::try_from(FRACTION_DIGITS_MAX).ok()?);
    let seconds = (digits.parse::<u128>().ok()? * 86_400 + scale / 2) / scale;
    let at = PrimitiveDateTime::new(date, Time::MIDNIGHT);
    at.checked_add(Duration::seconds(i64::try_from(seconds).ok()?)).map(ReadDate::Local)
}

/// Returns the day of a serial number, if the source uses serial numbers.
fn serial_day(number: i64, forms: &[DateForm]) -> Option<Date> {
    let zero = if forms.contains(&DateForm::ExcelSerial) {
        EXCEL_DAY_ZERO
    } else if forms.contains(&DateForm::ExcelSerial1904) {
        EXCEL_1904_DAY_ZERO
    } else {
        return None;
    };
    if number <= EXCEL_SERIAL_MAX { zero.checked_add(Duration::days(number)) } else { None }
}

/// Converts hundreds of nanoseconds since 1601.
fn filetime(ticks: i64) -> Option<ReadDate> {
    let nanos = i128::from(ticks) * 100 - SECONDS_FROM_1601 * 1_000_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok().map(ReadDate::Moment)
}

/// Converts milliseconds since 1970, unless the number is most likely in seconds.
fn milliseconds(number: i64) -> Option<ReadDate> {
    if number.abs() < MILLISECONDS_MIN { None } else { parse_epoch(number, 1_000_000) }
}

/// Converts a number of units of `nanos` nanoseconds since 1970.
fn parse_epoch(number: i64, nanos: i128) -> Option<ReadDate> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(number) * nanos).ok().map(ReadDate::Moment)
}

/// Parses `/Date(1492098664000)/`, optionally with an offset and escaped slashes. The number is in UTC; the offset only
/// names the clocks on which it is shown.
pub(crate) fn parse_odata(text: &str) -> Option<ReadDate> {
    let inner = text.strip_prefix("\\/").or_else(|| text.strip_prefix('/'))?;
    let inner = inner.strip_suffix("\\/").or_else(|| inner.strip_suffix('/'))?;
    let inner = inner.strip_prefix("Date(")?.strip_suffix(')')?;
    let (negative, inner) = inner.strip_prefix('-').map_or((false, inner), |rest| (true, rest));
    let end = inner.find(['+', '-']).unwrap_or(inner.len());
    let (millis, offset) = inner.split_at(end);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(millis) || !(offset.is_empty() || is_number(&offset[1..])) {
        return None;
    }
    let millis: i64 = millis.parse().ok()?;
    match parse_epoch(if negative { -millis } else { millis }, 1_000_000)? {
        ReadDate::Moment(at) if at.time() != Time::MIDNIGHT => {
            Some(ReadDate::Moment(at_midnight(at, offset)))
        }
        utc => Some(utc),
    }
}

/// Returns the moment on the clocks of the offset if it is midnight there, and in UTC otherwise. OData writes the
/// offset in minutes, .NET in hours and minutes: one value cannot be midnight by both.
fn at_midnight(at: OffsetDateTime, offset: &str) -> OffsetDateTime {
    let Ok(number) = offset.parse::<i32>() else { return at };
    let (hours, minutes) = (number / 100, number % 100);
    let is_clock = offset.len() == 5 && minutes.abs() < 60;
    let readings = [Some(number), is_clock.then_some(hours * 60 + minutes)];
    let zones = readings.into_iter().flatten().filter(|minutes| is_zone(*minutes));
    let offsets = zones.filter_map(|minutes| UtcOffset::from_whole_seconds(minutes * 60).ok());
    let mut shown = offsets.filter_map(|offset| at.checked_to_offset(offset));
    shown.find(|shown| shown.time() == Time::MIDNIGHT).unwrap_or(at)
}

/// Returns whether a time zone has this offset. The clocks of the world differ from UTC by quarters of an hour, from 12
/// hours behind to 14 hours ahead.
fn is_zone(minutes: i32) -> bool {
    minutes % 15 == 0 && (-12 * 60..=14 * 60).contains(&minutes)
}
