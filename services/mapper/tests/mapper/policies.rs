//! Tests that policies are read at start, and again when they change.

use lifecycle::{AccountState, Lane};
use store::testing::{sqlite_database, test_databases};

use crate::world::{EVERYBODY, World, joined};

const PEOPLE: usize = 450;
const SALES_ONLY: &str = "  scope: { any: [ { all: [ { attribute: department, operator: EQUALS, value: Sales } ] } ] }\n  mappings:\n    - { target: userName";

fn everybody_else_out() -> String {
    EVERYBODY.replacen("  mappings:\n    - { target: userName", SALES_ONLY, 1)
}

fn people() -> Vec<lifecycle::Event> {
    let department = |n| if n % 3 == 0 { "HR" } else { "Sales" };
    (0..PEOPLE).map(|n| joined(&format!("E-{n:03}"), 1, department(n))).collect()
}

fn active(world: &World) -> usize {
    world.access().0.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_policy_stops_the_start_and_says_where() {
    let world = World::new(sqlite_database(), "target: crm\nusers: { mapings: [] }\n").await;
    let error = world.try_build().await.err().expect("it does not start");
    let source = std::error::Error::source(&error).expect("it says why").to_string();
    assert!(source.contains("crm.yaml:2:10: ") && source.contains("mapings"), "{source}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_policy_events_are_merged_and_decided_when_one_comes() {
    let mut world = World::running(sqlite_database(), "").await;
    world.send(&people()).await;
    world.settle().await;
    assert!(world.commands.is_empty());
    world.write_policy(EVERYBODY);
    world.until("everybody has an account", async |w| active(w) == PEOPLE).await;
    assert!(world.commands.iter().all(|command| command.lane == Lane::Backfill && command.event.is_none()));
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_policy_reaches_everybody_even_when_a_restart_comes_in_between() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&people()).await;
        world.settle().await;
        assert_eq!(active(&world), PEOPLE);
        let before = world.commands.len();
        world.write_policy(&everybody_else_out());
        let begun = "SELECT count(*) AS n FROM mapper_desired WHERE state = 'disabled'";
        world.until("the evaluation begins", async |w| w.count(begun).await > 0).await;
        world.stop_mappers().await;
        world.start_mapper().await;
        world.until("everybody is evaluated", async |w| active(w) == PEOPLE - PEOPLE / 3).await;
        let news = &world.commands[before..];
        assert_eq!(news.len(), PEOPLE / 3, "one command for each who fell out, none for the others");
        assert!(news.iter().all(|command| command.lane == Lane::Backfill));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_becomes_wrong_or_vanishes_changes_nothing() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world.send(&[joined("E-1", 1, "HR")]).await;
    world.settle().await;
    world.write_policy("target: crm\nusers: nonsense\n");
    world.send(&[joined("E-2", 2, "HR")]).await;
    world.settle().await;
    assert_eq!(world.state("E-2"), Some(AccountState::Active), "the one before stays in force");
    world.write_policy(&everybody_else_out());
    world.until("the next one is in force", async |w| w.state("E-1") == Some(AccountState::Disabled)).await;
    assert_eq!(world.state("E-2"), Some(AccountState::Disabled));
    world.stop_mappers().await;
}
