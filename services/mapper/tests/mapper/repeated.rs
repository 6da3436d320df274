//! Tests of repeated rows of a full feed: a name has exactly the effect of the full row.

use bus::{Consumer, FactBatch, StreamName};
use feeds::{FeedGuard, FeedSeen, FileCompletion, KeySet, RepeatedRows, RowContent};
use lifecycle::{
    AccountState, Event, EventId, EventKind, Fact, FeedRun, FeedRunId, FeedRunState, FeedRunStatus,
    FeedsRequest, KnownRowsRequest, StatementDating, verbs,
};
use serde_json::json;
use store::testing::{TestDatabase, sqlite_database, test_databases};

use crate::operators::{ASK, ask};
use crate::world::{EVERYBODY, World, event};

pub async fn running(database: TestDatabase) -> World {
    let mut world = World::running(database, EVERYBODY).await;
    until_it_answers(&mut world).await;
    world
}

pub async fn until_it_answers(world: &mut World) {
    let answers = async |world: &mut World| world.bus.ask::<verbs::MapperStatusVerb>(&(), ASK).await.is_ok();
    world.until("the mapper answers", answers).await;
}

pub fn run_of(feed: &str, name: &str, said: i64) -> FeedRun {
    let begun_at = event(EventKind::WorkerChanged, "x", said, json!({})).time;
    let run = FeedRunId::of(&format!("feeds/{feed}"), name);
    FeedRun { feed: feed.to_owned(), run, begun_at, absent: false }
}

/// Turns the event into a row of the run.
pub fn row(mut event: Event, run: &FeedRun) -> Event {
    event.source = format!("feeds/{}", run.feed);
    event.sender.clone_from(&event.source);
    event.source_event_id = format!("{}:{}", run.run, event.subject);
    event.id = EventId::of(&event.source, &event.source_event_id);
    event.dated.get_or_insert(StatementDating::Observed);
    event.feed = Some(run.clone());
    event
}

pub fn here(person: &str, run: &FeedRun, said: i64) -> Event {
    let record = json!({ "userPrincipalName": format!("{person}@x.org"), "department": "D", "active": true });
    row(event(EventKind::WorkerSnapshot, person, said, record), run)
}

pub fn end(run: &FeedRun, said: i64, people: &[&str]) -> Event {
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
    let guard = FeedGuard { shrink_percent_max: 90, ..FeedGuard::default() };
    let mut end = event(EventKind::FeedCompleted, &run.feed, said, json!({}));
    end.attributes = FileCompletion { seen, people: keys, guard, replaces: Vec::new() }.to_attributes();
    Event { dated: None, ..row(end, run) }
}

/// Returns the rows by their names.
pub fn named(rows: &[Event]) -> Event {
    let name = |row: &Event| (row.subject.clone(), RowContent::of(row).unwrap().hash());
    let first = rows[0].clone();
    let source_event_id = format!("{}:rows", first.feed.as_ref().unwrap().run);
    Event {
        id: EventId::of(&first.source, &source_event_id),
        source_event_id,
        kind: EventKind::FeedRows,
        subject: first.feed.as_ref().unwrap().feed.clone(),
        dated: None,
        attributes: RepeatedRows { rows: rows.iter().map(name).collect() }.to_attributes(),
        ..first
    }
}

pub async fn known(world: &World, run: &FeedRun, rows: &[Event]) -> Vec<bool> {
    let name = |row: &Event| (row.subject.clone(), RowContent::of(row).unwrap().hash());
    let rows = rows.iter().map(name).collect();
    let request = KnownRowsRequest { feed: run.feed.clone(), run: run.run.clone(), rows };
    ask::<verbs::KnownRowsVerb>(world, request).await.unwrap().known
}

pub async fn becomes(world: &mut World, run: &FeedRun, state: FeedRunState) -> FeedRunStatus {
    let wanted = FeedsRequest { run: Some(run.run.clone()), limit: 1, ..FeedsRequest::default() };
    let show = async |world: &World| {
        let found = ask::<verbs::FeedsVerb>(world, wanted.clone()).await;
        found.ok().and_then(|mut found| found.items.pop())
    };
    let is_so = async |world: &mut World| show(world).await.is_some_and(|run| run.state == state);
    world.until("the run is judged", is_so).await;
    show(world).await.unwrap()
}

