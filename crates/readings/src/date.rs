//! The reader of all dates.

use serde_json::Value;
use time::{Date, OffsetDateTime, Time};

use crate::class::class_of;
use crate::forms::{DateForm, DateForms, DateFormsError, NoDates, YEARS};
use crate::numbers::whole_number;
use crate::parse;
use crate::read_date::ReadDate;
use crate::zone::SourceZone;

/// The result of reading a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DateReading {
    /// The source does not state the field.
    NotSaid,
    /// The source states that there is no date.
    NoDate,
    /// A date.
    At(ReadDate),
    /// A value that is not a date in any known form; the text is its shape.
    Unreadable(String),
}

impl DateReading {
    /// Returns the date, if there is one.
    pub fn at(&self) -> Option<ReadDate> {
        if let Self::At(when) = self { Some(*when) } else { None }
    }
}

/// The reader of the dates of one source, in its time zone. The table of forms is in `docs/dates.md`.
#[derive(Debug, Clone, Default)]
pub struct DateReader {
    zone: SourceZone,
    forms: Vec<DateForm>,
    none: NoDates,
}

impl DateReader {
    /// Returns a reader of the forms that every source may use.
    pub fn new(zone: SourceZone) -> Self {
        Self { zone, ..Self::default() }
    }

    /// Returns a reader of these forms in addition to the common ones.
    ///
    /// # Errors
    /// Returns an error if two of the forms would read the same text as two different days.
    pub fn with_forms(zone: SourceZone, forms: &DateForms) -> Result<Self, DateFormsError> {
        forms.check()?;
        Ok(Self { zone, forms: forms.forms.clone(), none: NoDates::of(forms) })
    }

    /// Returns the time zone of the source.
    pub fn zone(&self) -> &SourceZone {
        &self.zone
    }

    /// Reads the value of a field that may be absent.
    pub fn read_optional(&self, value: Option<&Value>) -> DateReading {
        value.map_or(DateReading::NotSaid, |value| self.read(value))
    }

    /// Reads a value. A whole number is read as its digits.
    pub fn read(&self, value: &Value) -> DateReading {
        let reading = match value {
            Value::Null => return DateReading::NoDate,
            Value::String(text) => return self.parse(text),
            Value::Number(number) => self.read_text(&number.to_string()),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        reading.unwrap_or_else(|| DateReading::Unreadable(class_of(value)))
    }

    /// Reads a text.
    pub fn parse(&self, text: &str) -> DateReading {
        let unreadable = || DateReading::Unreadable(class_of(&Value::from(text)));
        self.read_text(text).unwrap_or_else(unreadable)
    }

    fn read_text(&self, text: &str) -> Option<DateReading> {
        let reading = self.read_any_year(text)?;
        let year = reading.at().map(|when| when.written_day().year());
        let outside =
            || DateReading::Unreadable(format!("a date outside of {} to {}", YEARS.start(), YEARS.end()));
        Some(if year.is_none_or(|year| YEARS.contains(&year)) { reading } else { outside() })
    }

    /// Returns the date in the text, or that it means no date, regardless of the year.
    fn read_any_year(&self, text: &str) -> Option<DateReading> {
        let text = whole_number(trimmed(text));
        let is_zero = !text.is_empty() && text.bytes().all(|byte| byte == b'0');
        if text.is_empty() || is_zero || self.none.is_text(text) || parse::is_zero_date(text) {
            return Some(DateReading::NoDate);
        }
        let when = parse::parse_date(text, &self.forms)?;
        let is_none = self.none.is_date(when) || self.none.is_date(self.as_day(when));
        Some(if is_none { DateReading::NoDate } else { DateReading::At(when) })
    }

    /// Returns the day that a date stands for: midnight as it is written, and midnight in the source's zone, become a
    /// day. Other moments are not changed.
    pub fn as_day(&self, when: ReadDate) -> ReadDate {
        match when {
            ReadDate::Moment(at) if at.time() == Time::MIDNIGHT => ReadDate::Day(at.date()),
            ReadDate::Moment(at) => self.zone.day_that_begins(at).map_or(when, ReadDate::Day),
            ReadDate::Local(at) if at.time() == Time::MIDNIGHT => ReadDate::Day(at.date()),
            ReadDate::Local(_) | ReadDate::Day(_) | ReadDate::EndOf { .. } => when,
        }
    }

    /// Returns the moment; for a day, its beginning.
    pub fn begin(&self, when: ReadDate) -> Option<OffsetDateTime> {
        self.zone.begin(when)
    }

    /// Returns the moment; for a day, its end.
    pub fn end(&self, when: ReadDate) -> Option<OffsetDateTime> {
        self.zone.end(when)
    }
}

/// Returns every day that a value can mean if the source's order of day and month is not known, such as a date of
/// birth; sorted. Empty if the value means that there is no date, or is not a date.
pub fn possible_days(value: &Value) -> Vec<Date> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Vec::new(),
    };
    let mut days: Vec<Date> = Vec::new();
    for forms in [vec![], vec![DateForm::DayMonthYear], vec![DateForm::MonthDayYear]] {
        let reader = DateReader { forms, ..DateReader::default() };
        let Some(when) = reader.read_any_year(&text).and_then(|reading| reading.at()) else { continue };
        let day = when.written_day();
        days.push(day);
        // Midnight in a zone ahead of UTC is in the evening of the day before in UTC.
        if matches!(when, ReadDate::Moment(at) if at.time() != Time::MIDNIGHT && at.hour() >= HOUR_OF_FIRST_MIDNIGHT)
        {
            days.extend(day.next_day());
        }
    }
    days.sort_unstable();
    days.dedup();
    days
}

/// The hour in UTC at which the first time zone of the world begins its next day.
const HOUR_OF_FIRST_MIDNIGHT: u8 = 10;

/// Returns the text without surrounding white space of any kind, and without the invisible marks that editors leave around a text.
fn trimmed(text: &str) -> &str {
    let is_mark = |c| matches!(c, '\u{feff}' | '\u{200b}' | '\u{200e}' | '\u{200f}');
    text.trim_matches(|c: char| c.is_whitespace() || is_mark(c))
}

#[cfg(test)]
mod tests;
