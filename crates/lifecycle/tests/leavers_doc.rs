//! docs/leavers.md and the names in the code say the same.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use lifecycle::{LeaverCause, ObligationState, WaitingFor};

/// The cells of the rows of the table whose first header cell is `header`, without its two head lines.
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
