//! Tests of departures that are not decided yet: listed and counted beside the obligations, as docs/leavers.md says.

use feeds::{FeedGuard, FeedSeen, FileCompletion, KeySet};
use lifecycle::{
    Actor, EventId, EventKind, FeedRun, FeedRunId, LeaversRequest, MapperStatus, PeopleConfig, RecordStatus,
    RecordsReply, RecordsRequest, ResolveRecordRequest, SourceRecord, UndecidedDeparture, UnreadValue,
    WaitingFor, verbs,
};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};

use crate::leavers::listed;
use crate::operators::ask;
use crate::reasons::agrees;
use crate::world::{EVERYBODY, World, altered, event, joined};

/// Returns all of them. The count must agree with the list.
async fn undecided(world: &World) -> Vec<UndecidedDeparture> {
    let reply = listed(world, LeaversRequest::default()).await;
    assert_eq!(reply.counts.undecided, reply.undecided.len() as u64);
    reply.undecided
}

async fn until_count(world: &mut World, count: usize) -> Vec<UndecidedDeparture> {
    world
        .until(&format!("{count} are undecided"), async move |w| {
            // The list and the count are read one after the other: they agree once nothing changes any more.
            let reply = listed(w, LeaversRequest::default()).await;
            reply.undecided.len() == count && reply.counts.undecided == count as u64
        })
        .await;
    undecided(world).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_in_quarantine_is_listed_with_its_person_or_without_one() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-1", 1, "HR"), joined("E-2", 1, "HR")]).await;
        world.settle().await;
        let (newer, broken) = (
            event(EventKind::WorkerLeft, "E-1", 2, json!({})),
            event(EventKind::WorkerLeft, "E-2", 2, json!({})),
        );
        let payload = bus::encode_event(&newer).replace("{\"v\":1,", "{\"v\":2,");
        world.send_raw(vec![altered(&newer, "payload", &payload), altered(&broken, "payload", "{")]).await;
        let mut all = until_count(&mut world, 2).await;
        all.sort_by_key(|one| one.people.len());
        assert_eq!(
            all.iter().map(|one| one.people.clone()).collect::<Vec<_>>(),
            [vec![], vec!["E-1".to_owned()]]
        );
        for one in &all {
            agrees(one, WaitingFor::Quarantine);
            assert!(one.waiting.detail.as_deref().unwrap().starts_with("mapper:EVENTS"), "{one:?}");
        }
        // For one person: their departures, and those that may be theirs.
        let of_other = LeaversRequest { person: Some("E-2".to_owned()), ..LeaversRequest::default() };
        assert_eq!(listed(&world, of_other).await.undecided.len(), 1);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_whose_day_cannot_be_read_is_listed_until_the_source_says_it_readably() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let unread = |person: &str, value: UnreadValue| {
            let mut event = event(EventKind::WorkerChanged, person, 5, json!({ "department": "IT" }));
            event.unread = vec![value];
            event
        };
        let ends = || UnreadValue::new("employment.ends", "99.99.9999").of_departure();
        world
            .send(&[
                joined("E-1", 1, "HR"),
                joined("E-2", 1, "HR"),
                unread("E-1", ends()),
                unread("E-2", UnreadValue::new("employment.starts", "99.99.9999")),
                // This person was never given an account.
                unread("E-3", ends()),
            ])
            .await;
        world.settle().await;
        let all = until_count(&mut world, 1).await;
        agrees(&all[0], WaitingFor::Unread);
        assert_eq!(all[0].people, ["E-1"]);
        assert_eq!(all[0].waiting.detail.as_deref(), Some("hr: employment.ends: 99.99.9999"));
        world.send(&[event(EventKind::WorkerLeft, "E-1", 9, json!({}))]).await;
        world.settle().await;
        assert_eq!(undecided(&world).await, []);
        assert_eq!(
            listed(&world, LeaversRequest::default()).await.leavers.len(),
            1,
            "it is an obligation now"
        );
        world.stop_mappers().await;
    }
}

