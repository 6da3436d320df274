//! Tests of departures that are entered late, observed in records, or hidden in a flood of other statements.

use lifecycle::{
    AccountState, DesiredState, Event, EventKind, FeedRun, FeedRunId, ResourceKind, StatementDating,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};
use store::testing::{sqlite_database, test_databases};
use time::Duration;

use crate::world::{EVERYBODY, World, event, group, joined, members};

/// Returns the event with an effective date so many days earlier.
fn days_back(mut event: Event, days: i64) -> Event {
    event.effective_at -= Duration::days(days);
    event
}

fn by(mut event: Event, sender: &str) -> Event {
    event.id = lifecycle::EventId::of(sender, &event.source_event_id);
    (event.sender, event.source) = (sender.to_owned(), sender.to_owned());
    event
}

fn left(person: &str, said: i64) -> Event {
    event(EventKind::WorkerLeft, person, said, json!({}))
}

fn seen(mut event: Event) -> Event {
    event.dated = Some(StatementDating::Observed);
    event
}

/// Returns the account's department in the last command.
fn department(world: &World, person: &str) -> Value {
    match &world.last_resources()[&("crm".to_owned(), ResourceKind::User, person.to_owned())].1 {
        DesiredState::User(account) => account.attributes.get("department").cloned().unwrap_or_default(),
        _ => Value::Null,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_that_is_entered_late_takes_access_away_at_once_whoever_says_it_and_in_whatever_order() {
    let events = [
        joined("E-1", 1, "HR"),
        joined("E-1", 2, "HR"),
        days_back(left("E-1", 10), 3),
        days_back(left("E-1", 11), 3),
        joined("E-2", 1, "HR"),
        by(days_back(left("E-2", 10), 330), "own"),
        days_back(joined("E-3", 1, "HR"), 1),
        days_back(left("E-3", 10), 9),
        joined("E-4", 1, "HR"),
        days_back(event(EventKind::WorkerDeleted, "E-4", 10, json!({})), 3),
        joined("E-5", 1, "HR"),
        days_back(left("E-5", 10), 3),
        days_back(event(EventKind::WorkerRehired, "E-5", 12, json!({})), 1),
    ];
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(1), ..Config::default() });
    for database in test_databases() {
        let name = database.name;
        let mut world = World::running(database, EVERYBODY).await;
        let order = Just(events.to_vec()).prop_shuffle().new_tree(&mut runner).unwrap().current();
        for batch in order.chunks(4) {
            world.send(batch).await;
            world.settle().await;
        }
        for person in ["E-1", "E-2", "E-3", "E-4"] {
            assert_ne!(world.state(person), Some(AccountState::Active), "{name} {person}");
        }
        assert_eq!(world.state("E-5"), Some(AccountState::Active), "{name}: the rehire names a later day");
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_dated_change_or_end_of_a_membership_is_not_lost() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world
        .send(&[
            days_back(joined("E-5", 1, "HR"), 900),
            event(EventKind::WorkerChanged, "E-5", 2, json!({ "department": "Analysts" })),
            group("G-1", 3, "SEC-finance"),
            members(EventKind::GroupMemberAdded, "G-1", 4, &["E-5"]),
        ])
        .await;
    world.settle().await;
    assert_eq!(world.access().1, [("G-1".to_owned(), "E-5".to_owned())]);
    let moved = event(EventKind::WorkerChanged, "E-5", 10, json!({ "department": "Managers" }));
    let removed = members(EventKind::GroupMemberRemoved, "G-1", 11, &["E-5"]);
    world.send(&[days_back(moved, 29), days_back(removed, 3)]).await;
    world.settle().await;
    assert_eq!(department(&world, "E-5"), json!("Managers"));
    assert_eq!(world.access().1, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_turned_inactive_takes_access_away_and_one_that_lags_gives_none_back() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    let record = |person: &str, said: i64, first_day: i64| {
        [days_back(joined(person, said, "HR"), first_day), seen(joined(person, said + 1, "HR"))]
    };
    for person in ["P-1", "P-2"] {
        world.send(&record(person, 1, 700)).await;
    }
    world.settle().await;
    assert_eq!(world.state("P-1"), Some(AccountState::Active));
    // The next reading says that P-1 is no longer employed, because the last day is over. HR says so of P-2.
    let inactive = [days_back(left("P-1", 20), 3), seen(left("P-1", 21))];
    world.send(&[inactive.to_vec(), vec![days_back(left("P-2", 22), 1)]].concat()).await;
    world.settle().await;
    assert_eq!(world.state("P-1"), Some(AccountState::Disabled));
    assert_eq!(world.state("P-2"), Some(AccountState::Disabled));
    // A list that was produced before the departure, and one that was produced after it and still has the person.
    let listed = |said: i64| {
        let mut row = seen(joined("P-2", said, "HR"));
        let run = FeedRunId::of("people", &said.to_string());
        row.feed = Some(FeedRun { feed: "people".to_owned(), run, begun_at: row.time, absent: false });
        row
    };
    for said in [15, 40] {
        world.send(&[listed(said)]).await;
        world.settle().await;
        assert_eq!(world.state("P-2"), Some(AccountState::Disabled), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_flood_of_another_source_stops_a_departure_or_keeps_a_joiner_out() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    let ahead = |person: &str, day: i64| {
        by(
            days_back(event(EventKind::WorkerJoined, person, 100 + day, json!({})), -20_000 - day),
            "contractors",
        )
    };
    let junk = |person: &str, said: i64, count: usize| {
        let junk: Value =
            (0..count).map(|n| (format!("junk{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
        by(event(EventKind::WorkerChanged, person, said, junk), "contractors")
    };
    let mut events = vec![by(event(EventKind::WorkerJoined, "E-1", 1, json!({})), "contractors")];
    let login = json!({ "userPrincipalName": "e-1@example.com", "department": "HR" });
    events.push(event(EventKind::WorkerChanged, "E-1", 2, login));
    events.extend((0..63).map(|day| ahead("E-1", day)));
    events.push(joined("E-2", 1, "HR"));
    events.extend((0..64).map(|day| ahead("E-2", day)));
    events.push(junk("E-3", 1, 700));
    events.extend([joined("E-4", 1, "HR"), junk("E-4", 2, 700)]);
    world.send(&events).await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Active));
    assert_eq!(world.state("E-2"), Some(AccountState::Active));
    world
        .send(&[
            left("E-1", 300),
            days_back(left("E-1", 301), 1),
            left("E-2", 300),
            event(EventKind::WorkerDeleted, "E-2", 301, json!({})),
            joined("E-3", 300, "HR"),
            event(EventKind::WorkerChanged, "E-4", 300, json!({ "department": "Finance" })),
        ])
        .await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
    assert_eq!(world.state("E-2"), Some(AccountState::Disabled));
    assert_eq!(world.state("E-3"), Some(AccountState::Active));
    assert_eq!(department(&world, "E-3"), json!("HR"));
    assert_eq!(department(&world, "E-4"), json!("Finance"));
}

#[tokio::test(flavor = "multi_thread")]
async fn days_of_grace_do_not_count_from_a_day_that_was_only_typed() {
    let with_grace =
        EVERYBODY.replacen("users:\n", "users:\n  leaver: { action: disable, deleteAfterDays: 30 }\n", 1);
    let mut world = World::running(sqlite_database(), &with_grace).await;
    world.send(&[days_back(joined("E-1", 1, "HR"), 900), days_back(joined("E-2", 1, "HR"), 90)]).await;
    world.settle().await;
    world.send(&[days_back(left("E-1", 10), 335), days_back(left("E-2", 10), 60)]).await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
    assert_eq!(world.state("E-2"), Some(AccountState::Disabled));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaver_who_cannot_be_built_is_disabled_all_the_same() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world.send(&[joined("E-1", 1, "HR")]).await;
    world.settle().await;
    world
        .send(&[
            event(EventKind::WorkerChanged, "E-1", 5, json!({ "userPrincipalName": null })),
            left("E-1", 6),
        ])
        .await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
    let resources = world.last_resources();
    let DesiredState::User(account) = &resources[&("crm".to_owned(), ResourceKind::User, "E-1".to_owned())].1
    else {
        panic!("a person has an account")
    };
    assert!(!account.clear.contains(&"userName".to_owned()), "a target would refuse the whole change");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_without_a_time_counts_after_what_was_received_before_it() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    // The clock was ahead when the arrivals were received, and is right again when the departures are.
    world.send(&[joined("E-1", 100, "HR"), joined("E-2", 100, "HR")]).await;
    world.settle().await;
    let received = Event { dated: Some(StatementDating::Received), ..left("E-1", 50) };
    world.send(&[received, left("E-2", 50)]).await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
    assert_eq!(
        world.state("E-2"),
        Some(AccountState::Active),
        "its sender says that it left before it joined"
    );
}
