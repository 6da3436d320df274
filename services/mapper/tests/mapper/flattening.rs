//! Tests of flattening: targets receive all members of a group, including those of groups that are nested in it.

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::{DesiredMembership, Event, EventKind, MemberKind};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};

use crate::world::{World, event, group, joined, members};

/// Sends all people and all groups.
const ALL: &str = r#"
target: crm
users:
  scope: { mode: all }
  mappings: [ { target: userName, source: userPrincipalName } ]
groups:
  scope: { mode: all }
  mappings: [ { target: displayName, source: displayName } ]
"#;

const PEOPLE: [&str; 6] = ["E-1", "E-2", "E-3", "E-4", "E-5", "E-6"];
const GROUPS: [&str; 5] = ["G-1", "G-2", "G-3", "G-4", "G-5"];

fn added(group: &str, said: i64, who: &[&str]) -> Event {
    members(EventKind::GroupMemberAdded, group, said, who)
}

fn removed(group: &str, said: i64, who: &[&str]) -> Event {
    members(EventKind::GroupMemberRemoved, group, said, who)
}

async fn start(database: store::testing::TestDatabase) -> World {
    let mut world = World::running(database, ALL).await;
    world.send(&PEOPLE.map(|person| joined(person, 1, "Sales"))).await;
    world.send(&GROUPS.map(|key| group(key, 1, key))).await;
    world.settle().await;
    world
}

