//! Each reason to hold a feed, at its border.

use feeds::{FeedGuard, FeedLosses, FeedSeen, FeedVerdict};

fn seen(rows: u64) -> FeedSeen {
    FeedSeen {
        rows,
        bad_rows: 0,
        keys_distinct: rows,
        complete: true,
        trailer_count: None,
        checksum_ok: None,
    }
}

fn with_bad(rows: u64, bad_rows: u64) -> FeedSeen {
    FeedSeen { bad_rows, keys_distinct: rows - bad_rows, ..seen(rows) }
}

fn reasons(guard: &FeedGuard, now: &FeedSeen, last: Option<&FeedSeen>) -> Vec<String> {
    match guard.judge(now, last) {
        FeedVerdict::Believed => Vec::new(),
        FeedVerdict::Held { reasons } => reasons,
    }
}

/// Expects one reason with these words, or none.
fn check(guard: &FeedGuard, now: &FeedSeen, last: Option<&FeedSeen>, expected: Option<&str>) {
    let reasons = reasons(guard, now, last);
    match expected {
        None => assert_eq!(reasons, [""; 0], "{now:?}"),
        Some(expected) => {
            assert!(reasons.len() == 1 && reasons[0].contains(expected), "{now:?}: {reasons:?} {expected}");
        }
    }
}

#[test]
fn an_empty_feed_is_held() {
    let none = FeedGuard { min_rows: 0, ..FeedGuard::default() };
    check(&none, &seen(0), None, Some("no readable row (0 rows"));
    check(&none, &seen(0), Some(&seen(1_000)), Some("no readable row"));
    check(&none, &seen(1), None, None);
    let all_bad = reasons(&FeedGuard::default(), &with_bad(3, 3), None);
    assert!(all_bad[0].contains("no readable row (3 rows") && all_bad[1].contains("3 of 3 rows are bad"));
}

#[test]
fn too_few_rows_are_held() {
    let guard = FeedGuard { min_rows: 500, ..FeedGuard::default() };
    check(&guard, &seen(500), None, None);
    check(&guard, &seen(499), None, Some("499 readable rows, and at least 500 are expected"));
    check(&guard, &with_bad(500, 1), None, Some("499 readable rows"));
}

#[test]
fn shrinkage_is_held_beyond_its_limit_and_growth_is_not() {
    let guard = FeedGuard::default();
    let last = seen(1_000);
    check(&guard, &seen(1_000), Some(&last), None);
    check(&guard, &seen(5_000), Some(&last), None);
    check(&guard, &seen(900), Some(&last), None);
    check(
        &guard,
        &seen(899),
        Some(&last),
        Some("899 people, and the last accepted one had 1000: 101 fewer (10.10 %)"),
    );
    check(&guard, &seen(899), None, None);
    check(&guard, &seen(8_999_999), Some(&seen(10_000_000)), Some("(10.01 %)"));
    check(&guard, &with_bad(940, 41), Some(&last), Some("899 people"));
    let never = FeedGuard { shrink_percent_max: 0, ..FeedGuard::default() };
    check(&never, &seen(999), Some(&last), Some("1 fewer (0.10 %), and 0 % are allowed"));
    let always = FeedGuard { shrink_percent_max: 100, ..FeedGuard::default() };
    check(&always, &seen(1), Some(&last), None);
    check(&guard, &seen(1), Some(&seen(0)), None);
}

#[test]
fn bad_rows_are_held_beyond_their_limit() {
    let guard = FeedGuard::default();
    check(&guard, &with_bad(100, 5), None, None);
    check(&guard, &with_bad(100, 6), None, Some("6 of 100 rows are bad (6.00 %), and 5 % are allowed"));
    check(&guard, &with_bad(19, 1), None, Some("1 of 19 rows are bad (5.27 %)"));
    check(&guard, &with_bad(20, 1), None, None);
    let none = FeedGuard { bad_rows_percent_max: 0, ..FeedGuard::default() };
    check(&none, &with_bad(100_000, 1), None, Some("1 of 100000 rows are bad (0.01 %)"));
}

#[test]
fn duplicate_keys_are_held_beyond_their_limit() {
    let twice = |rows, people| FeedSeen { keys_distinct: people, ..seen(rows) };
    check(
        &FeedGuard::default(),
        &twice(10, 9),
        None,
        Some("1 of 10 rows repeat the key of another, and 0 are allowed"),
    );
    let two = FeedGuard { duplicate_keys_max: 2, ..FeedGuard::default() };
    check(&two, &twice(10, 8), None, None);
    check(&two, &twice(10, 7), None, Some("3 of 10 rows repeat"));
    check(&FeedGuard::default(), &with_bad(100, 5), None, None);
}

#[test]
fn a_wrong_trailer_or_checksum_is_held() {
    let guard = FeedGuard::default();
    let counted = |count| FeedSeen { trailer_count: Some(count), ..with_bad(100, 2) };
    check(&guard, &counted(100), None, None);
    check(&guard, &counted(99), None, Some("the trailer counts 99 rows, and the file has 100"));
    check(&guard, &counted(101), None, Some("the trailer counts 101 rows"));
    let summed = |checksum_ok| FeedSeen { checksum_ok, ..seen(100) };
    check(&guard, &summed(Some(true)), None, None);
    check(&guard, &summed(None), None, None);
    check(&guard, &summed(Some(false)), None, Some("SHA-256"));
    let required = FeedGuard { checksum_required: true, ..FeedGuard::default() };
    check(&required, &summed(Some(true)), None, None);
    check(&required, &summed(None), None, Some("no checksum was given"));
}

