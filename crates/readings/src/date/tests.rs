//! The table of `docs/dates.md` is the test.

use super::*;
use crate::forms::DateForm;
use proptest::prelude::*;
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::macros::{date, datetime};

fn reader(zone: &str, forms: &[DateForm]) -> DateReader {
    let forms = DateForms { forms: forms.to_vec(), none: None };
    DateReader::with_forms(Zone::named(zone).unwrap(), &forms).unwrap()
}

fn moment_in(zone: &str, text: &str) -> OffsetDateTime {
    let reader = reader(zone, &[]);
    let when = reader.parse(text).at().unwrap_or_else(|| panic!("{text}"));
    reader.begin(when).unwrap()
}

/// What the page says of a reading: the day, the moment, `none`, or `unreadable`.
fn shown(reader: &DateReader, reading: &DateReading) -> String {
    match reading {
        DateReading::NotSaid => "not said".to_owned(),
        DateReading::NoDate => "none".to_owned(),
        DateReading::Unreadable(_) => "unreadable".to_owned(),
        DateReading::At(When::Day(day)) => day.to_string(),
        DateReading::At(when) => reader.begin(*when).unwrap().format(&Rfc3339).unwrap(),
    }
}

fn form_of(name: &str) -> Vec<DateForm> {
    match name {
        "" => Vec::new(),
        name => vec![serde_json::from_value(json!(name.trim_matches('`'))).unwrap()],
    }
}

#[test]
fn every_row_of_the_table_of_forms_is_read_as_it_says() {
    let page = include_str!("../../../../docs/dates.md");
    let table = page.split("## Forms").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut rows = 0;
    for line in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [text, form, as_field, as_day] = cells[..] else { panic!("{line}") };
        let text = text.trim_matches('`');
        let value = serde_json::from_str(text).unwrap();
        let reader = reader("Europe/Berlin", &form_of(form));
        let reading = reader.read(&value);
        assert_eq!(shown(&reader, &reading), as_field, "{text}");
        let day = match reading {
            DateReading::At(when) => DateReading::At(reader.as_day(when)),
            other => other,
        };
        assert_eq!(shown(&reader, &day), as_day, "{text} as a day");
        rows += 1;
    }
    assert!(rows > 60, "{rows} rows");
}

#[test]
fn what_means_none_is_a_setting() {
    let forms =
        DateForms { forms: Vec::new(), none: Some(vec!["2098".into(), "2090-01-01".into(), "open".into()]) };
    let reader = DateReader::with_forms(Zone::utc(), &forms).unwrap();
    for none in ["", "2098-05-05", "2090-01-01", "OPEN", "0000-00-00", "00000000"] {
        assert_eq!(reader.parse(none), DateReading::NoDate, "{none}");
    }
    assert!(
        matches!(reader.parse("9999-12-31"), DateReading::Unreadable(_)),
        "it is not the usual list any more"
    );
    assert!(matches!(reader.parse("-"), DateReading::Unreadable(_)));
    let both = DateForms { forms: vec![DateForm::DayMonthYear, DateForm::MonthDayYear], none: None };
    assert!(DateReader::with_forms(Zone::utc(), &both).is_err());
}

#[test]
fn a_field_that_is_left_out_is_not_an_empty_one() {
    let reader = DateReader::default();
    assert_eq!(reader.read_optional(None), DateReading::NotSaid);
    assert_eq!(reader.read_optional(Some(&Value::Null)), DateReading::NoDate);
}

#[test]
fn a_local_time_is_read_on_the_clocks_of_the_source() {
    assert_eq!(moment_in("UTC", "2026-07-01T09:00"), datetime!(2026-07-01 9:00 UTC));
    assert_eq!(moment_in("Europe/Berlin", "2026-07-01T09:00"), datetime!(2026-07-01 7:00 UTC));
    assert_eq!(moment_in("Asia/Kathmandu", "2026-01-01T09:00"), datetime!(2026-01-01 3:15 UTC));
    assert_eq!(moment_in("Pacific/Kiritimati", "2026-01-01"), datetime!(2025-12-31 10:00 UTC));
    assert!(Zone::named("Middle/Earth").is_none() && Zone::named("").is_none());
}

#[test]
fn a_time_that_the_clocks_skip_is_as_much_later_and_one_that_comes_twice_is_the_first() {
    // Berlin skips 02:00 to 03:00 on 29 March 2026, and goes through them twice on 25 October.
    assert_eq!(moment_in("Europe/Berlin", "2026-03-29T02:30"), datetime!(2026-03-29 1:30 UTC));
    assert_eq!(moment_in("Europe/Berlin", "2026-10-25T02:30"), datetime!(2026-10-25 0:30 UTC));
    assert_eq!(moment_in("Europe/Berlin", "2026-10-25T03:00"), datetime!(2026-10-25 2:00 UTC));
}

#[test]
fn a_day_begins_at_its_first_moment_whatever_the_clocks_do() {
    // Cairo skips 00:00 to 01:00 on 24 April 2026: the day begins at 01:00 there.
    assert_eq!(moment_in("Africa/Cairo", "2026-04-24"), datetime!(2026-04-23 22:00 UTC));
    // Havana goes back from 01:00 to 00:00 on 1 November 2026: the first of the two midnights.
    assert_eq!(moment_in("America/Havana", "2026-11-01"), datetime!(2026-11-01 4:00 UTC));
    // Apia had no 30 December 2011.
    assert_eq!(moment_in("Pacific/Apia", "2011-12-30"), moment_in("Pacific/Apia", "2011-12-31"));
}

#[test]
fn a_last_day_ends_where_the_next_begins_though_it_has_23_or_25_hours() {
    let berlin = Zone::named("Europe/Berlin").unwrap();
    let hours = |day| {
        let day = When::Day(day);
        (berlin.end(day).unwrap() - berlin.begin(day).unwrap()).whole_hours()
    };
    assert_eq!(hours(date!(2026 - 03 - 28)), 24);
    assert_eq!(hours(date!(2026 - 03 - 29)), 23);
    assert_eq!(hours(date!(2026 - 10 - 25)), 25);
    let moment = When::Moment(datetime!(2026-03-29 12:00 UTC));
    assert_eq!(berlin.end(moment), berlin.begin(moment), "a moment has no end");
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,40}") {
        for forms in [&[][..], &[DateForm::DayMonthYear], &[DateForm::EpochSeconds], &[DateForm::ExcelSerial]] {
            let reader = reader("Africa/Cairo", forms);
            if let DateReading::At(when) = reader.parse(&text) {
                let (begins, ends) = (reader.begin(when), reader.end(when));
                prop_assert!(begins.is_some() && ends >= begins);
            }
        }
    }

    #[test]
    fn eight_digits_are_that_day_or_no_date_at_all(number in 0u32..=99_999_999) {
        for forms in [&[][..], &[DateForm::EpochSeconds], &[DateForm::EpochMilliseconds], &[DateForm::ExcelSerial]] {
            let text = format!("{number:08}");
            if let DateReading::At(when) = reader("UTC", forms).parse(&text) {
                prop_assert_eq!(when, When::Day(parsed(&text).unwrap()));
            }
        }
    }
}

fn parsed(text: &str) -> Option<Date> {
    Date::parse(text, time::macros::format_description!("[year][month][day]")).ok()
}
