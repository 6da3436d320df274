//! Tests of groups, their members, and people who are in scope because of them.

use lifecycle::{AccountState, DesiredState, EventKind, Lane};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};

use crate::world::{EVERYBODY, World, event, group, joined, members};

const MEMBERS_OF_G1: &str = r#"
target: crm
users:
  scope: { any: [ { all: [ { memberOf: "G-1" } ] } ] }
  mappings: [ { target: userName, source: userPrincipalName } ]
"#;

fn present(world: &World) -> Vec<String> {
    world.access().1.into_iter().map(|(_, member)| member).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn members_known_before_their_group_are_told_when_it_comes_into_scope() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[members(EventKind::GroupMemberAdded, "G-1", 1, &["E-1", "E-2"])]).await;
        world.settle().await;
        world.send(&[group("G-1", 2, "Choir")]).await;
        world.settle().await;
        assert!(world.commands.is_empty(), "out of scope");
        world.send(&[group("G-1", 3, "SEC-choir")]).await;
        world.settle().await;
        assert_eq!(present(&world), ["E-1", "E-2"]);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_a_target_missed_is_told_when_the_group_comes_back() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world
        .send(&[group("G-1", 1, "SEC-a"), members(EventKind::GroupMemberAdded, "G-1", 2, &["E-1", "E-2"])])
        .await;
    world.settle().await;
    world.send(&[group("G-1", 3, "Choir")]).await;
    world.settle().await;
    let Some(DesiredState::Group(gone)) = world.commands.last().map(|command| command.desired.clone()) else {
        panic!("a group")
    };
    assert!(!gone.exists);
    world.send(&[members(EventKind::GroupMemberRemoved, "G-1", 4, &["E-1"])]).await;
    world.settle().await;
    world.send(&[group("G-1", 5, "SEC-b")]).await;
    world.settle().await;
    assert_eq!(present(&world), ["E-2"]);
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_members_removes_everybody_else_but_not_who_came_later() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world
            .send(&[
                group("G-1", 1, "SEC-a"),
                members(EventKind::GroupMemberAdded, "G-1", 2, &["E-1", "E-2"]),
            ])
            .await;
        world.settle().await;
        world.send(&[members(EventKind::GroupMemberAdded, "G-1", 9, &["E-9"])]).await;
        world.settle().await;
        world.send(&[members(EventKind::GroupUpserted, "G-1", 5, &["E-2", "E-3"])]).await;
        world.settle().await;
        assert_eq!(present(&world), ["E-2", "E-3", "E-9"]);
        let removal = world.commands.iter().rfind(|command| command.lane == Lane::Leaver);
        let Some(DesiredState::Membership { edges }) = removal.map(|command| &command.desired) else {
            panic!("edges")
        };
        assert!(edges.iter().all(|edge| !edge.present));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_membership_gives_and_takes_an_account_in_either_order_of_arrival() {
    for database in test_databases() {
        let mut world = World::running(database, MEMBERS_OF_G1).await;
        world.send(&[members(EventKind::GroupMemberAdded, "G-1", 1, &["E-1"])]).await;
        world.settle().await;
        world.send(&[joined("E-1", 2, "Sales"), joined("E-2", 2, "Sales")]).await;
        world.settle().await;
        assert_eq!((world.state("E-1"), world.state("E-2")), (Some(AccountState::Active), None));
        world.send(&[members(EventKind::GroupMemberAdded, "G-1", 3, &["E-2"])]).await;
        world.settle().await;
        world.send(&[members(EventKind::GroupMemberRemoved, "G-1", 4, &["E-1"])]).await;
        world.settle().await;
        assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
        assert_eq!(world.state("E-2"), Some(AccountState::Active));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_in_scope_only_by_a_group_loses_the_account_when_the_group_is_deleted() {
    let mut world = World::running(sqlite_database(), MEMBERS_OF_G1).await;
    world
        .send(&[
            group("G-1", 1, "a"),
            members(EventKind::GroupMemberAdded, "G-1", 2, &["E-1"]),
            joined("E-1", 3, "HR"),
        ])
        .await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Active));
    world.send(&[event(EventKind::GroupDeleted, "G-1", 4, json!({}))]).await;
    world.until("the account is disabled", async |w| w.state("E-1") == Some(AccountState::Disabled)).await;
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_membership_can_begin_in_the_future() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    let mut added = members(EventKind::GroupMemberAdded, "G-1", 2, &["E-1"]);
    added.effective_at = time::OffsetDateTime::now_utc() + time::Duration::seconds(2);
    world.send(&[group("G-1", 1, "SEC-a"), added.clone()]).await;
    world.settle().await;
    assert!(present(&world).is_empty());
    world.until("the membership begins", async |w| present(w) == ["E-1"]).await;
    assert!(time::OffsetDateTime::now_utc() >= added.effective_at);
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_is_removed_travels_with_the_departures_unless_many_are_removed_at_once() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    let many: Vec<String> = (0..150).map(|n| format!("M-{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let events = [
        group("G-1", 1, "SEC-a"),
        members(EventKind::GroupMemberAdded, "G-1", 2, &["E-1"]),
        members(EventKind::GroupMemberAdded, "G-1", 3, &many),
    ];
    world.send(&events[..2]).await;
    world.send(&events[2..]).await;
    world.settle().await;
    world.send(&[members(EventKind::GroupMemberRemoved, "G-1", 4, &["E-1"])]).await;
    world.settle().await;
    assert_eq!(world.commands.last().unwrap().lane, Lane::Leaver);
    world.send(&[members(EventKind::GroupMemberRemoved, "G-1", 5, &many)]).await;
    world.settle().await;
    assert_eq!(world.commands.last().unwrap().lane, Lane::Mover, "people do not wait behind them");
    assert!(present(&world).is_empty());
    world.stop_mappers().await;
}