#[tokio::test]
async fn a_repeated_row_is_known_to_the_mapper_proves_presence_and_tells_nothing() {
    for database in test_databases() {
        let mut world = running(database).await;
        let people = ["E-1", "E-2", "E-3"];
        let (one, two) = (run_of("hr", "one", 10), run_of("hr", "two", 20));
        let rows: Vec<Event> = people.iter().map(|person| here(person, &one, 10)).collect();
        assert_eq!(known(&world, &one, &rows).await, [false; 3]);
        world.send(&rows).await;
        world.send(&[end(&one, 10, &people)]).await;
        becomes(&mut world, &one, FeedRunState::Accepted).await;
        world.settle().await;
        assert_eq!(known(&world, &one, &rows).await, [false; 3], "sent again as it was: it is the same run");

        let before = world.commands.len();
        let mut journal: Consumer<FactBatch> = world.bus.consume(StreamName::Journal, "test").await.unwrap();
        while let Ok(Ok(batch)) =
            tokio::time::timeout(std::time::Duration::from_millis(500), journal.next_batch(100)).await
        {
            for delivery in batch {
                delivery.ack().await;
            }
        }
        let mut rows: Vec<Event> = people.iter().map(|person| here(person, &two, 20)).collect();
        rows[2].attributes.insert("department".to_owned(), "Sales".into());
        assert_eq!(known(&world, &two, &rows).await, [true, true, false]);
        world.send(&[named(&rows[..2]), rows[2].clone(), end(&two, 20, &people)]).await;
        let run = becomes(&mut world, &two, FeedRunState::Accepted).await;
        assert_eq!((run.unchanged, run.unresolved, run.left), (2, 0, 0), "{run:?}");
        world.settle().await;
        assert_eq!(world.commands.len(), before + 1, "only the changed row led to a command");
        let mut told = Vec::new();
        while !told.iter().any(|(_, fact)| matches!(fact, Fact::Decided { .. })) {
            for delivery in journal.next_batch(100).await.unwrap() {
                let facts = delivery.body.as_ref().unwrap().0.iter();
                told.extend(facts.map(|record| (record.subject.clone(), record.fact.clone())));
                delivery.ack().await;
            }
        }
        assert!(told.iter().all(|(person, _)| person != "E-1" && person != "E-2"), "{told:?}");
        world.stop_mappers().await;
    }
}

