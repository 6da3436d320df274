//! Every statement of a row becomes an event, and unreadable values are reported by place and form.

use lifecycle::EventKind::{WorkerChanged, WorkerJoined, WorkerLeft};
use lifecycle::StatementDating::{Explicit, Observed};
use lifecycle::{Event, EventKind, StatementDating};
use serde_json::{Value, json};
use time::macros::datetime;

use crate::office::Office;

fn employment() -> Value {
    json!({"employment": {"active": "[status]", "starts": "/hired", "ends": "/last"},
           "attributes": {"givenName": "/first"}, "time_zone": "America/Los_Angeles"})
}

fn kinds(events: &[Event], key: &str) -> Vec<(EventKind, Option<StatementDating>)> {
    let of = events.iter().filter(|event| event.subject == key && event.kind != WorkerChanged);
    let mut kinds: Vec<_> = of.map(|event| (event.kind, event.dated)).collect();
    kinds.sort_by_key(|(kind, dated)| (kind.as_str(), *dated));
    kinds
}

#[tokio::test]
async fn a_report_that_leaves_empty_fields_out_says_who_works_here() {
    let rows = [
        json!({"id": "W-1", "first": "Wim", "status": "1", "hired": "2020-02-03"}),
        json!({"id": "W-2", "first": "Wes", "status": "1", "hired": "2020-02-03-08:00", "last": "2097-06-30-07:00"}),
        json!({"id": "W-3", "first": "Win", "status": "1"}),
    ];
    let mut office = Office::start(&rows, employment()).await;
    let events = office.events(9).await;
    let here = vec![(WorkerJoined, Some(Explicit)), (WorkerJoined, Some(Observed))];
    assert_eq!(kinds(&events, "W-1"), here);
    assert_eq!(kinds(&events, "W-2"), [here.clone(), vec![(WorkerLeft, Some(Explicit))]].concat());
    assert_eq!(kinds(&events, "W-3"), [(WorkerJoined, Some(Observed))]);
    let left = events.iter().find(|event| event.kind == WorkerLeft).unwrap();
    assert_eq!(left.effective_at, datetime!(2097-07-01 7:00 UTC), "the end of the day in Los Angeles");

    office.people.list(&[
        json!({"id": "W-1", "first": "Wim", "status": "0", "hired": "2020-02-03", "last": "2026-01-05"}),
        json!({"id": "W-3", "first": "Win", "status": "0"}),
    ]);
    let events = office.events(5).await;
    assert_eq!(kinds(&events, "W-1"), [(WorkerLeft, Some(Explicit)), (WorkerLeft, Some(Observed))]);
    assert_eq!(kinds(&events, "W-3"), [(WorkerLeft, Some(Observed))]);
}

#[tokio::test]
async fn in_a_list_of_everybody_a_row_that_cannot_be_read_is_listed_and_says_nothing_of_presence() {
    let rows = [
        json!({"id": "E-1", "first": "Eva", "status": "inactive", "hired": "2024-03-01", "last": "yesterday"}),
        json!({"id": "E-2", "first": "Eli", "status": "seconded", "hired": "soon"}),
        json!({"id": "E-3", "first": "Emy", "status": ""}),
    ];
    let mut settings = employment();
    settings["full"] = json!(true);
    settings["every_seconds"] = json!(3600);
    let mut office = Office::start(&rows, settings).await;
    let events = office.events(6).await;
    assert_eq!(kinds(&events, "E-1"), [(WorkerLeft, Some(Observed))], "the status can be read");
    assert_eq!(kinds(&events, "E-2"), []);
    assert_eq!(kinds(&events, "E-3"), [(WorkerJoined, Some(Observed))], "who is listed is here");
    let unread = |key: &str| {
        let of = events.iter().filter(|event| event.subject == key).flat_map(|event| &event.unread);
        of.map(|value| format!("{}: {}", value.field, value.class)).collect::<Vec<_>>()
    };
    assert_eq!(unread("E-1"), ["employment.ends: a"]);
    assert_eq!(unread("E-2"), ["employment.starts: a", "employment.active: a"]);
    let end = events.iter().find(|event| event.kind == EventKind::FeedCompleted).unwrap();
    let completion = feeds::FileCompletion::from_attributes(&end.attributes).unwrap();
    assert_eq!((completion.seen.bad_rows, completion.people.count), (2, 3));
}