fn two_sources() -> PeopleConfig {
    serde_json::from_value(json!({
        "correlate": [{ "sources": ["hr"] }, { "sources": ["directory"], "match": ["mail"] }],
        "employment": ["hr", "directory"],
    }))
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_of_a_record_that_may_be_of_several_people_names_them_until_a_human_says_whose_it_is() {
    for database in test_databases() {
        let mut world = World::new(database, EVERYBODY).await;
        world.people = two_sources();
        world.start_mapper().await;
        let with_mail = |key: &str, said| {
            let name = format!("{key}@example.org");
            let attributes = json!({ "userPrincipalName": name, "department": "HR", "mail": "a@x.org" });
            event(EventKind::WorkerJoined, key, said, attributes)
        };
        let mut left =
            event(EventKind::WorkerSnapshot, "u-1", 3, json!({ "mail": "A@x.org", "active": false }));
        left.source = "directory/scim".to_owned();
        left.id = EventId::of(&left.source, &left.source_event_id);
        world.send(&[with_mail("E-1", 1), with_mail("E-2", 2), left]).await;
        world.settle().await;
        let all = until_count(&mut world, 1).await;
        agrees(&all[0], WaitingFor::Match);
        assert_eq!(all[0].people, ["E-1", "E-2"]);
        assert_eq!(
            all[0].waiting.detail.as_deref(),
            Some("record u-1 of directory: several people have the value")
        );
        let actor = Actor { who: "alice".to_owned(), why: "I asked her".to_owned() };
        let (source, key, person) = ("directory".to_owned(), "u-1".to_owned(), "E-2".to_owned());
        let request = ResolveRecordRequest { source, key, person, same: true, actor };
        let _: SourceRecord = ask::<verbs::ResolveRecordVerb>(&world, request).await.unwrap();
        world.settle().await;
        assert_eq!(undecided(&world).await, []);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_of_a_record_that_waits_for_its_person_is_listed_and_counted_until_it_has_one() {
    for database in test_databases() {
        let mut world = World::new(database, EVERYBODY).await;
        world.people = two_sources();
        world.start_mapper().await;
        let record = |key: &str, said, active: bool| {
            let attributes = json!({ "mail": format!("{key}@x.org"), "active": active });
            let mut record = event(EventKind::WorkerSnapshot, key, said, attributes);
            record.source = "directory/scim".to_owned();
            record.id = EventId::of(&record.source, &record.source_event_id);
            record
        };
        world.send(&[joined("E-1", 1, "HR"), record("u-1", 2, true), record("u-2", 2, false)]).await;
        world.settle().await;
        let all = until_count(&mut world, 1).await;
        agrees(&all[0], WaitingFor::Match);
        assert_eq!(all[0].people, Vec::<String>::new());
        assert_eq!(
            all[0].waiting.detail.as_deref(),
            Some("record u-2 of directory: it waits for its person")
        );
        let status: MapperStatus = ask::<verbs::MapperStatusVerb>(&world, ()).await.unwrap();
        assert_eq!(status.waiting_departures, 1);
        let request = RecordsRequest { status: RecordStatus::Waiting, source: None, limit: 10, cursor: None };
        let reply: RecordsReply = ask::<verbs::RecordsVerb>(&world, request).await.unwrap();
        let departed: Vec<(&str, bool)> =
            reply.records.iter().map(|record| (record.key.as_str(), record.departed)).collect();
        assert_eq!(departed, [("u-1", false), ("u-2", true)]);
        // A status that this version does not know hides no departure.
        world.execute("UPDATE mapper_records SET status = 'merged', person = 'E-1' WHERE key = 'u-2'").await;
        let all = until_count(&mut world, 1).await;
        assert!(all[0].waiting.detail.as_deref().unwrap().ends_with("its status cannot be read"));
        world.execute("UPDATE mapper_records SET status = 'waiting', person = NULL WHERE key = 'u-2'").await;
        let mail = json!({ "mail": "u-2@x.org" });
        world.send(&[event(EventKind::WorkerChanged, "E-1", 3, mail)]).await;
        world.settle().await;
        until_count(&mut world, 0).await;
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_whom_a_held_run_of_a_feed_does_not_list_are_named() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    for (name, said, people) in [("one", 10, &["E-1", "E-2", "E-3"][..]), ("two", 20, &["E-1"])] {
        let begun_at = event(EventKind::WorkerChanged, "x", said, json!({})).time;
        let run =
            FeedRun { feed: "hr".to_owned(), run: FeedRunId::of("feeds/hr", name), begun_at, absent: false };
        let of_run = |kind, subject: &str, attributes| {
            let mut event = event(kind, subject, said, attributes);
            event.source = "feeds/hr".to_owned();
            event.source_event_id = format!("{}:{subject}", run.run);
            event.id = EventId::of(&event.source, &event.source_event_id);
            event.feed = Some(run.clone());
            event
        };
        let mut keys = KeySet::default();
        people.iter().for_each(|person| keys.add(person));
        let seen = FeedSeen {
            rows: keys.count,
            bad_rows: 0,
            keys_distinct: keys.count,
            complete: true,
            trailer_count: None,
            checksum_ok: None,
        };
        let guard = FeedGuard { shrink_percent_max: 40, ..FeedGuard::default() };
        let mut events: Vec<_> = people
            .iter()
            .map(|person| {
                let name = format!("{person}@x.org");
                let record = json!({ "userPrincipalName": name, "department": "D", "active": true });
                of_run(EventKind::WorkerSnapshot, person, record)
            })
            .collect();
        let mut end = of_run(EventKind::FeedCompleted, "hr", json!({}));
        end.attributes = FileCompletion { seen, people: keys, guard, replaces: Vec::new() }.to_attributes();
        events.push(end);
        world.send(&events).await;
        world.settle().await;
        let states = "SELECT count(*) AS n FROM mapper_feeds WHERE state IN ('accepted', 'held')";
        let decided = said / 10;
        world.until("the run is judged", async |w| w.count(states).await == decided).await;
    }
    let all = until_count(&mut world, 2).await;
    for one in &all {
        agrees(one, WaitingFor::Feed);
        assert!(one.waiting.detail.as_deref().unwrap().starts_with("feed hr, run "), "{one:?}");
    }
    let people: Vec<_> = all.into_iter().flat_map(|one| one.people).collect();
    assert_eq!(people, ["E-2", "E-3"]);
    world.stop_mappers().await;
}
