//! The settings for the dates of a source: additional forms, and values that mean that there is no date.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::read_date::ReadDate;

/// The years in which a date of an employment may lie. A date outside was misread or mistyped.
pub const YEARS: std::ops::RangeInclusive<i32> = 1940..=2098;

/// The years whose days mean that there is no date, unless a source configures others.
const NO_YEARS: [i32; 9] = [0, 1, 1601, 1753, 1900, 2099, 2154, 4712, 9999];
/// The days that mean that there is no date, unless a source configures others. Each is a year and a day of the year.
const NO_DAYS: [(i32, u16); 9] = [
    (1899, 364),
    (1899, 365),
    (1904, 1),
    (1970, 1),
    (2079, 157),
    (2100, 1),
    (2100, 365),
    (2199, 365),
    (2999, 365),
];
/// The texts that mean that there is no date, unless a source configures others. The numbers are the last tick that
/// Windows can count, and its rounded value in JavaScript.
const NO_TEXTS: [&str; 16] = [
    "-",
    "--",
    "n/a",
    "na",
    "n.a.",
    "nan",
    "nat",
    "none",
    "null",
    "nil",
    "not applicable",
    "notapplicable",
    "unbefristet",
    "indefinite",
    "9223372036854775807",
    "9223372036854776000",
];

/// A form that only a source that is known to use it may have: other sources could mean another day by the same text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateForm {
    /// `31.12.2026`, `31/12/2026`, `31-12-2026`.
    DayMonthYear,
    /// `12/31/2026`, `12-31-2026`, `12.31.2026`.
    MonthDayYear,
    /// `46387`: days since 1899-12-30; a fraction is the time of day.
    ExcelSerial,
    /// `44925`: days since 1904-01-01, as workbooks of early Macs count; a fraction is the time of day.
    #[serde(rename = "excel_serial_1904")]
    ExcelSerial1904,
    /// `946684800`: seconds since 1970, of any length but eight digits.
    EpochSeconds,
    /// `946684800000`: milliseconds since 1970, of any length but eight digits.
    EpochMilliseconds,
    /// `134431488000000000`: hundreds of nanoseconds since 1601, as Active Directory counts.
    Filetime,
}

/// The settings for the dates of a source, besides the forms that every source may use.
///
/// ```yaml
/// dates: { forms: [day_month_year], none: ["2500", "2150-01-01", "open"] }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DateForms {
    /// The additional forms that the source uses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forms: Vec<DateForm>,
    /// The years, days and texts that mean "there is none" in addition to the usual ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub none: Option<Vec<String>>,
    /// The years, days and texts that mean "there is none" instead of the usual ones. Empty text, null and zeros always do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub none_instead: Option<Vec<String>>,
}

/// An error about settings that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DateFormsError(pub(crate) &'static str);

/// All values that mean "there is none".
#[derive(Debug, Clone)]
pub(crate) struct NoDates {
    years: Vec<i32>,
    days: Vec<Date>,
    texts: Vec<String>,
}

impl Default for NoDates {
    fn default() -> Self {
        let day = |(year, day)| Date::from_ordinal_date(year, day).ok();
        Self {
            years: NO_YEARS.to_vec(),
            days: NO_DAYS.into_iter().filter_map(day).collect(),
            texts: NO_TEXTS.map(str::to_owned).to_vec(),
        }
    }
}

impl NoDates {
    /// Returns the values of a source.
    pub(crate) fn of(forms: &DateForms) -> Self {
        let mut all = match &forms.none_instead {
            Some(_) => Self { years: vec![0], days: Vec::new(), texts: Vec::new() },
            None => Self::default(),
        };
        all.add(forms.none.iter().chain(&forms.none_instead).flatten());
        all
    }

    /// Adds values, each a year, a day, or a text.
    fn add<'a>(&mut self, own: impl Iterator<Item = &'a String>) {
        for text in own {
            let text = text.trim();
            let is_year = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
            if let Some(year) = text.parse().ok().filter(|_| is_year) {
                self.years.push(year);
            } else if let Some(day) = crate::pieces::iso_day(text) {
                self.days.push(day);
            } else {
                self.texts.push(text.to_lowercase());
            }
        }
    }

    /// Returns whether the text means that there is no date.
    pub(crate) fn is_text(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.texts.contains(&text)
    }

    /// Returns whether the date means that there is no date.
    pub(crate) fn is_date(&self, when: ReadDate) -> bool {
        let date = when.written_day();
        self.years.contains(&date.year()) || self.days.contains(&date)
    }
}

impl DateForms {
    /// Checks that the settings do not contradict each other.
    ///
    /// # Errors
    /// Returns an error if two forms would read the same text as two different days.
    pub(crate) fn check(&self) -> Result<(), DateFormsError> {
        let both = |a, b| self.forms.contains(&a) && self.forms.contains(&b);
        if both(DateForm::DayMonthYear, DateForm::MonthDayYear) {
            return Err(DateFormsError(
                "has day_month_year and month_day_year: 01/02/2026 would be two days",
            ));
        }
        if both(DateForm::EpochSeconds, DateForm::EpochMilliseconds) {
            return Err(DateFormsError(
                "has epoch_seconds and epoch_milliseconds: name the one that it writes",
            ));
        }
        if both(DateForm::ExcelSerial, DateForm::ExcelSerial1904) {
            return Err(DateFormsError("has excel_serial and excel_serial_1904: 46387 would be two days"));
        }
        let serials = [DateForm::ExcelSerial, DateForm::ExcelSerial1904];
        let has_serials = serials.iter().any(|form| self.forms.contains(form));
        let epochs = [DateForm::EpochSeconds, DateForm::EpochMilliseconds];
        if has_serials && epochs.iter().any(|form| self.forms.contains(form)) {
            return Err(DateFormsError("has excel_serial and an epoch: 46387 would be two days"));
        }
        if self.none.is_some() && self.none_instead.is_some() {
            return Err(DateFormsError("has none and none_instead: put all into one of them"));
        }
        Ok(())
    }
}
