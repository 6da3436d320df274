//! The limits of the age of a notice, in both directions.

use serde_json::json;
use time::Duration;
use verify::{NoticeRefusal, TOLERANCE_SECONDS};

use crate::request::{Request, at, hex, tag, vector};

const LEAST: Duration = Duration::nanoseconds(1);

#[test]
fn exactly_the_tolerance_is_taken_and_a_nanosecond_more_is_not() {
    for name in ["bamboohr", "finch", "standard webhooks, as published", "standard webhooks, ed25519"] {
        let request = vector(name);
        let tolerance = Duration::seconds(300);
        let signed = at(request.now);
        assert!(request.verify_at(signed + tolerance).is_ok(), "{name}");
        assert!(request.verify_at(signed - tolerance).is_ok(), "{name}");
        let stale = NoticeRefusal::Stale { age_seconds: 301, tolerance_seconds: TOLERANCE_SECONDS };
        assert_eq!(request.verify_at(signed + tolerance + LEAST), Err(stale), "{name}");
        let ahead = NoticeRefusal::FromTheFuture { ahead_seconds: 301, tolerance_seconds: TOLERANCE_SECONDS };
        assert_eq!(request.verify_at(signed - tolerance - LEAST), Err(ahead), "{name}");
    }
}

#[test]
fn a_preset_takes_another_tolerance() {
    let mut request = vector("bamboohr");
    request.verifier["tolerance_seconds"] = json!(10);
    let signed = at(request.now);
    assert!(request.verify_at(signed + Duration::seconds(10)).is_ok());
    let stale = NoticeRefusal::Stale { age_seconds: 11, tolerance_seconds: 10 };
    assert_eq!(request.verify_at(signed + Duration::seconds(11)), Err(stale));
}

#[test]
fn only_a_genuine_notice_is_called_stale() {
    let mut request = vector("bamboohr");
    request.body.push(b' ');
    let late = at(request.now) + Duration::days(30);
    assert!(matches!(request.verify_at(late), Err(NoticeRefusal::WrongSignature { .. })));
}

#[test]
fn a_scheme_without_a_time_has_no_age() {
    let request = vector("gusto");
    assert!(request.verify_at(at(0)).is_ok());
    assert!(request.verify_at(at(253_402_300_799)).is_ok());
}

fn timed(format: &str, time: &str) -> Result<verify::VerifiedNotice, NoticeRefusal> {
    let settings =
        json!({ "signed": "{timestamp}.{body}", "timestamp_header": "X-Time", "timestamp_format": format });
    let signature = hex(&tag(b"key", format!("{time}.x").as_bytes()));
    Request::custom(settings, b"x").signed(signature).with("x-time", time).verify()
}

#[test]
fn times_are_read_in_each_format() {
    for (format, time) in [
        ("unix_seconds", "1769884920"),
        ("unix_milliseconds", "1769884920000"),
        ("rfc3339", "2026-01-31T18:42:00Z"),
        ("rfc3339", "2026-01-31T18:42:00.000+00:00"),
        ("rfc3339", "2026-02-01T00:12:00+05:30"),
    ] {
        assert_eq!(timed(format, time).unwrap().at, Some(at(1_769_884_920)), "{time}");
    }
}

#[test]
fn what_is_not_a_time_in_the_format_is_refused_even_if_it_is_signed() {
    for (format, time) in [
        ("unix_seconds", ""),
        ("unix_seconds", "01769884920"),
        ("unix_seconds", "+1769884920"),
        ("unix_seconds", "-1769884920"),
        ("unix_seconds", "1769884920.0"),
        ("unix_seconds", " 1769884920"),
        ("unix_seconds", "١٧٦٩٨٨٤٩٢٠"),
        ("unix_seconds", "99999999999999999999999999"),
        ("unix_seconds", "18446744073709551615"),
        ("unix_milliseconds", "18446744073709551615"),
        ("unix_seconds", "2026-01-31T18:42:00Z"),
        ("rfc3339", "1769884920"),
        ("rfc3339", "2026-01-31T18:42:00"),
        ("rfc3339", "2026-01-31"),
        ("rfc3339", "9999-12-31T23:59:59-23:59"),
    ] {
        let refusal = timed(format, time).unwrap_err();
        assert!(matches!(refusal, NoticeRefusal::MalformedTimestamp { .. }), "{time:?}: {refusal}");
    }
}

#[test]
fn seconds_in_place_of_milliseconds_are_from_long_ago_and_the_other_way_round_from_far_ahead() {
    assert!(matches!(timed("unix_milliseconds", "1769884920"), Err(NoticeRefusal::Stale { .. })));
    assert!(timed("unix_seconds", "1769884920000").is_err());
    assert!(matches!(timed("unix_seconds", "17698849200"), Err(NoticeRefusal::FromTheFuture { .. })));
    assert!(matches!(timed("unix_seconds", "0"), Err(NoticeRefusal::Stale { .. })));
}
