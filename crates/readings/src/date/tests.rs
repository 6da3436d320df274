//! Tests that run the tables of `docs/dates.md`.

use super::*;
use crate::forms::DateForm;
use proptest::prelude::*;
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::macros::{date, datetime};

fn reader(zone: &str, forms: &[DateForm]) -> DateReader {
    let forms = DateForms { forms: forms.to_vec(), ..DateForms::default() };
    DateReader::with_forms(SourceZone::named(zone).unwrap(), &forms).unwrap()
}

fn moment_in(zone: &str, text: &str) -> OffsetDateTime {
    let reader = reader(zone, &[]);
    let when = reader.parse(text).at().unwrap_or_else(|| panic!("{text}"));
    reader.begin(when).unwrap()
}

/// Returns a reading in the words of the page: the day, the moment, `none`, or `unreadable`.
fn shown(reader: &DateReader, reading: &DateReading) -> String {
    match reading {
        DateReading::NotSaid => "not said".to_owned(),
        DateReading::NoDate => "none".to_owned(),
        DateReading::Unreadable(_) => "unreadable".to_owned(),
        DateReading::At(ReadDate::Day(day)) => day.to_string(),
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
    let table = page.lines().skip_while(|line| !line.starts_with("| JSON value |")).skip(2);
    let mut rows = 0;
    for line in table.take_while(|line| line.starts_with('|')) {
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
    assert!(rows > 140, "{rows} rows");
}

#[test]
fn every_row_of_the_table_of_settings_is_read_as_it_says() {
    let page = include_str!("../../../../docs/dates.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| `dates` of the source |")).skip(2);
    let mut count = 0;
    for line in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [settings, value, is] = cells[..] else { panic!("{line}") };
        let settings: DateForms = serde_json::from_str(settings.trim_matches('`')).unwrap();
        let value = serde_json::from_str(value.trim_matches('`')).unwrap();
        let read = match DateReader::with_forms(SourceZone::utc(), &settings) {
            Ok(reader) => shown(&reader, &reader.read(&value)),
            Err(_) => "refused".to_owned(),
        };
        assert_eq!(read, is, "{line}");
        count += 1;
    }
    assert!(count > 20, "{count} rows");
}

#[test]
fn the_names_of_months_are_those_of_the_page_and_each_is_one_month() {
    let page = include_str!("../../../../docs/dates.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| month | names |")).skip(2);
    let mut seen = std::collections::BTreeSet::new();
    for (at, line) in rows.take(12).enumerate() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [month, names] = cells[..] else { panic!("{line}") };
        assert_eq!(month, (at + 1).to_string());
        assert_eq!(names.split(' ').collect::<Vec<_>>(), crate::months::MONTHS[at], "{line}");
        for name in names.split(' ') {
            assert!(seen.insert(name), "{name} is two months");
            let day = reader("UTC", &[]).parse(&format!("7. {} 2026", name.to_uppercase()));
            let expected =
                Date::from_calendar_date(2026, u8::try_from(at + 1).unwrap().try_into().unwrap(), 7);
            assert_eq!(day.at(), Some(ReadDate::Day(expected.unwrap())), "{name}");
        }
    }
    assert!(seen.len() > 80, "the table was not found");
}

#[test]
fn the_midnight_of_another_zone_is_a_day_where_that_zone_is_configured() {
    let pacific = reader("America/Los_Angeles", &[]);
    let at = pacific.parse("2026-12-31T08:00:00Z").at().unwrap();
    assert_eq!(pacific.as_day(at), ReadDate::Day(date!(2026 - 12 - 31)));
    let day = |zone: &str, text: &str| {
        let reader = reader(zone, &[]);
        reader.as_day(reader.parse(text).at().unwrap())
    };
    assert_eq!(day("Africa/Cairo", "2026-04-24T00:00:00"), ReadDate::Day(date!(2026 - 04 - 24)));
    assert_eq!(day("UTC", "/Date(1709247600000+0060)/"), ReadDate::Day(date!(2024 - 03 - 01)));
    assert_eq!(day("Asia/Kolkata", "/Date(1552156200000)/"), ReadDate::Day(date!(2019 - 03 - 10)));
    for zone in ["America/New_York", "Asia/Tokyo"] {
        let reader = reader(zone, &[]);
        assert_eq!(reader.parse("/Date(-62135596800000)/"), DateReading::NoDate, "{zone}");
    }
    assert_eq!(moment_in("Africa/Cairo", "2026-04-24T00:00:00"), datetime!(2026-04-23 22:00 UTC));
}