/// Returns the members of the group by the last commands to the target.
fn told(world: &World, group: &str) -> Vec<String> {
    let (_, edges) = world.access();
    edges.into_iter().filter(|(of, _)| of == group).map(|(_, member)| member).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_in_a_group_in_a_group_is_in_both_until_the_last_way_is_gone() {
    for database in test_databases() {
        let mut world = start(database).await;
        world
            .send(&[
                added("G-1", 2, &["G-2", "E-1"]),
                added("G-2", 2, &["G-3", "E-2"]),
                added("G-3", 2, &["E-3", "E-1"]),
            ])
            .await;
        world.settle().await;
        assert_eq!(told(&world, "G-1"), ["E-1", "E-2", "E-3"]);
        assert_eq!(told(&world, "G-2"), ["E-1", "E-2", "E-3"]);
        assert_eq!(told(&world, "G-3"), ["E-1", "E-3"]);

        // No longer listed, but still a member through the other group.
        world.send(&[removed("G-1", 3, &["E-1"])]).await;
        world.settle().await;
        assert_eq!(told(&world, "G-1"), ["E-1", "E-2", "E-3"]);
        world.send(&[removed("G-3", 4, &["E-1"])]).await;
        world.settle().await;
        assert_eq!(told(&world, "G-1"), ["E-2", "E-3"]);
        world.send(&[removed("G-1", 5, &["G-2"])]).await;
        world.settle().await;
        assert_eq!(told(&world, "G-1"), Vec::<String>::new());
        assert_eq!(told(&world, "G-2"), ["E-2", "E-3"]);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_group_that_is_nested_brings_everybody_along_in_the_background() {
    const CROWD: usize = 620;
    let mut world = start(sqlite_database()).await;
    let people: Vec<String> = (0..CROWD).map(|n| format!("P-{n:03}")).collect();
    let keys: Vec<&str> = people.iter().map(String::as_str).collect();
    world.send(&people.iter().map(|person| joined(person, 1, "Sales")).collect::<Vec<_>>()).await;
    for (said, some) in (2..).zip(keys.chunks(100)) {
        world.send(&[added("G-2", said, some)]).await;
    }
    world.settle().await;
    world.send(&[added("G-1", 50, &["G-2"])]).await;
    world.until("everybody is told", async |world| told(world, "G-1").len() == CROWD).await;
    world.send(&[event(EventKind::GroupDeleted, "G-2", 60, json!({}))]).await;
    world.until("nobody is left", async |world| told(world, "G-1").is_empty()).await;
    world.stop_mappers().await;
}

/// A small generator that yields the same cases in each run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % count
    }

    fn event(&mut self, said: i64) -> Event {
        let key = GROUPS[self.below(GROUPS.len())];
        let member = if self.below(3) == 0 {
            GROUPS[self.below(GROUPS.len())]
        } else {
            PEOPLE[self.below(PEOPLE.len())]
        };
        match self.below(12) {
            0 => event(EventKind::GroupDeleted, key, said, json!({})),
            1 => group(key, said, key),
            2..6 => removed(key, said, &[member]),
            _ => added(key, said, &[member]),
        }
    }
}

/// Returns all people reached from each existing group, by the memberships that the mapper has stored.
async fn reached(world: &mut World) -> BTreeSet<(String, String)> {
    let text = |row: &sea_orm::QueryResult, name: &str| row.try_get::<String>("", name).unwrap();
    let sql = "SELECT group_key, member_key FROM mapper_edges WHERE present";
    let listed: Vec<(String, String)> =
        world.query(sql).await.iter().map(|row| (text(row, "group_key"), text(row, "member_key"))).collect();
    let sql = "SELECT subject FROM mapper_desired WHERE kind = 'group' AND state = 'exists'";
    let there: BTreeSet<String> = world.query(sql).await.iter().map(|row| text(row, "subject")).collect();
    let mut parents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (group, member) in &listed {
        parents.entry(member).or_default().push(group);
    }
    let mut out = BTreeSet::new();
    for person in PEOPLE {
        let (mut seen, mut next) = (BTreeSet::new(), vec![person]);
        while let Some(key) = next.pop() {
            for group in parents.get(key).into_iter().flatten().filter(|group| there.contains(**group)) {
                if seen.insert(*group) {
                    next.push(group);
                }
            }
        }
        out.extend(seen.into_iter().map(|group| (group.to_owned(), person.to_owned())));
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn after_any_history_targets_are_told_of_exactly_those_who_are_reached() {
    for (database, seed) in
        test_databases().into_iter().zip([1, 2]).chain([(sqlite_database(), 3), (sqlite_database(), 4)])
    {
        let mut world = start(database).await;
        let mut draw = Draw(seed);
        for round in 0..12_i64 {
            let events: Vec<Event> = (0..5).map(|n| draw.event(2 + round * 5 + n)).collect();
            world.send(&events).await;
            world.settle().await;
            let expected = reached(&mut world).await;
            let told: BTreeSet<(String, String)> = world.access().1.into_iter().collect();
            assert_eq!(told, expected, "seed {seed}, round {round}: {events:?}");
        }
        world.stop_mappers().await;
    }
}

/// Returns the last command about each member of the group: presence, kind, and whether only groups bring it in.
fn kinds(world: &World, group: &str) -> BTreeMap<String, (bool, MemberKind, bool)> {
    let mut last: BTreeMap<String, DesiredMembership> = BTreeMap::new();
    for edge in world.edges(group) {
        let newer = last.get(&edge.member).is_none_or(|known| known.revision < edge.revision);
        if newer {
            last.insert(edge.member.clone(), edge);
        }
    }
    last.into_iter()
        .map(|(member, edge)| (member, (edge.present, edge.member_is, edge.through_groups)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_that_follow_groups_in_groups_are_told_of_them_and_of_who_comes_only_by_them() {
    for database in test_databases() {
        let mut world = World::running(database, ALL).await;
        world.send(&PEOPLE.map(|person| joined(person, 1, "Sales"))).await;
        world.send(&[group("G-1", 1, "G-1"), added("G-1", 2, &["G-2", "E-1"])]).await;
        world.settle().await;
        let person = (true, MemberKind::Person, false);
        let before = BTreeMap::from([("E-1".to_owned(), person), ("G-2".to_owned(), person)]);
        assert_eq!(kinds(&world, "G-1"), before, "nobody said yet that G-2 is a group");
        world.send(&[group("G-2", 1, "G-2"), added("G-2", 3, &["E-1", "E-2"])]).await;
        world.settle().await;
        let after = BTreeMap::from([
            ("E-1".to_owned(), person),
            ("E-2".to_owned(), (true, MemberKind::Person, true)),
            ("G-2".to_owned(), (true, MemberKind::Group, false)),
        ]);
        assert_eq!(kinds(&world, "G-1"), after);
        world.send(&[removed("G-1", 4, &["E-1", "G-2"]), added("G-1", 4, &["E-2"])]).await;
        world.settle().await;
        let last = kinds(&world, "G-1");
        assert_eq!(last["E-2"], person, "listed now");
        assert_eq!((last["E-1"].0, last["G-2"].0), (false, false));
        world.stop_mappers().await;
    }
}
