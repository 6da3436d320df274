//! Tests of nested groups, and of groups by name: people who come into scope because of them, and who leave it.

use lifecycle::{AccountState, DesiredState, Event, EventKind, Lane};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};

use crate::world::{World, event, group, joined, members};

/// More people than the mapper decides about in one batch.
const CROWD: usize = 620;

fn scoped(clause: &str) -> String {
    format!(
        r#"
target: crm
users:
  scope: {{ any: [ {{ all: [ {clause} ] }} ] }}
  mappings: [ {{ target: userName, source: userPrincipalName }} ]
"#
    )
}

fn added(group: &str, said: i64, who: &[&str]) -> Event {
    members(EventKind::GroupMemberAdded, group, said, who)
}

fn removed(group: &str, said: i64, who: &[&str]) -> Event {
    members(EventKind::GroupMemberRemoved, group, said, who)
}

/// Returns those of `people` who have an account.
fn active(world: &World, people: &[&str]) -> Vec<String> {
    let is_active = |person: &&&str| world.state(person) == Some(AccountState::Active);
    people.iter().filter(is_active).map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_named_by_its_name_a_wildcard_or_its_key_directly_or_not() {
    let cases = [
        ("{ memberOf: \"Domain Users\" }", &["E-1", "E-2"][..]),
        ("{ memberOf: \"domain*\" }", &["E-1", "E-2"]),
        ("{ memberOf: \"G-1\" }", &["E-1", "E-2"]),
        ("{ memberOf: \"Domain Users\", nested: false }", &["E-1"]),
        ("{ memberOf: \"G-2\" }", &["E-2"]),
        ("{ not: { memberOf: \"Domain*\" } }", &["E-3"]),
    ];
    for (clause, expected) in cases {
        let mut world = World::running(sqlite_database(), &scoped(clause)).await;
        let people = ["E-1", "E-2", "E-3"];
        world.send(&people.map(|person| joined(person, 1, "Sales"))).await;
        world
            .send(&[
                group("G-1", 1, "Domain Users"),
                group("G-2", 1, "Nested"),
                added("G-1", 2, &["E-1", "G-2"]),
                added("G-2", 2, &["E-2"]),
            ])
            .await;
        world.settle().await;
        assert_eq!(active(&world, &people), expected, "{clause}");
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_any_group_on_the_way_takes_access_away_as_urgently_as_a_departure() {
    for database in test_databases() {
        let mut world = World::running(database, &scoped("{ memberOf: \"Top\" }")).await;
        world.send(&[joined("E-1", 1, "Sales"), joined("E-2", 1, "Sales"), joined("E-3", 1, "Sales")]).await;
        world
            .send(&[
                group("G-1", 1, "Top"),
                added("G-3", 2, &["E-1", "E-2"]),
                added("G-2", 2, &["G-3"]),
                added("G-1", 2, &["G-2", "E-3"]),
            ])
            .await;
        world.settle().await;
        let people = ["E-1", "E-2", "E-3"];
        assert_eq!(active(&world, &people), people);
        world.send(&[removed("G-3", 3, &["E-2"])]).await;
        world.settle().await;
        assert_eq!(active(&world, &people), ["E-1", "E-3"]);
        world.send(&[removed("G-2", 4, &["G-3"])]).await;
        world.settle().await;
        assert_eq!(active(&world, &people), ["E-3"]);
        let news = &world.commands[world.commands.len() - 2..];
        assert!(news.iter().all(|command| command.lane == Lane::Leaver), "{news:?}");
        world.send(&[added("G-2", 5, &["G-3"])]).await;
        world.settle().await;
        assert_eq!(active(&world, &people), ["E-1", "E-3"]);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_group_in_the_middle_cuts_everybody_below_off() {
    let mut world = World::running(sqlite_database(), &scoped("{ memberOf: \"G-1\" }")).await;
    world
        .send(&[
            joined("E-1", 1, "HR"),
            group("G-2", 1, "Middle"),
            added("G-1", 2, &["G-2"]),
            added("G-2", 2, &["G-3"]),
            added("G-3", 2, &["E-1"]),
        ])
        .await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Active));
    world.send(&[event(EventKind::GroupDeleted, "G-2", 3, json!({}))]).await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
    world.send(&[group("G-2", 4, "Middle again")]).await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Active));
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_turns_out_to_be_a_group_brings_its_people_along() {
    for database in test_databases() {
        let mut world = World::running(database, &scoped("{ memberOf: \"G-1\" }")).await;
        world.send(&[joined("E-1", 1, "HR"), added("G-1", 2, &["G-2"])]).await;
        world.settle().await;
        world.send(&[added("G-2", 3, &["E-1"])]).await;
        world.settle().await;
        assert_eq!(world.state("E-1"), Some(AccountState::Active));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_turns_out_to_be_a_persons_too_is_the_persons() {
    let mut world = World::running(sqlite_database(), &scoped("{ memberOf: \"G-1\" }")).await;
    world.send(&[joined("E-1", 1, "HR"), added("G-1", 2, &["1001"]), added("1001", 3, &["E-1"])]).await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Active));
    world.send(&[joined("1001", 4, "HR")]).await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
    assert_eq!(world.state("1001"), Some(AccountState::Active));
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_in_a_circle_are_all_in_each_other_and_the_circle_can_be_broken() {
    for database in test_databases() {
        let mut world = World::running(database, &scoped("{ memberOf: \"G-1\" }")).await;
        let people = ["E-1", "E-2", "E-3"];
        world.send(&people.map(|person| joined(person, 1, "Sales"))).await;
        world
            .send(&[
                added("G-1", 2, &["E-1", "G-2"]),
                added("G-2", 2, &["E-2", "G-3"]),
                added("G-3", 2, &["E-3", "G-1"]),
            ])
            .await;
        world.settle().await;
        assert_eq!(active(&world, &people), people);
        world.send(&[removed("G-1", 3, &["G-2"])]).await;
        world.settle().await;
        assert_eq!(active(&world, &people), ["E-1"]);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_renamed_out_of_a_wildcard_and_into_it_takes_everybody_below_along() {
    for database in test_databases() {
        let mut world = World::running(database, &scoped("{ memberOf: \"SEC-*\" }")).await;
        let people = ["E-1", "E-2"];
        world.send(&people.map(|person| joined(person, 1, "Sales"))).await;
        world
            .send(&[
                group("G-1", 1, "SEC-top"),
                group("G-2", 1, "Choir"),
                added("G-1", 2, &["E-1", "G-2"]),
                added("G-2", 2, &["E-2"]),
            ])
            .await;
        world.settle().await;
        assert_eq!(active(&world, &people), people);
        for (said, name, expected) in [(3, "Top", &[][..]), (4, "sec-TOP", &people), (5, "Choir 2", &[])] {
            world.send(&[group("G-1", said, name)]).await;
            world.settle().await;
            assert_eq!(active(&world, &people), expected, "{name}");
        }
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_people_than_a_batch_takes_follow_their_group_in_the_lanes_of_events() {
    for database in test_databases() {
        let name = database.name;
        let mut world = World::running(database, &scoped("{ memberOf: \"G-1\" }")).await;
        let people: Vec<String> = (0..CROWD).map(|n| format!("E-{n:03}")).collect();
        let hires: Vec<Event> = people.iter().map(|person| joined(person, 1, "Sales")).collect();
        world.send(&hires).await;
        let keys: Vec<&str> = people.iter().map(String::as_str).collect();
        world.send(&[added("G-2", 2, &keys), added("G-1", 2, &["G-2"])]).await;
        world.settle().await;
        assert_eq!(active(&world, &keys).len(), CROWD, "{name}");
        let before = world.commands.len();
        world.send(&[removed("G-1", 3, &["G-2"])]).await;
        world.settle().await;
        assert_eq!(active(&world, &keys).len(), 0, "{name}");
        let news = &world.commands[before..];
        assert_eq!(news.len(), CROWD, "{name}");
        assert!(news.iter().all(|command| command.lane == Lane::Leaver), "{name}");
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_can_be_in_scope_for_the_groups_that_they_are_in() {
    let policy = r#"
target: crm
users: { mappings: [ { target: userName, source: userPrincipalName } ] }
groups:
  scope: { any: [ { all: [ { memberOf: "Exported*" } ] } ] }
  mappings: [ { target: displayName, source: displayName } ]
"#;
    for database in test_databases() {
        let mut world = World::running(database, policy).await;
        world
            .send(&[
                group("G-1", 1, "Exported groups"),
                group("G-2", 1, "Two"),
                group("G-3", 1, "Three"),
                added("G-1", 2, &["G-2"]),
                added("G-2", 2, &["G-3", "E-3"]),
                added("G-3", 2, &["E-3"]),
            ])
            .await;
        world.settle().await;
        let exist = |world: &World| -> Vec<String> {
            let exists =
                |desired: &DesiredState| matches!(desired, DesiredState::Group(group) if group.exists);
            let all = world.last_resources().into_iter();
            all.filter(|(_, (_, desired))| exists(desired)).map(|((_, _, key), _)| key).collect()
        };
        assert_eq!(exist(&world), ["G-2", "G-3"]);
        world.send(&[group("G-1", 3, "Kept groups")]).await;
        world.settle().await;
        assert!(exist(&world).is_empty());
        world.send(&[group("G-1", 4, "Exported again"), removed("G-2", 4, &["G-3"])]).await;
        world.settle().await;
        assert_eq!(exist(&world), ["G-2"]);
        world.stop_mappers().await;
    }
}
