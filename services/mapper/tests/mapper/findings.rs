//! Tests of findings: listed in the transaction that finds them, and settled in the one that decides otherwise.

use feeds::{FeedGuard, FeedSeen, FileCompletion, KeySet};
use lifecycle::{
    AccessOrderKind, AccountState, Actor, ContradictionCode, Event, EventId, EventKind, FeedRun, FeedRunId,
    FindingKind, FindingsReply, FindingsRequest, OrderAccessRequest, PeopleConfig, PersonFinding,
    StatementDating, UndecidedCounts, UnreadValue, verbs,
};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};
use time::Duration;

use crate::operators::{ask, not_decided};
use crate::world::{EVERYBODY, World, event, joined};

async fn page(world: &World, kind: FindingKind, limit: u64, cursor: Option<String>) -> FindingsReply {
    ask::<verbs::FindingsVerb>(world, FindingsRequest { kind, target: None, limit, cursor }).await.unwrap()
}

async fn listed(world: &World, kind: FindingKind) -> Vec<PersonFinding> {
    page(world, kind, 100, None).await.findings
}

async fn counts(world: &World) -> (u64, u64, u64) {
    let counts = ask::<verbs::MapperStatusVerb>(world, ()).await.unwrap().findings;
    let UndecidedCounts { unread, contradictions, unbuilt, .. } = not_decided(world).await;
    let listed = (contradictions, unread, unbuilt);
    assert_eq!((counts.contradictions, counts.unread, counts.unbuilt.values().sum()), listed, "with leavers");
    (counts.contradictions, counts.unread, counts.unbuilt.values().sum())
}

fn left(person: &str, said: i64) -> Event {
    event(EventKind::WorkerLeft, person, said, json!({}))
}

