//! Tests that the order and number of deliveries do not matter.

use lifecycle::{Event, EventKind};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};

use crate::world::{EVERYBODY, World, event, joined, members};

const SCOPED: &str = r#"
target: vpn
users:
  scope:
    any:
      - all: [ { attribute: department, operator: EQUALS, value: Sales } ]
      - all: [ { memberOf: "G-1" } ]
      - all: [ { memberOf: "SEC-*" }, { attribute: department, operator: EQUALS, value: IT } ]
      - all: [ { attribute: manager.department, operator: EQUALS, value: IT } ]
  mappings:
    - { target: userName, source: userPrincipalName }
    - { target: department, source: department }
  leaver: { action: delete }
"#;

const EVENTS: usize = 120;

/// Returns a statement about a company of six people and three groups, made at `said`.
pub(crate) fn happening(said: i64, what: u8, who: u8, other: u8) -> Event {
    let (person, group) = (format!("E-{}", who % 6), format!("G-{}", other % 3));
    let department = ["Sales", "HR", "Sales", "IT"][usize::from(other % 4)];
    let (inner, boss) = (format!("G-{}", who % 3), format!("E-{}", other % 6));
    match what % 14 {
        0 | 1 => joined(&person, said, department),
        2 | 3 => event(EventKind::WorkerChanged, &person, said, json!({ "department": department })),
        4 => event(EventKind::WorkerLeft, &person, said, json!({})),
        5 => event(EventKind::WorkerRehired, &person, said, json!({})),
        6 => {
            let name = format!("{person}@example.org");
            let record = json!({ "userPrincipalName": name, "department": department, "active": !other.is_multiple_of(3) });
            event(EventKind::WorkerSnapshot, &person, said, record)
        }
        7 => {
            let name = if other.is_multiple_of(2) { "SEC-x" } else { "Choir" };
            event(EventKind::GroupUpserted, &group, said, json!({ "displayName": name }))
        }
        8 => members(EventKind::GroupMemberRemoved, &group, said, &[&person]),
        9 => members(EventKind::GroupUpserted, &group, said, &[&person, "E-1"]),
        10 => members(EventKind::GroupMemberAdded, &group, said, &[&person]),
        11 => members(EventKind::GroupMemberAdded, &group, said, &[&inner]),
        12 => members(EventKind::GroupMemberRemoved, &group, said, &[&inner]),
        _ => event(EventKind::WorkerChanged, &person, said, json!({ "manager": boss })),
    }
}

pub(crate) fn histories() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(any::<(u8, u8, u8)>(), EVENTS).prop_map(|history| {
        (1..).zip(history).map(|(said, (what, who, other))| happening(said, what, who, other)).collect()
    })
}

pub(crate) async fn scoped(world: &World) {
    world.write_second_policy(SCOPED);
}

#[tokio::test(flavor = "multi_thread")]
async fn shuffled_and_duplicated_delivery_gives_the_same_access() {
    let config = Config { rng_seed: RngSeed::Fixed(7), ..Config::default() };
    let mut runner = TestRunner::new(config);
    for database in test_databases().into_iter().chain([sqlite_database()]) {
        let history = histories().new_tree(&mut runner).unwrap().current();
        let mut order: Vec<usize> = (0..history.len()).chain((0..history.len()).step_by(2)).collect();
        order = Just(order).prop_shuffle().new_tree(&mut runner).unwrap().current();

        let mut straight = World::new(sqlite_database(), EVERYBODY).await;
        scoped(&straight).await;
        straight.start_mapper().await;
        straight.send(&history).await;
        straight.settle().await;

        let mut shuffled = World::new(database, EVERYBODY).await;
        scoped(&shuffled).await;
        shuffled.start_mapper().await;
        for chunk in order.chunks(17) {
            let messages = chunk
                .iter()
                .enumerate()
                .map(|(n, index)| World::duplicate(&history[*index], n * 1_000 + index));
            shuffled.send_raw(messages.collect()).await;
        }
        shuffled.settle().await;
        assert_eq!(straight.access(), shuffled.access());
        straight.stop_mappers().await;
        shuffled.stop_mappers().await;
    }
}