#[test]
fn twenty_four_hours_are_the_end_of_the_day_whether_the_last_day_or_the_first_away_is_meant() {
    let reader = reader("Europe/Berlin", &[]);
    let at = reader.as_day(reader.parse("2026-12-31T24:00:00").at().unwrap());
    assert_eq!(reader.end(at), Some(datetime!(2026-12-31 23:00 UTC)));
    assert_eq!(reader.begin(at), reader.end(at));
}

#[test]
fn a_day_of_which_the_order_is_not_known_is_every_day_that_it_can_be() {
    let days = |value| possible_days(&value).iter().map(Date::to_string).collect::<Vec<_>>().join(" ");
    for (value, expected) in [
        (json!("1985-12-10"), "1985-12-10"),
        (json!("/Date(503020800000)/"), "1985-12-10"),
        (json!("1985-12-09T23:00:00Z"), "1985-12-09 1985-12-10"),
        (json!("10.12.1985"), "1985-10-12 1985-12-10"),
        (json!("31.12.1985"), "1985-12-31"),
        (json!("1938-05-05"), "1938-05-05"),
        (json!("1815-12-10"), "1815-12-10"),
        (json!(19_851_210), "1985-12-10"),
        (json!("1970-01-01"), ""),
        (json!("1900-01-01"), ""),
        (json!("0000-00-00"), ""),
        (json!("-"), ""),
        (json!("secret"), ""),
        (json!(null), ""),
    ] {
        assert_eq!(days(value.clone()), expected, "{value}");
    }
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
    assert!(SourceZone::named("Middle/Earth").is_none() && SourceZone::named("").is_none());
}

#[test]
fn a_time_that_the_clocks_skip_is_as_much_later_and_one_that_comes_twice_is_the_first() {
    // Berlin skips 02:00 to 03:00 on 29 March 2026, and repeats these times on 25 October.
    assert_eq!(moment_in("Europe/Berlin", "2026-03-29T02:30"), datetime!(2026-03-29 1:30 UTC));
    assert_eq!(moment_in("Europe/Berlin", "2026-10-25T02:30"), datetime!(2026-10-25 0:30 UTC));
    assert_eq!(moment_in("Europe/Berlin", "2026-10-25T03:00"), datetime!(2026-10-25 2:00 UTC));
}

#[test]
fn a_day_begins_at_its_first_moment_whatever_the_clocks_do() {
    // Cairo skips 00:00 to 01:00 on 24 April 2026: the day begins at 01:00 there.
    assert_eq!(moment_in("Africa/Cairo", "2026-04-24"), datetime!(2026-04-23 22:00 UTC));
    // Havana goes back from 01:00 to 00:00 on 1 November 2026: the first of the two midnights counts.
    assert_eq!(moment_in("America/Havana", "2026-11-01"), datetime!(2026-11-01 4:00 UTC));
    // Apia had no 30 December 2011.
    assert_eq!(moment_in("Pacific/Apia", "2011-12-30"), moment_in("Pacific/Apia", "2011-12-31"));
}

#[test]
fn a_last_day_ends_where_the_next_begins_though_it_has_23_or_25_hours() {
    let berlin = SourceZone::named("Europe/Berlin").unwrap();
    let hours = |day| {
        let day = ReadDate::Day(day);
        (berlin.end(day).unwrap() - berlin.begin(day).unwrap()).whole_hours()
    };
    assert_eq!(hours(date!(2026 - 03 - 28)), 24);
    assert_eq!(hours(date!(2026 - 03 - 29)), 23);
    assert_eq!(hours(date!(2026 - 10 - 25)), 25);
    let moment = ReadDate::Moment(datetime!(2026-03-29 12:00 UTC));
    assert_eq!(berlin.end(moment), berlin.begin(moment), "a moment has no end");
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,40}") {
        for forms in [&[][..], &[DateForm::DayMonthYear], &[DateForm::EpochSeconds], &[DateForm::ExcelSerial], &[DateForm::Filetime]] {
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
                prop_assert_eq!(when, ReadDate::Day(parsed(&text).unwrap()));
            }
        }
    }
}

fn parsed(text: &str) -> Option<Date> {
    Date::parse(text, time::macros::format_description!("[year][month][day]")).ok()
}
