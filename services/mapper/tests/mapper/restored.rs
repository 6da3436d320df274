//! Tests of a mapper whose database is restored from an older backup.

use std::collections::BTreeSet;

use lifecycle::{AccountState, Event, EventKind, ResourceKind};
use serde_json::json;
use store::testing::test_databases;

use crate::world::{EVERYBODY, World, event, group, joined, members};

const PEOPLE: usize = 60;
const LEAVERS: usize = 20;

fn key(n: usize) -> String {
    format!("E-{n:03}")
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_after_an_older_database_was_restored_is_off() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let everybody: Vec<Event> = (0..PEOPLE).map(|n| joined(&key(n), 1, "HR")).collect();
        world.send(&everybody).await;
        world.settle().await;
        world.stop_mappers().await;
        world.back_up().await;
        world.start_mapper().await;
        for change in 0..4 {
            let changes: Vec<Event> = (0..LEAVERS)
                .map(|n| {
                    let department = json!({ "department": format!("D-{change}") });
                    event(EventKind::WorkerChanged, &key(n), 10 + change, department)
                })
                .collect();
            world.send(&changes).await;
            world.settle().await;
        }
        world.stop_mappers().await;
        world.restore().await;
        let before = world.commands.len();
        world.start_mapper().await;
        let left: Vec<Event> =
            (0..LEAVERS).map(|n| event(EventKind::WorkerLeft, &key(n), 100, json!({}))).collect();
        world.send(&left).await;
        // The writer keeps the command with the greatest revision, and `state` reads them in the same way.
        world
            .until("all leavers are off", async |world| {
                (0..LEAVERS).all(|n| world.state(&key(n)) == Some(AccountState::Disabled))
            })
            .await;
        let named = |command: &lifecycle::Command| (command.subject.clone(), command.revision);
        let earlier: BTreeSet<(String, i64)> = world.commands[..before].iter().map(named).collect();
        let later: BTreeSet<(String, i64)> = world.commands[before..].iter().map(named).collect();
        assert!(
            earlier.is_disjoint(&later),
            "a fact of a decision is named by its revision, once and for all"
        );
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_membership_that_ends_after_an_older_database_was_restored_ends() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[group("G-1", 1, "SEC-a"), joined("E-1", 1, "HR")]).await;
        world.send(&[members(EventKind::GroupMemberAdded, "G-1", 2, &["E-1"])]).await;
        world.settle().await;
        world.stop_mappers().await;
        world.back_up().await;
        world.start_mapper().await;
        for said in 3..7 {
            let kind =
                if said % 2 == 1 { EventKind::GroupMemberRemoved } else { EventKind::GroupMemberAdded };
            world.send(&[members(kind, "G-1", said, &["E-1"])]).await;
            world.settle().await;
        }
        world.stop_mappers().await;
        world.restore().await;
        world.start_mapper().await;
        world.send(&[members(EventKind::GroupMemberRemoved, "G-1", 100, &["E-1"])]).await;
        let edge = ("crm".to_owned(), "G-1".to_owned(), "E-1".to_owned());
        world
            .until("it has ended", async |world| {
                world.last_edges().get(&edge).is_some_and(|(_, present)| !present)
            })
            .await;
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_years_ahead_stops_no_later_decision() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-1", 1, "HR")]).await;
        world.settle().await;
        world.execute("UPDATE mapper_desired SET revision = 4070908800000000").await;
        world.send(&[event(EventKind::WorkerLeft, "E-1", 2, json!({}))]).await;
        world.settle().await;
        let key = ("crm".to_owned(), ResourceKind::User, "E-1".to_owned());
        assert_eq!(world.last_resources()[&key].0, 4_070_908_800_000_001);
        assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
        world.stop_mappers().await;
    }
}
