//! Checks that docs/leavers.md and the names in the code agree.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use lifecycle::{
    AccountLikeness, LeaverCause, ObligationState, OtherAccountsGap, WaitingFor, sought_name_keys,
    stored_name_keys,
};

/// Returns the cells of the table whose first header cell is `header`, without its two header lines.
fn table(header: &str) -> Vec<Vec<String>> {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/leavers.md");
    let text = std::fs::read_to_string(page).unwrap();
    let rows = text.lines().skip_while(|line| !line.starts_with(&format!("| {header} |"))).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect())
        .collect()
}

fn first_cells(header: &str) -> Vec<String> {
    table(header).into_iter().map(|row| row[0].clone()).collect()
}

#[test]
fn every_reason_to_wait_stands_in_the_page_with_its_words_and_who_can_help() {
    let rows = table("reason");
    let names: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names, WaitingFor::ALL.map(WaitingFor::as_str));
    for (row, reason) in rows.iter().zip(WaitingFor::ALL) {
        let expected = if reason == WaitingFor::Unknown { row[1].as_str() } else { reason.in_words() };
        assert_eq!((row[1].as_str(), row[2].as_str()), (expected, reason.helper().in_words()), "{reason:?}");
        assert!(!row[3].is_empty(), "{reason:?}: what to do");
    }
}

#[test]
fn every_cause_and_every_state_stands_in_the_page() {
    assert_eq!(first_cells("cause"), LeaverCause::ALL.map(LeaverCause::as_str));
    assert_eq!(first_cells("state"), ObligationState::ALL.map(ObligationState::as_str));
}

/// Splits a cell of the table of names into logins and mail addresses, and the `externalId`.
fn names(cell: &str) -> (Vec<&str>, Option<&str>) {
    let (names, key) =
        cell.split_once(" externalId ").map_or((cell, None), |(names, key)| (names, Some(key)));
    (names.split(" mail ").collect(), key)
}

#[test]
fn accounts_are_listed_for_a_person_exactly_as_the_table_of_names_says() {
    let rows = table("person");
    assert!(rows.len() > 40, "{} rows", rows.len());
    for row in rows {
        let (person, _) = names(&row[0]);
        let (account, external_id) = names(&row[1]);
        let sought = sought_name_keys(person.iter().copied(), person[0]);
        let stored = stored_name_keys(account, external_id);
        let likeness = stored.iter().filter_map(|key| sought.get(key)).min();
        assert_eq!(
            likeness.map_or("no", |likeness| likeness.as_str()),
            row[2],
            "{row:?}: {stored:?} {sought:?}"
        );
    }
}

#[test]
fn every_likeness_and_every_gap_stands_in_the_page() {
    assert_eq!(first_cells("likeness"), AccountLikeness::ALL.map(AccountLikeness::as_str));
    assert_eq!(first_cells("there may be more"), OtherAccountsGap::ALL.map(OtherAccountsGap::as_str));
}

#[test]
fn names_that_no_database_or_index_takes_have_no_keys() {
    for name in ["", " ", "a\0b@example.com", &"x".repeat(400), "@", "+", "...", "\\"] {
        assert!(stored_name_keys([name], Some("")).is_empty(), "{name:?}");
    }
}

#[test]
fn every_field_of_what_was_not_decided_stands_in_the_page() {
    let counts = serde_json::to_value(lifecycle::UndecidedCounts::default()).unwrap();
    let mut fields: Vec<String> = counts.as_object().unwrap().keys().cloned().collect();
    let mut listed = first_cells("field");
    fields.sort();
    listed.sort();
    assert_eq!(listed, fields);
}
