//! The events of a list that is polled repeatedly.

use feeds::FileCompletion;
use lifecycle::EventKind::{FeedCompleted, WorkerChanged, WorkerJoined, WorkerLeft, WorkerRehired};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;

use crate::office::{Office, row};

#[tokio::test]
async fn the_first_reading_tells_of_everybody_and_the_next_only_of_what_is_new() {
    for database in store::testing::test_databases() {
        let name = database.name;
        let rows: Vec<_> = (0..5).map(|n| row(&format!("E-{n}"), "Sales")).collect();
        let mut office = Office::on(database, &rows, json!({})).await;
        let events = office.events(15).await;
        let joined = events.iter().find(|event| event.kind == WorkerJoined).unwrap();
        assert_eq!(joined.effective_at, datetime!(2020-02-02 23:00 UTC), "{name}");
        assert_eq!(joined.source, "polls/workday");

        // A reading has three pages, so every row is read at least twice.
        office.people.was_asked(6).await;
        let mut rows = rows;
        rows[3] = row("E-3", "Legal");
        office.people.list(&rows);
        let events = office.events(3).await;
        let values = events.iter().find(|event| event.kind == WorkerChanged).unwrap();
        assert_eq!((values.subject.as_str(), &values.attributes["department"]), ("E-3", &json!("Legal")));

        let sinces = office.people.sinces();
        assert_eq!(sinces[0], "1970-01-01T00:00:00Z");
        let later = OffsetDateTime::parse(sinces.last().unwrap(), &Rfc3339).unwrap();
        let age = OffsetDateTime::now_utc() - later;
        assert!(age > time::Duration::seconds(59) && age < time::Duration::hours(1), "{name}: {age}");
        office.restart().await;
        office.people.was_asked(4).await;
        let after = office.people.sinces();
        assert_ne!(after.last().unwrap(), &sinces[0], "{name}: a restart does not begin anew");
        rows.push(row("E-9", "Sales"));
        office.people.list(&rows);
        office.events(3).await;
    }
}

#[tokio::test]
async fn every_kind_of_pages_is_read_to_its_end() {
    for paging in [
        json!({"kind": "next_link", "at": "/next"}),
        json!({"kind": "link_header"}),
        json!({"kind": "token", "at": "/cursor", "parameter": "cursor"}),
        json!({"kind": "offset", "parameter": "skip"}),
        json!({"kind": "page", "parameter": "p"}),
    ] {
        let rows: Vec<_> = (0..5).map(|n| row(&format!("E-{n}"), "Sales")).collect();
        let mut office = Office::start(&rows, json!({"paging": paging, "every_seconds": 3600})).await;
        let mut keys: Vec<_> = office.events(15).await.into_iter().map(|event| event.subject).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 5, "{paging}");
        assert!(office.people.queries().iter().all(|query| query.contains_key("since")), "{paging}");
    }
}

#[tokio::test]
async fn a_row_of_a_day_to_come_is_said_corrected_and_withdrawn() {
    let dated = |from: &str, department: &str, last_day: Option<&str>| {
        let mut row = row("E-1", department);
        (row["from"], row["last_day"]) = (json!(from), json!(last_day));
        row
    };
    let now = dated("2024-01-01", "Sales", None);
    let settings = json!({"effective_at": "/from", "rows_per_person": "all",
                          "employment": {"active": "IIF([team] = \"gone\", \"false\", \"true\")"}});
    let rows = [now.clone(), dated("2097-07-01", "Legal", None), dated("2097-09-01", "gone", None)];
    let mut office = Office::start(&rows, settings).await;
    let mut events = office.events(7).await;
    events.sort_by_key(|event| (event.effective_at, event.kind.as_str()));
    let (july, september) = (datetime!(2097-06-30 22:00 UTC), datetime!(2097-08-31 22:00 UTC));
    let at = |when| events.iter().filter(move |event| event.effective_at == when);
    assert!(at(july).any(|event| event.attributes.get("department") == Some(&json!("Legal"))));
    assert!(at(september).any(|event| event.kind == WorkerLeft));
    assert!(at(datetime!(2023-12-31 23:00 UTC)).any(|event| event.kind == WorkerChanged));

    office.people.list(&[now.clone(), dated("2097-07-01", "R&D", None), dated("2097-09-01", "gone", None)]);
    let corrected = office.events(3).await;
    let values = corrected.iter().find(|event| event.kind == WorkerChanged).unwrap();
    assert_eq!((values.effective_at, &values.attributes["department"]), (july, &json!("R&D")));

    // The move and the departure are both withdrawn.
    office.people.list(&[now]);
    let withdrawn = office.events(3).await;
    let again = |when| {
        let mut values = withdrawn.iter().filter(|event| event.kind == WorkerChanged);
        values.find(|event| event.effective_at == when).unwrap()
    };
    assert_eq!(again(july).attributes["department"], "Sales");
    assert_eq!(again(september).attributes["department"], "Sales");
    let back = withdrawn.iter().find(|event| event.kind == WorkerRehired).unwrap();
    assert_eq!(back.effective_at, september);
    office.people.was_asked(2).await;
    office.people.list(&[row("E-2", "Sales")]);
    office.events(3).await;
}

#[tokio::test]
async fn a_list_of_everybody_is_a_full_feed() {
    let rows: Vec<_> = (0..3).map(|n| json!({"id": format!("E-{n}"), "team": "Sales"})).collect();
    let mut office =
        Office::start(&rows, json!({"full": true, "every_seconds": 3600, "replaces": ["people"]})).await;
    let events = office.events(7).await;
    let runs: Vec<_> = events.iter().map(|event| event.feed.clone().unwrap()).collect();
    assert!(runs.iter().all(|run| run == &runs[0] && run.feed == "workday"));
    let end = events.iter().find(|event| event.kind == FeedCompleted).unwrap();
    let completion = FileCompletion::from_attributes(&end.attributes).unwrap();
    assert_eq!(
        (completion.seen.rows, completion.people.count, completion.seen.trailer_count),
        (3, 3, Some(3))
    );
    assert_eq!(completion.replaces, ["people"]);
    assert_eq!(events.iter().filter(|event| event.kind == WorkerJoined).count(), 3, "who is listed is here");
}

#[tokio::test]
async fn of_several_gateways_one_reads_a_list() {
    let Some(database) = store::testing::postgres_database() else {
        eprintln!("no PostgreSQL on this machine: nothing was tested");
        return;
    };
    let rows: Vec<_> = (0..5).map(|n| row(&format!("E-{n}"), "Sales")).collect();
    let mut office = Office::on(database, &rows, json!({"every_seconds": 3600})).await;
    office.another().await;
    office.events(15).await;
    assert_eq!(office.people.queries().len(), 3, "each page once");
}
