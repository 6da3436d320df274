//! A source's API that fails in every way.

use lifecycle::EventKind::{WorkerDeleted, WorkerLeft};
use lifecycle::SourceProblemKind;
use serde_json::json;

use crate::hr::Fault;
use crate::office::Office;

#[tokio::test]
async fn whatever_the_api_does_the_record_comes_when_it_works_again() {
    use Fault::{Breaks, Elsewhere, Empty, HalfOfIt, Page, RetryAfter, Status};
    let mut office = Office::start().await;
    let faults: [&[Fault]; 9] = [
        &[RetryAfter(429, "1")],
        &[Status(500), Status(502)],
        &[Status(503), Status(504), Status(503), Status(503), Status(503)],
        &[RetryAfter(503, "1")],
        &[Page],
        &[HalfOfIt],
        &[Empty],
        &[Elsewhere, Elsewhere],
        &[Breaks],
    ];
    for (index, faults) in faults.iter().enumerate() {
        let key = format!("E-{index}");
        office.hr.put(&key, json!({"name": key}));
        let before = office.hr.asked().len();
        office.hr.fail(faults);
        office.notice("changed", &[&key]).await;
        assert_eq!(office.events(1).await[0].subject, key, "{faults:?}");
        office.done(&key).await;
        assert_eq!(office.hr.asked().len() - before, faults.len() + 1, "{faults:?}");
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_had_is_put_aside_and_keeps_nobody_waiting() {
    let mut office = Office::with(json!({"key": "/id"})).await;
    let other = json!({"id": "somebody else", "name": "Eve"});
    office.hr.put("E-other", other);
    office.hr.put("E-text", json!("not an object"));
    office.hr.put("E-2", json!({"id": "E-2", "name": "Bob"}));
    office.hr.always("E-bad", Some(Fault::Status(400)));
    office.hr.always("E-huge", Some(Fault::Huge));
    office.notice("changed", &["E-bad", "E-huge", "E-other", "E-text", "E-2"]).await;
    assert_eq!(office.events(1).await[0].subject, "E-2");
    for (key, why) in [
        ("E-bad", "400"),
        ("E-huge", "longer than"),
        ("E-other", "another person"),
        ("E-text", "another person"),
    ] {
        let row = office.parked(key).await;
        assert_eq!(row.attempts, 3, "{key}");
        assert!(row.error.contains(why), "{key}: {row:?}");
        assert!(!row.error.contains("Ann") && !row.error.contains("Eve"), "{row:?}");
    }
    office.hr.always("E-bad", None);
    office.hr.put("E-bad", json!({"id": "E-bad", "name": "Ann"}));
    office.notice("changed", &["E-bad"]).await;
    assert_eq!(office.events(1).await[0].subject, "E-bad", "another notice, another try");
}

#[tokio::test]
async fn a_record_that_was_put_aside_is_tried_once_more_by_itself() {
    let mut office = Office::with(json!({"parked_retry_seconds": 1})).await;
    office.notice("changed", &["E-1"]).await;
    office.parked("E-1").await;
    office.hr.put("E-1", json!({"name": "Ann"}));
    assert_eq!(office.events(1).await[0].subject, "E-1");
    office.done("E-1").await;
}

#[tokio::test]
async fn nobody_has_left_because_there_is_no_record_unless_the_notice_said_so() {
    let mut office = Office::start().await;
    office.notice("changed", &["E-1"]).await;
    assert!(office.parked("E-1").await.error.contains("404"));
    let body = json!({"uuid": "1", "event_type": "employee.terminated", "entity_uuid": "E-1", "timestamp": 1_782_856_800});
    office.post("gusto", &body).await;
    let events = office.events(1).await;
    assert_eq!((events.len(), events[0].kind), (1, WorkerLeft));

    let mut office = Office::with(json!({"gone": "deleted"})).await;
    office.notice("changed", &["E-1"]).await;
    assert_eq!(office.events(1).await[0].kind, WorkerDeleted);
    assert_eq!(office.hr.asked().len(), 2, "after a second look");
}

#[tokio::test]
async fn a_refused_credential_costs_nobody_an_attempt_and_a_rotated_one_heals() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "old\n").unwrap();
    let mut office = Office::with(json!({"credential": {"kind": "bearer", "token_file": file}})).await;
    let keys: Vec<String> = (0..5).map(|n| format!("E-{n}")).collect();
    let people: Vec<&str> = keys.iter().map(String::as_str).collect();
    people.iter().for_each(|key| office.hr.put(key, json!({"name": key})));
    office.notice("changed", &people).await;
    office.hr.was_asked(12).await;
    for key in &people {
        let row = office.row(key, |row| row.is_some()).await.unwrap();
        assert_eq!((row.state.as_str(), row.attempts), ("waiting", 0), "{row:?}");
    }
    std::fs::write(&file, "hr-api").unwrap();
    office.events(5).await;
}

#[tokio::test]
async fn an_api_that_cannot_be_reached_costs_nobody_an_attempt() {
    let mut office = Office::with(json!({"url": "http://127.0.0.1:1/{key}"})).await;
    office.notice("changed", &["E-1", "E-2"]).await;
    let row = office.row("E-1", |row| row.is_some_and(|row| !row.error.is_empty())).await.unwrap();
    assert!(row.error.contains("cannot be reached"), "{row:?}");
    assert_eq!((row.state.as_str(), row.attempts), ("waiting", 0));
}

#[tokio::test]
async fn one_person_whose_record_is_forbidden_keeps_nobody_waiting() {
    let mut office = Office::start().await;
    office.hr.always("E-secret", Some(Fault::Status(403)));
    office.notice("changed", &["E-secret"]).await;
    office.hr.was_asked(1).await;
    for n in 0..10 {
        let key = format!("E-{n}");
        office.hr.put(&key, json!({"name": key}));
        office.notice("changed", &[&key]).await;
        assert_eq!(office.events(1).await[0].subject, key);
    }
    assert!(office.parked("E-secret").await.error.contains("403"));
}

#[tokio::test]
async fn records_that_are_put_aside_are_a_problem_of_their_source_until_none_is() {
    let mut office = Office::start().await;
    office.hr.always("E-bad", Some(Fault::Status(400)));
    office.notice("changed", &["E-bad"]).await;
    office.parked("E-bad").await;
    let found = office.problems(|all| !all.is_empty()).await;
    assert_eq!(
        (found[0].source.as_str(), found[0].kind, found[0].count),
        ("webhooks/own", SourceProblemKind::ParkedRecords, 1),
        "{found:?}"
    );
    office.hr.always("E-bad", None);
    office.hr.put("E-bad", json!({"name": "Ann"}));
    office.notice("changed", &["E-bad"]).await;
    office.done("E-bad").await;
    office.problems(<[_]>::is_empty).await;
}