/// Events between two runs of the feed that have the same row of this person.
fn in_between(person: &str) -> [(&'static str, Vec<Event>); 7] {
    let own = |event: Event| {
        let (source, id) = ("own".to_owned(), EventId::of("own", &event.source_event_id));
        Event { sender: source.clone(), source, id, ..event }
    };
    // A row of a full list would wait for the judgement of its run.
    let notice = |event: Event, run: &FeedRun| Event { feed: None, ..row(event, run) };
    let left = |said| event(EventKind::WorkerLeft, person, said, json!({}));
    let branch = run_of("branch", "one", 12);
    let gone = Event { feed: Some(FeedRun { absent: true, ..branch.clone() }), ..row(left(13), &branch) };
    let moved = json!({ "department": "Sales" });
    let seen = Event { dated: Some(StatementDating::Observed), ..left(15) };
    [
        ("nothing", Vec::new()),
        ("another source said that the person left", vec![own(left(15))]),
        ("the same source said that the person left", vec![notice(left(15), &run_of("hr", "notice", 15))]),
        ("another list saw them leave", vec![notice(seen, &branch)]),
        ("another list listed and then dropped them", vec![here(person, &branch, 12), gone]),
        ("a departure of later came in early", vec![own(left(25))]),
        ("an attribute was said otherwise", vec![own(event(EventKind::WorkerChanged, person, 15, moved))]),
    ]
}

#[tokio::test]
async fn a_named_row_leaves_the_person_as_the_row_in_full_does_whatever_was_said_in_between_or_comes_late() {
    let people: Vec<String> = (0..7).map(|n| format!("E-{n}")).collect();
    let keys: Vec<&str> = people.iter().map(String::as_str).collect();
    let mut states = Vec::new();
    for is_named in [false, true] {
        let mut world = running(sqlite_database()).await;
        let (one, two) = (run_of("hr", "one", 10), run_of("hr", "two", 20));
        world.send(&keys.iter().map(|person| here(person, &one, 10)).collect::<Vec<_>>()).await;
        world.send(&[end(&one, 10, &keys)]).await;
        becomes(&mut world, &one, FeedRunState::Accepted).await;
        for (n, person) in keys.iter().enumerate() {
            for event in &in_between(person)[n].1 {
                world.send(std::slice::from_ref(event)).await;
                world.settle().await;
            }
        }
        for person in &keys {
            let row = here(person, &two, 20);
            let mut name = named(std::slice::from_ref(&row));
            name.id = EventId::of(person, "rows");
            world.send(&[if is_named { name } else { row }]).await;
        }
        world.send(&[end(&two, 20, &keys)]).await;
        becomes(&mut world, &two, FeedRunState::Accepted).await;
        let late =
            |person: &&str| event(EventKind::WorkerChanged, person, 18, json!({ "department": "Late" }));
        world.send(&keys.iter().map(late).collect::<Vec<_>>()).await;
        world.settle().await;
        let rows = world.query("SELECT state FROM mapper_identities ORDER BY key").await;
        let mut stored: Vec<serde_json::Value> = rows
            .iter()
            .map(|row| serde_json::from_str(&row.try_get::<String>("", "state").unwrap()).unwrap())
            .collect();
        // The time at which the return was noticed, by the clock.
        for state in &mut stored {
            if let Some(former) = state.get_mut("former") {
                former["returnedAt"].take();
            }
        }
        states.push((world.access(), stored));
        world.stop_mappers().await;
    }
    for (n, (full, name)) in states[0].1.iter().zip(&states[1].1).enumerate() {
        assert_eq!(full, name, "{}", in_between("x")[n].0);
    }
    assert_eq!(states[0].0, states[1].0);
}

#[tokio::test]
async fn a_repeated_row_of_a_person_who_was_said_to_have_left_is_told_as_a_contradiction() {
    let mut world = running(sqlite_database()).await;
    let (one, two) = (run_of("hr", "one", 10), run_of("hr", "two", 20));
    world.send(&[here("E-1", &one, 10), end(&one, 10, &["E-1"])]).await;
    becomes(&mut world, &one, FeedRunState::Accepted).await;
    world.send(&[event(EventKind::WorkerLeft, "E-1", 15, json!({}))]).await;
    world.settle().await;
    world.send(&[named(&[here("E-1", &two, 20)]), end(&two, 20, &["E-1"])]).await;
    becomes(&mut world, &two, FeedRunState::Accepted).await;
    assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
    let mut journal: Consumer<FactBatch> = world.bus.consume(StreamName::Journal, "test").await.unwrap();
    let mut notes = Vec::new();
    while !notes.iter().any(|note: &String| note.contains("present_after_departure")) {
        for delivery in journal.next_batch(100).await.unwrap() {
            notes.extend(delivery.body.as_ref().unwrap().0.iter().filter_map(|record| match &record.fact {
                Fact::Merged { note, .. } => note.clone(),
                _ => None,
            }));
            delivery.ack().await;
        }
    }
    world.stop_mappers().await;
}

#[tokio::test]
async fn a_mapper_that_lost_what_rows_said_asks_for_them_in_full_and_lists_names_that_mean_nothing() {
    for database in test_databases() {
        let mut world = running(database).await;
        let (one, two) = (run_of("hr", "one", 10), run_of("hr", "two", 20));
        world.send(&[here("E-1", &one, 10), here("E-2", &one, 10), end(&one, 10, &["E-1", "E-2"])]).await;
        becomes(&mut world, &one, FeedRunState::Accepted).await;
        let rows = [here("E-1", &two, 20), here("E-2", &two, 20)];
        assert_eq!(known(&world, &two, &rows).await, [true, true]);
        world.execute("DELETE FROM mapper_feed_rows WHERE key = 'E-1'").await;
        assert_eq!(known(&world, &two, &rows).await, [false, true]);
        // The name was under way already.
        world.send(&[named(&rows), end(&two, 20, &["E-1", "E-2"])]).await;
        let run = becomes(&mut world, &two, FeedRunState::Accepted).await;
        assert_eq!((run.unchanged, run.unresolved, run.left), (1, 1, 0), "{run:?}");
        assert_eq!(world.state("E-1"), Some(AccountState::Active), "they are in the file");
        world.stop_mappers().await;
    }
}