#[test]
fn an_incomplete_feed_is_held() {
    let now = FeedSeen { complete: false, ..seen(100) };
    check(&FeedGuard::default(), &now, None, Some("not complete: 100 rows came"));
}

#[test]
fn all_reasons_are_told_together() {
    let now = FeedSeen {
        rows: 100,
        bad_rows: 20,
        keys_distinct: 70,
        complete: false,
        trailer_count: Some(500),
        checksum_ok: Some(false),
    };
    let guard = FeedGuard { min_rows: 100, ..FeedGuard::default() };
    assert_eq!(reasons(&guard, &now, Some(&seen(500))).len(), 7);
}

#[test]
fn figures_that_cannot_be_do_not_panic() {
    let most = FeedSeen {
        rows: u64::MAX,
        bad_rows: u64::MAX,
        keys_distinct: u64::MAX,
        complete: true,
        trailer_count: Some(u64::MAX),
        checksum_ok: None,
    };
    let odd = FeedSeen { rows: 0, ..most.clone() };
    for (now, last) in [(&most, &seen(0)), (&odd, &most), (&seen(0), &most)] {
        assert!(!reasons(&FeedGuard::default(), now, Some(last)).is_empty());
    }
}

#[test]
fn what_is_not_configured_has_a_default() {
    let guard: FeedGuard = serde_saphyr::from_str("min_rows: 7").unwrap();
    assert_eq!(guard, FeedGuard { min_rows: 7, ..FeedGuard::default() });
    let FeedGuard { shrink_percent_max, bad_rows_percent_max, .. } = guard;
    assert_eq!((shrink_percent_max, bad_rows_percent_max), (10, 5));
    assert!(serde_saphyr::from_str::<FeedGuard>("min_row: 7").is_err());
}

/// `missing` of 50 people, who were all employed.
fn missing(missing: u64) -> FeedLosses {
    FeedLosses { missing, inactive: 0, employed: 50 + missing }
}

#[test]
fn people_who_are_replaced_by_others_are_missing_all_the_same() {
    let guard = FeedGuard::default();
    let (now, last) = (seen(50), seen(50));
    assert_eq!(guard.judge_losses(&now, Some(&last), &missing(5)), FeedVerdict::Believed, "a tenth");
    let FeedVerdict::Held { reasons } = guard.judge_losses(&now, Some(&last), &missing(8)) else {
        panic!("8 keys differ")
    };
    assert!(
        reasons.len() == 1
            && reasons[0].starts_with("8 people of the feed are not in the file (16.00 % of the 50"),
        "{reasons:?}"
    );
    assert!(reasons[0].contains("8 keys are new"), "{reasons:?}");
    // One departure and one arrival are usual, also where they are a ninth of all people.
    assert_eq!(guard.judge_losses(&seen(9), Some(&seen(9)), &missing(1)), FeedVerdict::Believed);
    assert!(matches!(guard.judge_losses(&seen(9), Some(&seen(9)), &missing(9)), FeedVerdict::Held { .. }));
    // Nothing was accepted before, but a run that was not, or another feed, listed people.
    assert!(matches!(guard.judge_losses(&now, None, &missing(50)), FeedVerdict::Held { .. }));
    let shrunk = guard.judge(&seen(40), Some(&last));
    assert_eq!(guard.judge_losses(&seen(40), Some(&last), &missing(10)), shrunk, "said once");
}

#[test]
fn people_who_turn_inactive_count_with_those_who_are_missing() {
    let guard = FeedGuard::default();
    // Of the last file, those missing, those inactive, and all who were employed; held or not.
    let table = [
        (Some(50), 0, 5, 50, false),
        (Some(50), 0, 6, 50, true),
        (Some(50), 3, 3, 50, true),
        (Some(50), 3, 2, 50, false),
        (Some(9), 0, 9, 9, true),
        (Some(9), 1, 1, 9, false),
        (Some(9), 0, 3, 9, true),
        // Most people in the file left long ago.
        (Some(5_000), 0, 11, 100, true),
        (Some(5_000), 0, 10, 100, false),
        // No file was accepted before.
        (None, 40, 0, 50, true),
        (None, 0, 0, 50, false),
        (None, 0, 40, 50, true),
    ];
    for (last, missing, inactive, employed, is_held) in table {
        let now = seen(last.unwrap_or(50));
        let losses = FeedLosses { missing, inactive, employed };
        let verdict = guard.judge_losses(&now, last.map(seen).as_ref(), &losses);
        assert_eq!(verdict != FeedVerdict::Believed, is_held, "{last:?} {losses:?}: {verdict:?}");
    }
}

#[test]
fn a_file_that_is_held_for_another_reason_says_as_well_who_turns_inactive() {
    let (last, losses) = (seen(50), FeedLosses { missing: 20, inactive: 30, employed: 50 });
    let FeedVerdict::Held { reasons } = FeedGuard::default().judge_losses(&seen(30), Some(&last), &losses)
    else {
        panic!("20 fewer")
    };
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].contains("20 fewer"), "{reasons:?}");
    assert!(
        reasons[1].starts_with("30 people turn inactive in the file, and 20 are not in it"),
        "{reasons:?}"
    );
}
