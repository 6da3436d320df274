//! Lists that break off, report a wrong total, or lead elsewhere.

use lifecycle::SourceProblemKind;
use serde_json::json;

use crate::office::{Office, row};
use crate::people::Twist;

#[tokio::test]
async fn a_list_that_is_not_read_to_its_end_is_read_again_from_where_it_was_known() {
    let rows: Vec<_> = (0..5).map(|n| row(&format!("E-{n}"), "Sales")).collect();
    for twist in [
        Twist::Status(500),
        Twist::SamePage,
        Twist::Circle,
        Twist::Elsewhere,
        Twist::Short,
        Twist::Page,
        Twist::Status(401),
    ] {
        let mut office = Office::start(&[], json!({"total": "/total"})).await;
        office.people.was_asked(1).await;
        office.people.twist(Some(twist));
        office.people.list(&rows);
        office.people.was_asked(12).await;
        let during = office.people.sinces();
        office.people.twist(None);
        office.people.was_asked(3).await;
        let all: Vec<_> = office.events(15).await.into_iter().map(|event| event.subject).collect();
        assert!((0..5).all(|n| all.contains(&format!("E-{n}"))), "{twist:?}: {all:?}");
        let last = &during[during.len().saturating_sub(3)..];
        assert!(
            last.iter().all(|since| since == &last[0]),
            "{twist:?}: the moment does not move: {during:?}"
        );
    }
}

#[tokio::test]
async fn a_page_that_fails_costs_neither_rows_nor_repetitions() {
    let rows: Vec<_> = (0..5).map(|n| row(&format!("E-{n}"), "Sales")).collect();
    let office = Office::start(&rows, json!({}));
    let mut office = office.await;
    office.people.fail_at(2, 503, 30);
    // The pages before the failing one are stored once, however often they are read.
    office.events(15).await;
    office.people.was_asked(6).await;
    let mut rows = rows;
    rows.push(row("E-last", "Sales"));
    office.people.list(&rows);
    assert_eq!(office.events(3).await[0].subject, "E-last");
}

#[tokio::test]
async fn rows_that_cannot_be_used_stop_nobody_else() {
    let rows = [json!("no row"), json!({"team": "no key"}), row("E-1", "Sales"), json!({"id": {"a": 1}})];
    let mut office = Office::start(&rows, json!({})).await;
    let events = office.events(3).await;
    assert!(events.iter().all(|event| event.subject == "E-1"));
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_a_problem_of_its_source_until_it_can() {
    let office = Office::start(&[row("E-1", "Sales")], json!({})).await;
    office.people.was_asked(1).await;
    office.people.twist(Some(Twist::Status(404)));
    let found = office.problems(|all| !all.is_empty()).await;
    assert_eq!(
        (found[0].source.as_str(), found[0].kind),
        ("polls/workday", SourceProblemKind::UnreadableList),
        "{found:?}"
    );
    assert!(found[0].detail.contains("404"), "{found:?}");
    office.people.twist(None);
    office.problems(<[_]>::is_empty).await;
}

#[tokio::test]
async fn rows_that_cannot_be_used_are_a_problem_until_a_reading_has_none() {
    let office = Office::start(&[json!({"team": "no key"}), row("E-1", "Sales")], json!({})).await;
    let found = office.problems(|all| !all.is_empty()).await;
    assert_eq!((found[0].kind, found.len()), (SourceProblemKind::BadRows, 1), "{found:?}");
    office.people.list(&[row("E-1", "Sales")]);
    office.problems(<[_]>::is_empty).await;
}
