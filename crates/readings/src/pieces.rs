//! The pieces of which dates are written: numbers, days with the year first, times of day and offsets.

use time::{Date, Month, PrimitiveDateTime, Time, UtcOffset};

use crate::read_date::ReadDate;

/// Parses `YYYY-MM-DD` or `YYYY-M-D`, with dashes, slashes or points.
pub(crate) fn iso_day(text: &str) -> Option<Date> {
    let (date, rest) = leading_day(text)?;
    rest.is_empty().then_some(date)
}

/// Parses a leading day with the year first. Returns the day and the rest.
pub(crate) fn leading_day(text: &str) -> Option<(Date, &str)> {
    let (year, rest) = text.split_at_checked(4)?;
    let separator = rest.chars().next().filter(|c| matches!(c, '-' | '/' | '.'))?;
    let (month, rest) = leading_number(&rest[1..])?;
    let (day, rest) = leading_number(rest.strip_prefix(separator)?)?;
    Some((calendar_day(parse_number(year, 4)?, month, day)?, rest))
}

/// Parses `YYYYMMDD`, optionally followed by `T` and a time, or fourteen digits.
pub(crate) fn parse_compact(text: &str) -> Option<ReadDate> {
    let (date, rest) = text.split_at_checked(8)?;
    let date = compact_day(date)?;
    let clock = rest.strip_prefix(['T', 't', ' ']).unwrap_or(rest);
    let end = clock.find(|c: char| !c.is_ascii_digit()).unwrap_or(clock.len());
    let (digits, rest) = clock.split_at(end);
    let clock = match digits.len() {
        4 => format!("{}:{}{rest}", &digits[..2], &digits[2..]),
        6 => format!("{}:{}:{}{rest}", &digits[..2], &digits[2..4], &digits[4..]),
        2 if rest.starts_with(':') => clock.to_owned(),
        _ => return None,
    };
    parse_moment(date, &clock)
}

/// Parses a day in the form `YYYYMMDD`.
pub(crate) fn compact_day(text: &str) -> Option<Date> {
    calendar_day(
        parse_number(text.get(..4)?, 4)?,
        parse_number(text.get(4..6)?, 2)?,
        parse_number(text.get(6..)?, 2)?,
    )
}

/// Parses `H:MM[:SS[.fraction]][ AM][offset]` on `date`.
pub(crate) fn parse_moment(date: Date, text: &str) -> Option<ReadDate> {
    let end = text.find(|c: char| !matches!(c, '0'..='9' | ':' | '.' | ',')).unwrap_or(text.len());
    let (clock, rest) = text.split_at(end);
    let rest = rest.trim_start();
    let half = rest.get(..2).map(str::to_ascii_uppercase).filter(|half| half == "AM" || half == "PM");
    let offset = if half.is_some() { rest[2..].trim_start() } else { rest };
    if half.is_none() && is_end_of_day(clock) {
        let offset = if offset.is_empty() { None } else { Some(offset_of(offset)?) };
        return Some(ReadDate::EndOf { day: date, offset });
    }
    let at = PrimitiveDateTime::new(date, time_of_day(clock, half.as_deref())?);
    match offset {
        "" => Some(ReadDate::Local(at)),
        offset => Some(ReadDate::Moment(at.assume_offset(offset_of(offset)?))),
    }
}

/// Returns whether the time is `24:00` or `24:00:00`, the end of the day.
fn is_end_of_day(clock: &str) -> bool {
    let zeros = |rest: &str| rest.bytes().all(|byte| matches!(byte, b'0' | b':' | b'.' | b','));
    clock
        .strip_prefix("24:")
        .is_some_and(|rest| zeros(rest) && time_of_day(&format!("00:{rest}"), None).is_some())
}

/// Parses a time of day. `half` is `AM` or `PM` for a 12-hour clock.
fn time_of_day(text: &str, half: Option<&str>) -> Option<Time> {
    let (clock, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let mut parts = clock.split(':');
    let hour = parts.next()?;
    let hour = if half.is_some() { leading_number(hour)?.0 } else { parse_number(hour, 2)? };
    let minute = parse_number(parts.next()?, 2)?;
    let second = parts.next().map_or(Some(0), |text| parse_number(text, 2))?;
    if parts.next().is_some() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hour = match half {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some("PM") => hour % 12 + 12,
        Some(_) => hour % 12,
    };
    // A leap second is read as the second before it; digits beyond nanoseconds are dropped.
    let second = if second == 60 { 59 } else { second };
    let nanos: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let small = |number: u32| u8::try_from(number).ok();
    Time::from_hms_nano(small(hour)?, small(minute)?, small(second)?, nanos.parse().ok()?).ok()
}

/// Parses an offset: `Z`, `UTC`, `GMT`, `+HH:MM`, `+HHMM`, `+HH`.
pub(crate) fn offset_of(text: &str) -> Option<UtcOffset> {
    if ["z", "utc", "gmt"].iter().any(|name| text.eq_ignore_ascii_case(name)) {
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
    let (hours, minutes) = (parse_number(hours, 2)?, parse_number(minutes, 2)?);
    if minutes > 59 {
        return None;
    }
    let signed = |number: u32| i8::try_from(number).ok().map(|number| sign * number);
    UtcOffset::from_hms(signed(hours)?, signed(minutes)?, 0).ok()
}

/// Returns the day, if it exists in the calendar.
pub(crate) fn calendar_day(year: u32, month: u32, day: u32) -> Option<Date> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()
}

/// Parses one or two leading digits. Returns the number and the rest.
pub(crate) fn leading_number(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let number = if (1..=2).contains(&digits) { number.parse().ok()? } else { return None };
    Some((number, rest))
}

/// Parses exactly `digits` decimal digits.
pub(crate) fn parse_number(text: &str, digits: usize) -> Option<u32> {
    let fits = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}
