//! Tests of full feeds: a person who is missing in an accepted file leaves, whatever the order and number of deliveries.

use feeds::{FeedGuard, FeedSeen, FileCompletion, KeySet};
use lifecycle::{
    AccountState, Actor, DecideFeedRequest, Event, EventId, EventKind, FeedRun, FeedRunId, FeedRunState,
    FeedRunStatus, FeedsRequest, MapperStatus, verbs,
};
use serde_json::json;
use store::testing::{TestDatabase, sqlite_database, test_databases};

use crate::operators::{ASK, ask, not_decided};
use crate::world::{EVERYBODY, World, event, joined};

/// A world with a mapper that answers already.
async fn running(database: TestDatabase) -> World {
    let mut world = World::running(database, EVERYBODY).await;
    let answers = async |world: &mut World| {
        let asked = world.bus.ask::<verbs::MapperStatusVerb>(&(), ASK).await;
        asked.is_ok()
    };
    world.until("the mapper answers", answers).await;
    world
}

fn run_of(name: &str, said: i64) -> FeedRun {
    let begun_at = event(EventKind::WorkerChanged, "x", said, json!({})).time;
    FeedRun { feed: "hr".to_owned(), run: FeedRunId::of("feeds/hr", name), begun_at, absent: false }
}

fn from_feed(mut event: Event, run: &FeedRun, n: &str) -> Event {
    event.source = "feeds/hr".to_owned();
    event.source_event_id = format!("{}:{n}", run.run);
    event.id = EventId::of(&event.source, &event.source_event_id);
    event.feed = Some(run.clone());
    event
}

/// Returns rows about these people, and the end of the file.
fn file(name: &str, said: i64, people: &[&str]) -> (Vec<Event>, Event) {
    let run = run_of(name, said);
    let rows = people.iter().map(|person| {
        let record =
            json!({ "userPrincipalName": format!("{person}@x.org"), "department": "D", "active": true });
        from_feed(event(EventKind::WorkerSnapshot, person, said, record), &run, person)
    });
    let mut keys = KeySet::default();
    people.iter().for_each(|person| keys.add(person));
    (rows.collect(), end(&run, said, people.len() as u64, keys, true))
}

fn end(run: &FeedRun, said: i64, rows: u64, people: KeySet, complete: bool) -> Event {
    let seen = FeedSeen {
        rows,
        bad_rows: 0,
        keys_distinct: people.count,
        complete,
        trailer_count: None,
        checksum_ok: None,
    };
    let guard = FeedGuard { shrink_percent_max: 40, ..FeedGuard::default() };
    let mut event = event(EventKind::FeedCompleted, "hr", said, json!({}));
    event.attributes = FileCompletion { seen, people, guard, replaces: Vec::new() }.to_attributes();
    from_feed(event, run, "end")
}

async fn send(world: &World, (mut rows, end): (Vec<Event>, Event)) {
    rows.push(end);
    world.send(&rows).await;
}

async fn runs(world: &World) -> Vec<FeedRunStatus> {
    let request = FeedsRequest { limit: 100, ..FeedsRequest::default() };
    ask::<verbs::FeedsVerb>(world, request).await.unwrap().items
}

/// Reads the runs one by one.
async fn run_pages(world: &World) -> Vec<FeedRunStatus> {
    let mut request = FeedsRequest { limit: 1, ..FeedsRequest::default() };
    let mut found = Vec::new();
    loop {
        let page = ask::<verbs::FeedsVerb>(world, request.clone()).await.unwrap();
        found.extend(page.items);
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            return found;
        }
    }
}

async fn show(world: &World, name: &str) -> FeedRunStatus {
    let run = Some(FeedRunId::of("feeds/hr", name));
    let request = FeedsRequest { run, limit: 1, ..FeedsRequest::default() };
    ask::<verbs::FeedsVerb>(world, request).await.unwrap().items.remove(0)
}

async fn becomes(world: &mut World, name: &str, state: FeedRunState) {
    let run = FeedRunId::of("feeds/hr", name);
    world
        .until(&format!("{name} is {}", state.as_str()), async |world| {
            runs(world).await.iter().any(|known| known.run == run && known.state == state)
        })
        .await;
}

async fn has_state(world: &mut World, person: &str, state: AccountState) {
    world.until(&format!("{person} is {state:?}"), async |world| world.state(person) == Some(state)).await;
    world.settle().await;
}

async fn decide(world: &World, name: &str, accept: bool) -> Result<FeedRunStatus, String> {
    let run = FeedRunId::of("feeds/hr", name);
    let question = FeedsRequest { run: Some(run.clone()), limit: 1, ..FeedsRequest::default() };
    let shown = ask::<verbs::FeedsVerb>(world, question).await?;
    let people = shown.items.first().map(FeedRunStatus::people_leaving);
    decide_as_shown(world, name, accept, people).await
}

