//! Tests of rows of full feeds that state a departure: they wait until their run is judged, as docs/sources/csv.md says.

use feeds::{FeedGuard, FeedSeen, FileCompletion, KeySet};
use lifecycle::{
    AccountState, Actor, DecideFeedRequest, Event, EventKind, FeedRun, FeedRunState, FeedRunStatus,
    FeedsRequest, LeaversRequest, WaitingFor, verbs,
};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};

use crate::leavers::listed;
use crate::operators::ask;
use crate::repeated::{becomes, here, named, row, run_of, running, until_it_answers};
use crate::world::{World, event, joined};

/// A row of a person who is inactive.
fn gone(person: &str, run: &FeedRun, said: i64) -> Event {
    row(event(EventKind::WorkerLeft, person, said, json!({})), run)
}

/// Returns the end of a file with these rows, and the default guard.
fn end_of(run: &FeedRun, said: i64, rows: &[Event]) -> Event {
    let mut people = KeySet::default();
    rows.iter().for_each(|row| people.add(&row.subject));
    let seen = FeedSeen {
        rows: people.count,
        bad_rows: 0,
        keys_distinct: people.count,
        complete: true,
        trailer_count: None,
        checksum_ok: None,
    };
    let mut end = event(EventKind::FeedCompleted, &run.feed, said, json!({}));
    end.attributes =
        FileCompletion { seen, people, guard: FeedGuard::default(), replaces: Vec::new() }.to_attributes();
    Event { dated: None, ..row(end, run) }
}

/// Returns a file: people who are active, and people who are not.
pub(crate) fn file(run: &FeedRun, said: i64, active: &[&str], inactive: &[&str]) -> Vec<Event> {
    let active = active.iter().map(|person| here(person, run, said));
    let mut rows: Vec<Event> = active.chain(inactive.iter().map(|person| gone(person, run, said))).collect();
    rows.push(end_of(run, said, &rows));
    rows
}

/// Sends a file whose departures will be dropped, so they are never merged.
async fn send_dismissed(world: &World, events: &[Event]) {
    world.send_raw(events.iter().map(|event| World::duplicate(event, 0)).collect()).await;
}

pub(crate) async fn show(world: &World, run: &FeedRun) -> FeedRunStatus {
    let request = FeedsRequest { run: Some(run.run.clone()), limit: 1, ..FeedsRequest::default() };
    ask::<verbs::FeedsVerb>(world, request).await.unwrap().items.remove(0)
}

pub(crate) async fn decide(world: &World, run: &FeedRun, accept: bool) -> FeedRunStatus {
    let actor = Actor { who: "alice".to_owned(), why: "looked at it".to_owned() };
    let people = Some(show(world, run).await.people_leaving());
    ask::<verbs::DecideFeedVerb>(world, DecideFeedRequest { run: run.run.clone(), accept, people, actor })
        .await
        .unwrap()
}

/// The people who are undecided because of a feed.
async fn waiting(world: &World) -> Vec<String> {
    let reply = listed(world, LeaversRequest::default()).await;
    let of_feeds = reply.undecided.iter().filter(|one| one.waiting.reason == WaitingFor::Feed);
    let mut people: Vec<String> = of_feeds.flat_map(|one| one.people.clone()).collect();
    people.sort();
    people
}

pub(crate) async fn become_state(world: &mut World, people: &[&str], state: AccountState) {
    world
        .until(&format!("{people:?} are {state:?}"), async |world| {
            people.iter().all(|person| world.state(person) == Some(state))
        })
        .await;
    world.settle().await;
}

pub(crate) fn are_active(world: &World, people: &[&str]) {
    for person in people {
        assert_eq!(world.state(person), Some(AccountState::Active), "{person}");
    }
}

