use proptest::prelude::*;

use super::super::ScopeClause;
use super::{DAY_MICROS, DateOperand, DatePeriod, DateTest, FixedDate, HOUR_MICROS};
use crate::scope::AttributeOperator;

fn test(rest: &str) -> DateTest {
    match ScopeClause::parse(&format!("x {rest}")).unwrap() {
        ScopeClause::Attribute { operator: AttributeOperator::Date(test), .. } => test,
        other => panic!("{other}"),
    }
}

fn micros(text: &str) -> i64 {
    match FixedDate::parse(text) {
        Some(FixedDate::Instant(micros)) => micros,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn dates_are_compared_as_days_or_moments() {
    let now = micros("2026-05-10T12:00Z");
    let table = [
        ("WITHIN 7 days", "2026-05-10", true),
        ("WITHIN 7 days", "2026-05-17", true),
        ("WITHIN 7 days", "2026-05-18", false),
        ("WITHIN 7 days", "2026-05-09", false),
        ("WITHIN 1 week", "2026-05-17T12:00Z", true),
        ("WITHIN 1 week", "2026-05-17T12:00:01Z", false),
        ("WITHIN 7 days", "2026-05-10T11:59:59Z", false),
        ("WITHIN 6 hours", "2026-05-10T19:30+02:00", true),
        ("WITHIN LAST 7 days", "2026-05-10", true),
        ("WITHIN LAST 7 days", "2026-05-03", true),
        ("WITHIN LAST 7 days", "2026-05-02", false),
        ("WITHIN LAST 7 days", "2026-05-11", false),
        ("BEFORE now", "2026-05-09", true),
        ("BEFORE now", "2026-05-10", false),
        ("ON OR BEFORE now", "2026-05-10", true),
        ("ON OR BEFORE now", "2026-05-11", false),
        ("AFTER now", "2026-05-10", false),
        ("AFTER now", "2026-05-11", true),
        ("ON OR AFTER now", "2026-05-10", true),
        ("ON OR AFTER now", "2026-05-09", false),
        ("BEFORE 2026-05-10", "2026-05-09T23:59:59Z", true),
        ("BEFORE 2026-05-10", "2026-05-10T00:00Z", false),
        ("ON OR BEFORE 2026-05-10", "2026-05-10T23:59Z", true),
        ("AFTER 2026-05-10", "2026-05-10T23:59Z", false),
        ("AFTER 2026-05-10", "2026-05-11T00:00Z", true),
        ("AFTER now + 7 days", "2026-05-18", true),
        ("BEFORE now - 2 weeks", "2026-04-25", true),
        ("BEFORE now - 2 weeks", "2026-04-26", false),
        ("AFTER 2026-05-10T08:00:00Z", "2026-05-10 08:00:00.000001", true),
    ];
    for (rest, date, expected) in table {
        assert_eq!(test(rest).holds(FixedDate::parse(date).unwrap(), now), expected, "{rest} on {date}");
    }
}

#[test]
fn dates_are_read_as_hr_systems_write_them_and_nothing_else_is_a_date() {
    for text in ["2026-01-31", "2026-01-31-08:00", "2026-01-31Z", " 2026-01-31 "] {
        assert_eq!(
            FixedDate::parse(text).map(|date| date.to_string()).as_deref(),
            Some("2026-01-31"),
            "{text}"
        );
    }
    for text in ["2026-01-31T08:00:00.5+01:00", "2026-01-31 07:00:00.500", "2026-01-31t07:00:00,500000000Z"] {
        let read = FixedDate::parse(text).map(|date| date.to_string());
        assert_eq!(read.as_deref(), Some("2026-01-31T07:00:00.500000Z"), "{text}");
    }
    for text in [
        "",
        "2026",
        "2026-02-30",
        "2026-13-01",
        "31.01.2026",
        "2026-01-31T25:00",
        "2026-01-31T08",
        "2026-01-31x",
        "2026-01-31T08:00+99:00",
        "0000-01-01T00:00+01:00",
        "２026-01-31",
    ] {
        assert_eq!(FixedDate::parse(text), None, "{text}");
    }
    for text in ["", "days", "7", "-7 days", "7 months", "36501 days", "99999999999 days", "7 days ago"] {
        assert_eq!(DatePeriod::parse(text), None, "{text}");
    }
    for text in ["nowish", "now 7 days", "now + x", "tomorrow", "nöw"] {
        assert_eq!(DateOperand::parse(text), None, "{text}");
    }
    assert_eq!(
        DateOperand::parse("NOW+1day").map(|moment| moment.to_string()).as_deref(),
        Some("now + 1 day")
    );
}

#[test]
fn scopes_read_the_forms_that_expressions_read() {
    let days = ["11/30/2026", "2026/11/30", "30 November 2026", "30-Nov-26", "Monday, November 30, 2026"];
    for text in days {
        assert_eq!(
            FixedDate::parse(text).map(|date| date.to_string()).as_deref(),
            Some("2026-11-30"),
            "{text}"
        );
    }
    for text in ["2026-11-30T08:00:00+01", "11/30/2026 7:00:00 AM", "Mon, 30 Nov 2026 07:00:00 GMT"] {
        let read = FixedDate::parse(text).map(|date| date.to_string());
        assert_eq!(read.as_deref(), Some("2026-11-30T07:00:00Z"), "{text}");
    }
    assert_eq!(DateOperand::parse("11/30/2026"), DateOperand::parse("2026-11-30"));
}

fn date_tests() -> impl Strategy<Value = DateTest> {
    let rests = [
        "WITHIN 3 days",
        "WITHIN LAST 5 hours",
        "BEFORE now",
        "ON OR BEFORE now + 2 days",
        "AFTER now - 1 week",
        "ON OR AFTER now",
        "BEFORE 2026-05-10",
        "AFTER 2026-05-10T10:00Z",
    ];
    prop::sample::select(rests.to_vec()).prop_map(test)
}

proptest! {
    #[test]
    fn nothing_changes_before_the_moment_of_change_and_everything_is_rechecked_at_it(
        test in date_tests(),
        whole_day in any::<bool>(),
        offset in -20 * 24..20 * 24_i64,
        later in 0..40 * DAY_MICROS,
    ) {
        let now = micros("2026-05-10T09:30Z");
        let date = match whole_day {
            true => FixedDate::Day(time::macros::date!(2026-05-10) + time::Duration::hours(offset)),
            false => FixedDate::Instant(now + offset * HOUR_MICROS),
        };
        let holds = test.holds(date, now);
        match test.flips_at(date, now) {
            Some(at) => {
                prop_assert!(at > now);
                prop_assert_ne!(test.holds(date, at), holds, "it flips at the moment");
                prop_assert_eq!(test.holds(date, at - 1), holds, "and not before");
                prop_assert_eq!(test.holds(date, (now + later).min(at - 1)), holds);
            }
            None => prop_assert_eq!(test.holds(date, now + later), holds),
        }
    }

    #[test]
    fn no_text_makes_reading_a_date_panic(text in "\\PC{0,40}|[0-9Tt:+Z. -]{0,40}") {
        let _ = (FixedDate::parse(&text), DateOperand::parse(&text), DatePeriod::parse(&text));
    }
}
