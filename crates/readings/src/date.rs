//! The one reader of dates.

use serde_json::Value;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use crate::class::class_of;
use crate::forms::{DateForm, DateForms, DateFormsError, NoDates, YEARS};
use crate::numbers::whole_number;
use crate::parse;
use crate::zone::SourceZone;

/// When something is, as far as the source tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadDate {
    /// Exactly then.
    Moment(OffsetDateTime),
    /// On the clocks of the source.
    Local(PrimitiveDateTime),
    /// On that day.
    Day(Date),
    /// Where that day ends, which was written as 24:00.
    EndOf {
        /// The day.
        day: Date,
        /// On which clocks; on those of the source if it is not said.
        offset: Option<UtcOffset>,
    },
}

impl ReadDate {
    /// The day, as it is written.
    pub(crate) fn written_day(self) -> Date {
        match self {
            Self::Moment(at) => at.date(),
            Self::Local(at) => at.date(),
            Self::Day(day) | Self::EndOf { day, .. } => day,
        }
    }
}

/// The result of reading a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DateReading {
    /// The source does not speak of it.
    NotSaid,
    /// The source says that there is none.
    NoDate,
    /// A date.
    At(ReadDate),
    /// A value that is no date here, by its form.
    Unreadable(String),
}

impl DateReading {
    /// The date, if it is one.
    pub fn at(&self) -> Option<ReadDate> {
        if let Self::At(when) = self { Some(*when) } else { None }
    }
}

/// Reads the dates of one source, in its time zone. The table of forms is in `docs/dates.md`.
#[derive(Debug, Clone, Default)]
pub struct DateReader {
    zone: SourceZone,
    forms: Vec<DateForm>,
    none: NoDates,
}

impl DateReader {
    /// A reader of the forms that every source may use.
    pub fn new(zone: SourceZone) -> Self {
        Self { zone, ..Self::default() }
    }

    /// A reader of these forms as well.
    ///
    /// # Errors
    /// When two of them would read the same text as two days.
    pub fn with_forms(zone: SourceZone, forms: &DateForms) -> Result<Self, DateFormsError> {
        forms.check()?;
        Ok(Self { zone, forms: forms.forms.clone(), none: NoDates::of(forms) })
    }

    /// The time zone of the source.
    pub fn zone(&self) -> &SourceZone {
        &self.zone
    }

    /// Reads a value of a field that may be left out.
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

    /// The date in the text, or that it means none, whatever year it is in.
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

    /// The day that a date of a day stands for: midnight as it is written, and midnight in the source's zone, are a day.
    /// Other moments stay what they are.
    pub fn as_day(&self, when: ReadDate) -> ReadDate {
        match when {
            ReadDate::Moment(at) if at.time() == Time::MIDNIGHT => ReadDate::Day(at.date()),
            ReadDate::Moment(at) => self.zone.day_that_begins(at).map_or(when, ReadDate::Day),
            ReadDate::Local(at) if at.time() == Time::MIDNIGHT => ReadDate::Day(at.date()),
            ReadDate::Local(_) | ReadDate::Day(_) | ReadDate::EndOf { .. } => when,
        }
    }

    /// The moment; for a day, where it begins.
    pub fn begin(&self, when: ReadDate) -> Option<OffsetDateTime> {
        self.zone.begin(when)
    }

    /// The moment; for a day, where it ends.
    pub fn end(&self, when: ReadDate) -> Option<OffsetDateTime> {
        self.zone.end(when)
    }
}

/// Every day that a value can mean where it is not known how its source writes days, such as a date of birth; in order. None if
/// it means that there is no date, or is none.
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
        // The midnight of a zone that is ahead of UTC is in the evening of the day before.
        if matches!(when, ReadDate::Moment(at) if at.time() != Time::MIDNIGHT && at.hour() >= HOUR_OF_FIRST_MIDNIGHT)
        {
            days.extend(day.next_day());
        }
    }
    days.sort_unstable();
    days.dedup();
    days
}

/// The hour in UTC at which the first zone of the world begins its next day.
const HOUR_OF_FIRST_MIDNIGHT: u8 = 10;

/// Without white space of any kind, and without the marks that editors leave around a text.
fn trimmed(text: &str) -> &str {
    let is_mark = |c| matches!(c, '\u{feff}' | '\u{200b}' | '\u{200e}' | '\u{200f}');
    text.trim_matches(|c: char| c.is_whitespace() || is_mark(c))
}

#[cfg(test)]
mod tests;