async fn decide_as_shown(
    world: &World,
    name: &str,
    accept: bool,
    people: Option<u64>,
) -> Result<FeedRunStatus, String> {
    let actor = Actor { who: "alice".to_owned(), why: "looked at it".to_owned() };
    let run = FeedRunId::of("feeds/hr", name);
    ask::<verbs::DecideFeedVerb>(world, DecideFeedRequest { run, accept, people, actor }).await
}

#[tokio::test]
async fn whoever_was_listed_before_and_is_not_any_more_has_left_and_is_back_when_listed_again() {
    for database in test_databases() {
        let mut world = running(database).await;
        world.send(&[joined("O-1", 0, "D")]).await;
        send(&world, file("one", 10, &["E-1", "E-2", "E-3"])).await;
        becomes(&mut world, "one", FeedRunState::Accepted).await;
        send(&world, file("two", 20, &["E-1", "E-3"])).await;
        has_state(&mut world, "E-2", AccountState::Disabled).await;
        for (person, state) in [("E-1", AccountState::Active), ("O-1", AccountState::Active)] {
            assert_eq!(world.state(person), Some(state), "{person}");
        }
        assert_eq!(show(&world, "two").await.left, 1);
        send(&world, file("three", 30, &["E-1", "E-2", "E-3"])).await;
        has_state(&mut world, "E-2", AccountState::Active).await;
        becomes(&mut world, "three", FeedRunState::Accepted).await;
        assert_eq!(show(&world, "three").await.left, 0);
        world.stop_mappers().await;
    }
}

