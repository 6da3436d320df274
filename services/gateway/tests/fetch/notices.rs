//! From a notice to the events of the fetched record.

use lifecycle::EventKind::{WorkerChanged, WorkerJoined, WorkerLeft};
use serde_json::json;
use time::macros::datetime;

use crate::office::Office;

#[tokio::test]
async fn a_notice_becomes_what_the_record_says_when_it_was_asked_for() {
    for database in store::testing::test_databases() {
        let name = database.name;
        let mut office = Office::on(database, json!({})).await;
        office.hr.put(
            "E-1",
            json!({"name": "Ann", "team": {"name": "Sales"}, "start": "2097-03-01", "end": null}),
        );
        let before = time::OffsetDateTime::now_utc();
        let answer = office.notice("hired", &["E-1"]).await;
        assert_eq!(
            (&answer.body["toFetch"], &answer.body["accepted"]),
            (&json!(1), &json!([])),
            "{answer:?}"
        );

        let events = office.events(2).await;
        assert_eq!(events.len(), 2, "{name}");
        let values = events.iter().find(|event| event.kind == WorkerChanged).unwrap();
        assert_eq!((values.subject.as_str(), values.source.as_str()), ("E-1", "webhooks/own"));
        assert_eq!(values.attributes["department"], "Sales");
        assert_eq!(values.effective_at, values.time);
        assert!(values.time >= before - time::Duration::seconds(1), "{name}: as old as the question");
        let joined = events.iter().find(|event| event.kind == WorkerJoined).unwrap();
        assert_eq!(joined.effective_at, datetime!(2097-02-28 23:00 UTC), "the day begins in Berlin");
        assert!(joined.attributes.is_empty());
        office.done("E-1").await;
        assert_eq!(office.hr.asked(), ["E-1"]);
    }
}

#[tokio::test]
async fn an_announced_departure_takes_effect_at_the_end_of_the_day_in_the_record() {
    let mut office = Office::start().await;
    office.hr.put("E-1", json!({"name": "Ann", "end": "2097-06-30"}));
    let body = json!({"uuid": "1", "event_type": "employee.terminated", "entity_uuid": "E-1", "timestamp": 1_782_856_800});
    office.post("gusto", &body).await;
    let events = office.events(2).await;
    let left = events.iter().find(|event| event.kind == WorkerLeft).unwrap();
    assert_eq!(left.effective_at, datetime!(2097-07-01 0:00 UTC));
}

#[tokio::test]
async fn a_thousand_notices_about_one_person_are_few_fetches() {
    let mut office = Office::with(json!({"delay_ms": 300})).await;
    office.hr.put("E-1", json!({"name": "Ann"}));
    office.hr.hold(true);
    office.notice("changed", &["E-1"]).await;
    office.hr.was_asked(1).await;
    office.notice("changed", &["E-1"; 1_000]).await;
    for _ in 0..5 {
        office.notice("changed", &["E-1"]).await;
    }
    office.hr.put("E-1", json!({"name": "Anna"}));
    office.hr.hold(false);
    office.done("E-1").await;
    let asked = office.hr.asked().len();
    assert!((2..=20).contains(&asked), "{asked}");
    assert_eq!(office.hr.at_once_max(), 1);
    let events = office.events(2).await;
    let newest = events.iter().max_by_key(|event| event.time).unwrap();
    assert_eq!(newest.attributes["givenName"], "Anna");
}

#[tokio::test]
async fn a_notice_that_comes_while_the_record_is_fetched_causes_another_fetch() {
    let mut office = Office::start().await;
    office.hr.put("E-1", json!({"name": "before"}));
    office.hr.hold(true);
    office.notice("changed", &["E-1"]).await;
    office.hr.was_asked(1).await;
    office.notice("changed", &["E-1"]).await;
    office.hr.put("E-1", json!({"name": "after"}));
    office.hr.hold(false);
    office.hr.was_asked(2).await;
    office.done("E-1").await;
    let events = office.events(2).await;
    let newest = events.iter().max_by_key(|event| event.time).unwrap();
    assert_eq!(newest.attributes["givenName"], "after");
}

#[tokio::test]
async fn two_notices_that_look_alike_are_two() {
    let mut office = Office::start().await;
    let body = json!({"items": [{"what": "changed", "person": "E-1", "when": "2026-01-01T00:00:00Z"}]});
    for name in ["Ann", "Anna"] {
        office.hr.put("E-1", json!({"name": name}));
        office.post("own", &body).await;
        assert_eq!(office.events(1).await[0].attributes["givenName"], name);
        office.done("E-1").await;
    }
}

#[tokio::test]
async fn a_gateway_that_is_killed_after_its_answer_fetches_when_it_is_back() {
    for database in store::testing::test_databases() {
        let mut office = Office::on(database, json!({})).await;
        office.hr.hold(true);
        office.hr.put("E-1", json!({"name": "Ann"}));
        office.notice("changed", &["E-1"]).await;
        office.kill_and_restart().await;
        office.hr.hold(false);
        assert_eq!(office.events(1).await[0].attributes["givenName"], "Ann");
        office.done("E-1").await;
    }
}

#[tokio::test]
async fn of_several_gateways_one_asks_the_source() {
    let Some(database) = store::testing::postgres_database() else {
        eprintln!("no PostgreSQL on this machine: nothing was tested");
        return;
    };
    let mut office = Office::on(database, json!({})).await;
    let keys: Vec<String> = (0..30).map(|n| format!("E-{n}")).collect();
    let people: Vec<&str> = keys.iter().map(String::as_str).collect();
    people.iter().for_each(|key| office.hr.put(key, json!({"name": key})));
    let first = std::mem::replace(&mut office.world.run, tokio::spawn(async { Ok(()) }));
    office.another().await;
    office.notice("changed", &people).await;
    office.events(30).await;
    for key in &people {
        office.done(key).await;
    }
    let mut asked = office.hr.asked();
    asked.sort();
    asked.dedup();
    assert_eq!((asked.len(), office.hr.asked().len()), (30, 30), "each once");
    first.abort();
}

#[tokio::test]
async fn a_key_is_one_segment_of_the_address_whatever_stands_in_it() {
    let mut office = Office::start().await;
    let odd = ["a/../b", "a?b=c&d#e", "Zoë %2F \"+\"", "..;/x", "{key}"];
    for key in odd {
        office.hr.put(key, json!({"name": key}));
    }
    office.notice("changed", &odd).await;
    let events = office.events(odd.len()).await;
    for event in events {
        assert_eq!(event.attributes["givenName"], event.subject.as_str());
    }
    office.notice("changed", &[".."]).await;
    assert!(office.parked("..").await.error.contains("address"));
}