pub(crate) const ALL: [&str; 5] = ["E-1", "E-2", "E-3", "E-4", "E-5"];

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_which_most_people_turn_inactive_is_held_and_switches_no_one_off_until_it_is_accepted() {
    for database in test_databases() {
        let mut world = running(database).await;
        let (one, two, three) = (run_of("hr", "one", 10), run_of("hr", "two", 20), run_of("hr", "three", 30));
        world.send(&file(&one, 10, &ALL, &[])).await;
        becomes(&mut world, &one, FeedRunState::Accepted).await;
        become_state(&mut world, &ALL, AccountState::Active).await;
        world.send(&file(&two, 20, &ALL[..1], &ALL[1..])).await;
        becomes(&mut world, &two, FeedRunState::Held).await;
        world.settle().await;
        let held = show(&world, &two).await;
        assert_eq!((held.missing, held.leaving, held.left), (0, 4, 0), "{held:?}");
        assert_eq!(held.leaving_keys, ALL[1..]);
        assert!(held.reasons[0].starts_with("4 people turn inactive in the file"), "{held:?}");
        assert_eq!(waiting(&world).await, ALL[1..], "listed with the leavers");
        are_active(&world, &ALL);
        // The mapper's state is in its tables.
        world.stop_mappers().await;
        world.start_mapper().await;
        until_it_answers(&mut world).await;
        assert_eq!(decide(&world, &two, true).await.state, FeedRunState::Accepted);
        become_state(&mut world, &ALL[1..], AccountState::Disabled).await;
        are_active(&world, &ALL[..1]);
        let accepted = show(&world, &two).await;
        assert_eq!((accepted.leaving, accepted.left), (0, 4), "{accepted:?}");
        assert_eq!(waiting(&world).await, Vec::<String>::new());
        // Those who left by their rows are not missing in the next file.
        world.send(&file(&three, 30, &ALL[..1], &[])).await;
        let held = becomes(&mut world, &three, FeedRunState::Held).await;
        assert!(held.reasons[0].contains("4 fewer") && held.missing == 0, "{held:?}");
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejecting_a_held_run_drops_its_departures_and_the_same_file_is_held_again() {
    for database in test_databases() {
        let mut world = running(database).await;
        let runs = [("one", 10), ("two", 20), ("three", 30), ("four", 40)];
        let [one, two, three, four] = runs.map(|(name, said)| run_of("hr", name, said));
        world.send(&file(&one, 10, &ALL, &[])).await;
        becomes(&mut world, &one, FeedRunState::Accepted).await;
        send_dismissed(&world, &file(&two, 20, &ALL[..1], &ALL[1..])).await;
        becomes(&mut world, &two, FeedRunState::Held).await;
        decide(&world, &two, false).await;
        world.until("its departures are dropped", async |w| show(w, &two).await.leaving == 0).await;
        let again = file(&two, 20, &ALL[..1], &ALL[1..]);
        world.send_raw(again.iter().map(|event| World::duplicate(event, 1)).collect()).await;
        world.settle().await;
        are_active(&world, &ALL);
        send_dismissed(&world, &file(&three, 30, &ALL[..1], &ALL[1..])).await;
        assert_eq!(becomes(&mut world, &three, FeedRunState::Held).await.leaving, 4);
        // The right file takes its place.
        world.send(&file(&four, 40, &ALL[..4], &ALL[4..])).await;
        becomes(&mut world, &four, FeedRunState::Accepted).await;
        become_state(&mut world, &ALL[4..], AccountState::Disabled).await;
        are_active(&world, &ALL[..4]);
        assert_eq!(show(&world, &three).await.state, FeedRunState::Superseded);
        world.until("nothing waits", async |w| waiting(w).await.is_empty()).await;
        assert_eq!(show(&world, &four).await.left, 1);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_leaver_is_off_when_the_run_is_judged_and_not_before_however_often_the_file_comes() {
    for database in test_databases() {
        let mut world = running(database).await;
        let (one, two) = (run_of("hr", "one", 10), run_of("hr", "two", 20));
        world.send(&file(&one, 10, &ALL, &[])).await;
        becomes(&mut world, &one, FeedRunState::Accepted).await;
        become_state(&mut world, &ALL, AccountState::Active).await;
        let two_file = file(&two, 20, &ALL[..4], &ALL[4..]);
        let (end, rows) = two_file.split_last().unwrap();
        world.send(rows).await;
        world.settle().await;
        assert_eq!(show(&world, &two).await.leaving, 1);
        assert_eq!(waiting(&world).await, ["E-5"], "an open run lists its departures");
        are_active(&world, &ALL);
        // A restart, and the messages once more under other ids of the broker.
        world.stop_mappers().await;
        world.send_raw(rows.iter().map(|event| World::duplicate(event, 1)).collect()).await;
        world.start_mapper().await;
        world.settle().await;
        assert_eq!(show(&world, &two).await.leaving, 1, "once");
        are_active(&world, &ALL);
        world.send(std::slice::from_ref(end)).await;
        becomes(&mut world, &two, FeedRunState::Accepted).await;
        become_state(&mut world, &ALL[4..], AccountState::Disabled).await;
        let commands = world.commands.len();
        world.send_raw(two_file.iter().map(|event| World::duplicate(event, 2)).collect()).await;
        world.settle().await;
        assert_eq!((show(&world, &two).await.left, world.commands.len()), (1, commands), "idempotent");
        are_active(&world, &ALL[..4]);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_of_a_run_that_never_ends_is_not_lost_when_the_next_file_leaves_the_person_out() {
    for database in test_databases() {
        let mut world = running(database).await;
        let runs = [("one", 10), ("cut", 20), ("three", 30)];
        let [one, cut, three] = runs.map(|(name, said)| run_of("hr", name, said));
        world.send(&file(&one, 10, &ALL, &[])).await;
        becomes(&mut world, &one, FeedRunState::Accepted).await;
        send_dismissed(&world, &[gone("E-5", &cut, 20)]).await;
        world.settle().await;
        assert_eq!(waiting(&world).await, ["E-5"]);
        let ended = run_of("hr", "ended", 25);
        // Two runs at the same time, the older of which ends first.
        let (older, newer) = (
            file(&ended, 25, &ALL[..4], &["E-5"]),
            file(&three, 30, &["E-1", "E-2", "E-3", "E-4", "E-6"], &[]),
        );
        world.send(&newer[..2]).await;
        send_dismissed(&world, &older).await;
        world.send(&newer[2..]).await;
        become_state(&mut world, &ALL[4..], AccountState::Disabled).await;
        becomes(&mut world, &three, FeedRunState::Accepted).await;
        for run in [&cut, &ended] {
            assert_eq!(show(&world, run).await.state, FeedRunState::Superseded);
        }
        world.until("nothing waits", async |w| waiting(w).await.is_empty()).await;
        are_active(&world, &ALL[..4]);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_left_long_ago_or_whom_another_list_has_do_not_count_and_a_delta_does_not_wait() {
    for database in test_databases() {
        let mut world = running(database).await;
        let (one, two) = (run_of("hr", "one", 10), run_of("hr", "two", 20));
        let former = ["F-1", "F-2", "F-3", "F-4", "F-5", "F-6"];
        world.send(&[joined("E-4", 1, "D"), joined("E-5", 1, "D")]).await;
        world.send(&file(&one, 10, &ALL[..3], &former)).await;
        becomes(&mut world, &one, FeedRunState::Accepted).await;
        // Another list has E-1 to E-3, and is newer.
        let branch = run_of("branch", "one", 25);
        world.send(&file(&branch, 25, &ALL[..3], &[])).await;
        becomes(&mut world, &branch, FeedRunState::Accepted).await;
        let inactive: Vec<&str> = former.iter().chain(&ALL[..3]).copied().collect();
        world.send(&file(&two, 20, &[], &inactive)).await;
        let run = becomes(&mut world, &two, FeedRunState::Accepted).await;
        assert_eq!((run.leaving, run.left), (0, 0), "{run:?}");
        are_active(&world, &ALL);
        // Events, and rows of a file of changes, belong to no run.
        let left = ["E-4", "E-5"].map(|person| event(EventKind::WorkerLeft, person, 30, json!({})));
        world.send(&left).await;
        become_state(&mut world, &ALL[3..], AccountState::Disabled).await;
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_row_of_an_inactive_person_waits_as_the_row_itself_does() {
    for database in test_databases() {
        let mut world = running(database).await;
        let runs = [("one", 10), ("two", 20), ("three", 30)];
        let [one, two, three] = runs.map(|(name, said)| run_of("hr", name, said));
        world.send(&file(&one, 10, &ALL, &[])).await;
        becomes(&mut world, &one, FeedRunState::Accepted).await;
        send_dismissed(&world, &file(&two, 20, &ALL[..1], &ALL[1..])).await;
        becomes(&mut world, &two, FeedRunState::Held).await;
        decide(&world, &two, false).await;
        let rows = file(&three, 30, &ALL[..1], &ALL[1..]);
        let (end, rows) = rows.split_last().unwrap();
        world.send(&[named(rows), end.clone()]).await;
        let held = becomes(&mut world, &three, FeedRunState::Held).await;
        assert_eq!((held.unchanged, held.leaving), (5, 4), "{held:?}");
        world.settle().await;
        are_active(&world, &ALL);
        decide(&world, &three, true).await;
        become_state(&mut world, &ALL[1..], AccountState::Disabled).await;
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_for_a_decision_is_kept_however_old_it_is() {
    let mut world = running(sqlite_database()).await;
    let runs = [("one", 10), ("two", 20), ("three", 30)];
    let [one, two, three] = runs.map(|(name, said)| run_of("hr", name, said));
    world.send(&file(&one, 10, &ALL, &[])).await;
    becomes(&mut world, &one, FeedRunState::Accepted).await;
    send_dismissed(&world, &file(&two, 20, &ALL[..1], &ALL[1..])).await;
    becomes(&mut world, &two, FeedRunState::Held).await;
    decide(&world, &two, false).await;
    world.send(&file(&three, 30, &ALL[..1], &ALL[1..])).await;
    becomes(&mut world, &three, FeedRunState::Held).await;
    world.settle().await;
    world.stop_mappers().await;
    // Older than the retention of runs: 400 days.
    let age = 500_i64 * 86_400 * 1_000_000;
    world.execute(&format!("UPDATE mapper_feeds SET run_at = run_at - {age}")).await;
    world.execute(&format!("UPDATE mapper_feed_people SET run_at = run_at - {age}")).await;
    world.start_mapper().await;
    until_it_answers(&mut world).await;
    let states = async |world: &World| {
        let request = FeedsRequest { limit: 10, ..FeedsRequest::default() };
        let found = ask::<verbs::FeedsVerb>(world, request).await.unwrap().items;
        found.into_iter().map(|run| (run.run, run.state)).collect::<Vec<_>>()
    };
    let wanted = [(three.run.clone(), FeedRunState::Held), (one.run, FeedRunState::Accepted)];
    world.until("the rejected run is forgotten", async |world| states(world).await == wanted).await;
    decide(&world, &FeedRun { run: three.run.clone(), ..three }, true).await;
    become_state(&mut world, &ALL[1..], AccountState::Disabled).await;
    world.stop_mappers().await;
}