#[tokio::test]
async fn a_feed_that_lost_too_many_is_held_until_a_human_believes_it() {
    for database in test_databases() {
        let mut world = running(database).await;
        send(&world, file("one", 10, &["E-1", "E-2", "E-3", "E-4"])).await;
        becomes(&mut world, "one", FeedRunState::Accepted).await;
        send(&world, file("two", 20, &["E-1", "E-2"])).await;
        becomes(&mut world, "two", FeedRunState::Held).await;
        let held = show(&world, "two").await;
        assert_eq!(
            (held.missing, held.missing_keys.as_slice()),
            (2, ["E-3".to_owned(), "E-4".to_owned()].as_slice())
        );
        assert!(held.reasons[0].contains("2 fewer"), "{held:?}");
        assert_eq!(not_decided(&world).await.held_feeds, 1, "said with the leavers");
        let status: MapperStatus = ask::<verbs::MapperStatusVerb>(&world, ()).await.unwrap();
        assert_eq!(status.held_feeds, 1);
        assert_eq!(world.state("E-3"), Some(AccountState::Active), "nothing is done");
        for (people, why) in [(None, "look first"), (Some(7), "has changed since it was shown")] {
            let refused = decide_as_shown(&world, "two", true, people).await.unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
        let accepted = decide(&world, "two", true).await.unwrap();
        assert_eq!((accepted.state, accepted.who.as_deref()), (FeedRunState::Accepted, Some("alice")));
        has_state(&mut world, "E-3", AccountState::Disabled).await;
        has_state(&mut world, "E-4", AccountState::Disabled).await;
        assert!(decide(&world, "two", false).await.unwrap_err().contains("not held"));
        send(&world, file("three", 30, &["E-2"])).await;
        becomes(&mut world, "three", FeedRunState::Held).await;
        decide(&world, "three", false).await.unwrap();
        assert_eq!(world.state("E-1"), Some(AccountState::Active), "rejected: no person left");
        world.stop_mappers().await;
    }
}

#[tokio::test]
async fn an_empty_or_incomplete_file_is_held_and_cannot_be_believed_by_anybody() {
    let mut world = running(sqlite_database()).await;
    send(&world, file("one", 10, &["E-1", "E-2"])).await;
    becomes(&mut world, "one", FeedRunState::Accepted).await;
    send(&world, file("empty", 20, &[])).await;
    becomes(&mut world, "empty", FeedRunState::Held).await;
    assert!(decide(&world, "empty", true).await.unwrap_err().contains("empty"));
    let (rows, _) = file("cut", 30, &["E-1"]);
    let mut keys = KeySet::default();
    keys.add("E-1");
    send(&world, (rows, end(&run_of("cut", 30), 30, 1, keys, false))).await;
    becomes(&mut world, "cut", FeedRunState::Held).await;
    assert!(decide(&world, "cut", true).await.unwrap_err().contains("incomplete"));
    assert_eq!(show(&world, "empty").await.state, FeedRunState::Superseded, "the newer one is looked at");
    for person in ["E-1", "E-2"] {
        assert_eq!(world.state(person), Some(AccountState::Active), "{person}");
    }
    world.stop_mappers().await;
}

#[tokio::test]
async fn nothing_is_judged_before_everybody_of_the_run_is_merged_and_the_end_may_come_first() {
    for database in test_databases() {
        let mut world = running(database).await;
        send(&world, file("one", 10, &["E-1", "E-2", "E-3"])).await;
        becomes(&mut world, "one", FeedRunState::Accepted).await;
        let (rows, end) = file("two", 20, &["E-1", "E-3"]);
        world.send(&[end]).await;
        becomes(&mut world, "two", FeedRunState::Merging).await;
        world.send(&rows[..1]).await;
        // A person of another file with the same name: the count is equal, the people are not.
        let stranger = from_feed(rows[0].clone(), &run_of("two", 20), "other");
        world.send(&[Event { subject: "E-9".to_owned(), ..stranger }]).await;
        world.settle().await;
        assert_eq!(show(&world, "two").await.merged, 2);
        becomes(&mut world, "two", FeedRunState::Merging).await;
        send(&world, file("three", 30, &["E-1", "E-3"])).await;
        has_state(&mut world, "E-2", AccountState::Disabled).await;
        becomes(&mut world, "two", FeedRunState::Superseded).await;
        world.stop_mappers().await;
    }
}

#[tokio::test]
async fn an_older_run_that_completes_after_a_newer_one_counts_for_nothing() {
    for database in test_databases() {
        let mut world = running(database).await;
        send(&world, file("one", 10, &["E-1", "E-2", "E-3"])).await;
        becomes(&mut world, "one", FeedRunState::Accepted).await;
        let (rows, end) = file("late", 20, &["E-1", "E-2", "E-4"]);
        world.send(&rows[..1]).await;
        send(&world, file("newer", 30, &["E-1", "E-2", "E-3"])).await;
        becomes(&mut world, "newer", FeedRunState::Accepted).await;
        world.send(&rows[1..]).await;
        world.send(&[end]).await;
        // A person who is only in the older file is missing in the newer one.
        has_state(&mut world, "E-4", AccountState::Disabled).await;
        becomes(&mut world, "late", FeedRunState::Superseded).await;
        for person in ["E-1", "E-2", "E-3"] {
            assert_eq!(world.state(person), Some(AccountState::Active), "{person}");
        }
        world.stop_mappers().await;
    }
}

#[tokio::test]
async fn a_mapper_that_stops_in_the_middle_goes_on_where_it_was_and_two_do_nothing_twice() {
    for database in test_databases() {
        let mut world = running(database).await;
        let all: Vec<String> = (0..600).map(|n| format!("E-{n:03}")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        send(&world, file("one", 10, &all)).await;
        becomes(&mut world, "one", FeedRunState::Accepted).await;
        world.settle().await;
        world.stop_mappers().await;
        let (rows, end) = file("two", 20, &all[..400]);
        world.send(&rows).await;
        world.start_mapper().await;
        world.settle().await;
        world.stop_mappers().await;
        world.send(&[end]).await;
        world.start_mapper().await;
        world.start_mapper().await;
        world
            .until("everybody who is missing has left", async |world| {
                all[400..].iter().all(|person| world.state(person) == Some(AccountState::Disabled))
            })
            .await;
        world.settle().await;
        assert!(all[..400].iter().all(|person| world.state(person) == Some(AccountState::Active)));
        let two = show(&world, "two").await;
        assert_eq!((two.left, two.missing, two.state), (200, 0, FeedRunState::Accepted));
        let more = "SELECT count(*) AS n FROM mapper_desired WHERE version > 2";
        assert_eq!(world.count(more).await, 0, "told once");
        world.stop_mappers().await;
    }
}

#[tokio::test]
async fn who_left_by_the_file_itself_does_not_leave_again_when_the_file_forgets_them() {
    let mut world = running(sqlite_database()).await;
    let run = run_of("one", 10);
    let (mut rows, _) = file("one", 10, &["E-1", "E-3"]);
    rows.push(from_feed(event(EventKind::WorkerLeft, "E-2", 10, json!({})), &run, "E-2"));
    let mut keys = KeySet::default();
    ["E-1", "E-2", "E-3"].iter().for_each(|person| keys.add(person));
    send(&world, (rows, end(&run, 10, 3, keys, true))).await;
    becomes(&mut world, "one", FeedRunState::Accepted).await;
    send(&world, file("two", 20, &["E-1", "E-3"])).await;
    becomes(&mut world, "two", FeedRunState::Accepted).await;
    world.until("nobody is missing", async |world| show(world, "two").await.missing == 0).await;
    assert_eq!(show(&world, "two").await.left, 0);
    world.stop_mappers().await;
}

/// Returns the items in an order that depends on `seed`.
fn shuffled<T>(mut all: Vec<T>, mut seed: u64) -> Vec<T> {
    for at in (1..all.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        all.swap(at, usize::try_from(seed >> 33).unwrap() % (at + 1));
    }
    all
}

#[tokio::test]
async fn in_whatever_order_and_however_often_three_files_come_the_newest_decides() {
    for seed in 1..=4 {
        let mut world = running(sqlite_database()).await;
        let files = [
            file("one", 10, &["E-1", "E-2", "E-3", "E-4", "E-5"]),
            file("two", 20, &["E-1", "E-2", "E-3", "E-4", "E-6"]),
            file("three", 30, &["E-1", "E-2", "E-3", "E-5"]),
        ];
        let events: Vec<Event> =
            files.into_iter().flat_map(|(rows, end)| rows.into_iter().chain([end])).collect();
        let once = events.iter().map(|event| World::duplicate(event, 0));
        let messages = once.chain(events.iter().map(|event| World::duplicate(event, 1))).collect();
        for message in shuffled(messages, seed) {
            world.send_raw(vec![message]).await;
        }
        becomes(&mut world, "three", FeedRunState::Accepted).await;
        for person in ["E-4", "E-6"] {
            has_state(&mut world, person, AccountState::Disabled).await;
        }
        for person in ["E-1", "E-2", "E-3", "E-5"] {
            has_state(&mut world, person, AccountState::Active).await;
        }
        world.until("nobody is missing", async |world| show(world, "three").await.missing == 0).await;
        let all = runs(&world).await;
        assert_eq!(all.len(), 3);
        assert_eq!(run_pages(&world).await, all, "the same page by page");
        world.stop_mappers().await;
    }
}

#[tokio::test]
async fn the_tables_of_feeds_go_away_as_they_came() {
    use sea_orm_migration::MigratorTrait as _;
    for database in test_databases() {
        let store = store::Store::open::<mapper::MapperMigrator>(&database.url).await.unwrap();
        mapper::MapperMigrator::down(store.writer(), Some(1)).await.unwrap();
        mapper::MapperMigrator::up(store.writer(), None).await.unwrap();
    }
}

async fn undecided(world: &World) -> Vec<(String, FeedRunState)> {
    let status = world.bus.ask::<verbs::MapperStatusVerb>(&(), ASK).await.unwrap();
    status.undecided_feeds.into_iter().map(|one| (one.feed, one.state)).collect()
}

#[tokio::test]
async fn a_file_that_is_not_newer_says_so_and_is_in_status_until_one_is_accepted() {
    for database in test_databases() {
        let mut world = running(database).await;
        send(&world, file("one", 10, &["E-1", "E-2", "E-3"])).await;
        becomes(&mut world, "one", FeedRunState::Accepted).await;
        assert_eq!(undecided(&world).await, []);
        for (name, said) in [("as old", 10), ("older", 5)] {
            send(&world, file(name, said, &["E-1", "E-2"])).await;
            becomes(&mut world, name, FeedRunState::Superseded).await;
            let run = show(&world, name).await;
            assert!(
                run.reasons.len() == 1 && run.reasons[0].starts_with("it is older than"),
                "{name}: {run:?}"
            );
            assert_eq!(undecided(&world).await, [("hr".to_owned(), FeedRunState::Superseded)], "{name}");
        }
        assert_eq!(world.state("E-3"), Some(AccountState::Active));
        send(&world, file("two", 20, &["E-1", "E-2"])).await;
        becomes(&mut world, "two", FeedRunState::Accepted).await;
        assert_eq!(undecided(&world).await, []);
        world.stop_mappers().await;
    }
}

#[tokio::test]
async fn a_file_in_which_many_keys_are_written_otherwise_is_held_and_in_status() {
    for database in test_databases() {
        let mut world = running(database).await;
        send(&world, file("one", 10, &["01", "02", "03", "04", "05"])).await;
        becomes(&mut world, "one", FeedRunState::Accepted).await;
        send(&world, file("two", 20, &["1", "2", "3", "04", "05"])).await;
        becomes(&mut world, "two", FeedRunState::Held).await;
        let run = show(&world, "two").await;
        assert!(run.reasons[0].contains("3 keys are new"), "{run:?}");
        assert_eq!(world.state("01"), Some(AccountState::Active));
        assert_eq!(undecided(&world).await, [("hr".to_owned(), FeedRunState::Held)]);
        decide(&world, "two", true).await.unwrap();
        assert_eq!(undecided(&world).await, []);
        world.stop_mappers().await;
    }
}