fn record(person: &str, said: i64) -> Event {
    let mut record = event(EventKind::WorkerSnapshot, person, said, json!({ "active": true }));
    record.attributes.insert("userPrincipalName".to_owned(), json!(format!("{person}@example.org")));
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn contradictions_are_listed_page_by_page_until_a_source_settles_them() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let people: Vec<String> = (1..=5).map(|n| format!("E-{n}")).collect();
        for person in &people {
            world.send(&[joined(person, 1, "HR"), left(person, 10), record(person, 20)]).await;
        }
        world.settle().await;
        let first = page(&world, FindingKind::Contradiction, 2, None).await;
        assert_eq!((first.findings.len(), first.total), (2, 5));
        let second = page(&world, FindingKind::Contradiction, 2, first.next_cursor.clone()).await;
        let third = page(&world, FindingKind::Contradiction, 2, second.next_cursor.clone()).await;
        assert_eq!(third.next_cursor, None);
        let all = [first.findings, second.findings, third.findings].concat();
        assert_eq!(all.iter().map(|one| one.person.as_str()).collect::<Vec<_>>(), people);
        assert!(all.iter().all(|one| one.field == ContradictionCode::PresentAfterDeparture.as_str()));
        assert_eq!((all[0].sender.as_str(), all[0].since), ("hr", record("E-1", 20).time));
        assert_eq!(counts(&world).await.0, 5);
        assert_ne!(world.state("E-1"), Some(AccountState::Active), "off");
        world.send(&[event(EventKind::WorkerRehired, "E-1", 30, json!({})), left("E-2", 31)]).await;
        world.settle().await;
        let rest: Vec<String> =
            listed(&world, FindingKind::Contradiction).await.into_iter().map(|one| one.person).collect();
        assert_eq!(rest, ["E-3", "E-4", "E-5"]);
        assert_eq!(world.state("E-1"), Some(AccountState::Active));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_read_is_listed_until_the_same_sender_says_it_readably() {
    let unread = |mut event: Event| {
        event.unread = vec![UnreadValue::new("employment.ends", "99.99.9999")];
        event
    };
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let values = event(EventKind::WorkerChanged, "E-1", 5, json!({ "department": "IT" }));
        world.send(&[joined("E-1", 1, "HR"), unread(values), unread(record("E-2", 5))]).await;
        world.settle().await;
        let all = listed(&world, FindingKind::Unread).await;
        let [first, second] = &all[..] else { panic!("{all:?}") };
        assert_eq!((first.person.as_str(), second.person.as_str()), ("E-1", "E-2"));
        assert_eq!((first.field.as_str(), first.detail.as_str()), ("employment.ends", "99.99.9999"));
        assert_eq!(counts(&world).await.1, 2);
        // Another sender, a change, and an older reading settle nothing.
        let mut other = record("E-2", 8);
        other.sender = "directory".to_owned();
        let change = event(EventKind::WorkerChanged, "E-1", 8, json!({ "department": "Ops" }));
        world.send(&[other, change, record("E-2", 4)]).await;
        world.settle().await;
        assert_eq!(counts(&world).await.1, 2);
        world.send(&[left("E-1", 9), record("E-2", 9)]).await;
        world.settle().await;
        assert_eq!((listed(&world, FindingKind::Unread).await, counts(&world).await.1), (vec![], 0));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_built_is_listed_by_target_until_they_can_or_leave() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let nameless =
            |person: &str| event(EventKind::WorkerJoined, person, 1, json!({ "department": "HR" }));
        world.send(&[nameless("E-1"), nameless("E-2"), joined("E-3", 1, "HR")]).await;
        world.settle().await;
        let all = listed(&world, FindingKind::Unbuilt).await;
        assert_eq!(all.iter().map(|one| one.person.as_str()).collect::<Vec<_>>(), ["E-1", "E-2"]);
        assert!(all[0].target == "crm" && all[0].detail.contains("userName has no value"), "{:?}", all[0]);
        assert_eq!((counts(&world).await.2, world.state("E-1")), (2, None));
        let named = json!({ "userPrincipalName": "e1@example.org" });
        world.send(&[event(EventKind::WorkerChanged, "E-1", 5, named), left("E-2", 5)]).await;
        world.settle().await;
        assert_eq!((listed(&world, FindingKind::Unbuilt).await, counts(&world).await.2), (vec![], 0));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_limit_refuses_of_a_person_is_listed_and_a_departure_never_is() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    let mut said = vec![joined("E-1", 1, "HR")];
    for n in 0..20 {
        let mut later = event(EventKind::WorkerChanged, "E-1", 2, json!({ "department": format!("D{n}") }));
        later.source_event_id = format!("later/{n}");
        later.id = EventId::of("hr", &later.source_event_id);
        later.effective_at += Duration::days(30 + n);
        later.dated = Some(StatementDating::Explicit);
        said.push(later);
    }
    world.send(&said).await;
    world.settle().await;
    let all = listed(&world, FindingKind::Unread).await;
    assert_eq!((all.len(), all[0].field.as_str()), (1, "a later value of department"));
    assert!(all[0].detail.starts_with("refused"), "{:?}", all[0]);
    world.send(&[left("E-1", 9)]).await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_could_not_be_read_are_listed_the_newest_first_page_by_page() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let unread = |person: &str, said, fields: &[&str]| {
            let mut event = record(person, said);
            let value = |field: &&str| UnreadValue::new(*field, "99.99.9999");
            event.unread = fields.iter().map(value).collect();
            event
        };
        world
            .send(&[
                unread("E-2", 5, &["b", "a"]),
                unread("E-1", 5, &["a"]),
                unread("E-3", 9, &["a"]),
                unread("E-0", 2, &["a"]),
            ])
            .await;
        world.settle().await;
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let next = page(&world, FindingKind::Unread, 2, cursor).await;
            all.extend(next.findings.into_iter().map(|one| (one.person, one.field)));
            cursor = next.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        let expected = [("E-3", "a"), ("E-1", "a"), ("E-2", "a"), ("E-2", "b"), ("E-0", "a")];
        assert_eq!(all, expected.map(|(person, field)| (person.to_owned(), field.to_owned())));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_back_with_another_name_is_off_until_a_human_says_that_it_is_the_same_person() {
    let named = |mut event: Event, given: &str, days: i64| {
        event.attributes.insert("givenName".to_owned(), json!(given));
        (event.time, event.effective_at) =
            (event.time - Duration::days(days), event.effective_at - Duration::days(days));
        event
    };
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world
            .send(&[named(joined("E-1", 1, "HR"), "Ada", 400), named(joined("E-2", 1, "HR"), "Eve", 400)])
            .await;
        world.settle().await;
        world.send(&[named(left("E-1", 2), "Ada", 200), named(left("E-2", 2), "Eve", 200)]).await;
        world.settle().await;
        assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
        let back = |person| event(EventKind::WorkerRehired, person, 10, json!({}));
        world.send(&[named(back("E-1"), "Bob", 0), named(back("E-2"), "Eve", 0)]).await;
        world.settle().await;
        assert_eq!(world.state("E-1"), Some(AccountState::Disabled), "another name");
        assert_eq!(world.state("E-2"), Some(AccountState::Active), "the same name");
        let all = listed(&world, FindingKind::Contradiction).await;
        let is = |one: &PersonFinding| (one.person.clone(), one.field.clone());
        assert_eq!(all.iter().map(is).collect::<Vec<_>>(), [("E-1".to_owned(), "recycled_key".to_owned())]);
        let request = OrderAccessRequest {
            person: "E-1".to_owned(),
            order: AccessOrderKind::Same,
            lift: false,
            until: None,
            actor: Actor { who: "alice".to_owned(), why: "I asked".to_owned() },
        };
        ask::<verbs::OrderAccessVerb>(&world, request).await.unwrap();
        world.settle().await;
        assert_eq!(world.state("E-1"), Some(AccountState::Active));
        assert_eq!(listed(&world, FindingKind::Contradiction).await, []);
        world.send(&[event(EventKind::WorkerLeft, "E-1", 20, json!({}))]).await;
        world.settle().await;
        assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
        world.stop_mappers().await;
    }
}

/// Returns the end of a reading of the list `ad`, and its rows.
fn reading(name: &str, said: i64, people: &[&str]) -> Vec<Event> {
    let at = event(EventKind::WorkerChanged, "x", said, json!({})).time;
    let run =
        FeedRun { feed: "ad".to_owned(), run: FeedRunId::of("polls/ad", name), begun_at: at, absent: false };
    let mut keys = KeySet::default();
    people.iter().for_each(|person| keys.add(person));
    let seen = FeedSeen {
        rows: people.len() as u64,
        bad_rows: 0,
        keys_distinct: keys.count,
        complete: true,
        trailer_count: None,
        checksum_ok: None,
    };
    let guard = FeedGuard { shrink_percent_max: 60, ..FeedGuard::default() };
    let mut end = event(EventKind::FeedCompleted, "ad", said, json!({}));
    end.attributes = FileCompletion { seen, people: keys, guard, replaces: Vec::new() }.to_attributes();
    let rows = people.iter().map(|person| record(person, said)).chain([end]);
    let from_list = |mut event: Event| {
        event.source = "polls/ad".to_owned();
        event.sender = "polls/ad".to_owned();
        event.source_event_id = format!("{name}:{}", event.subject);
        event.id = EventId::of(&event.source, &event.source_event_id);
        event.feed = Some(run.clone());
        event
    };
    rows.map(from_list).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_in_a_list_any_more_leaves_by_the_word_of_the_list_that_has_authority() {
    for database in test_databases() {
        let mut world = World::new(database, EVERYBODY).await;
        world.people = serde_json::from_value::<PeopleConfig>(json!({ "employment": ["polls/ad"] })).unwrap();
        world.start_mapper().await;
        world.send(&reading("first", 1, &["E-1", "E-2", "E-3"])).await;
        world.settle().await;
        assert_eq!(world.state("E-3"), Some(AccountState::Active));
        world.send(&reading("second", 10, &["E-1", "E-2"])).await;
        let is_off = async |world: &mut World| world.state("E-3") == Some(AccountState::Disabled);
        world.until("E-3 is off", is_off).await;
        assert_eq!(world.state("E-1"), Some(AccountState::Active));
        world.stop_mappers().await;
    }
}
