//! Tests of values that a large number of people or records have: no holder is forgotten.

use lifecycle::{Event, EventId, EventKind, PeopleConfig, RecordStatus};
use serde_json::json;
use store::testing::{TestDatabase, test_databases};

use crate::world::{EVERYBODY, World, event};

const MANY: usize = 250;

async fn running(database: TestDatabase) -> World {
    let mut world = World::new(database, EVERYBODY).await;
    let correlate = json!([{ "sources": ["hr"] }, { "sources": ["directory"], "match": ["mail"] }]);
    world.people = serde_json::from_value::<PeopleConfig>(json!({ "correlate": correlate })).unwrap();
    world.start_mapper().await;
    world
}

fn person(n: usize, said: i64, mail: &str) -> Event {
    let kind = if said == 1 { EventKind::WorkerJoined } else { EventKind::WorkerChanged };
    let login = format!("{n}@example.org");
    event(
        kind,
        &format!("E-{n:03}"),
        said,
        json!({ "userPrincipalName": login, "department": "HR", "mail": mail }),
    )
}

fn record(n: usize, mail: &str) -> Event {
    let mut event =
        event(EventKind::WorkerSnapshot, &format!("u-{n:03}"), 1, json!({ "mail": mail, "active": true }));
    event.source = "directory/scim".to_owned();
    event.id = EventId::of(&event.source, &event.source_event_id);
    event
}

async fn records(world: &mut World, status: RecordStatus) -> Vec<(String, Option<String>)> {
    let sql =
        format!("SELECT key, person FROM mapper_records WHERE status = '{}' ORDER BY key", status.as_str());
    let rows = world.query(&sql).await;
    rows.iter().map(|row| (row.try_get("", "key").unwrap(), row.try_get("", "person").unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_very_many_people_with_one_value_the_last_one_who_keeps_it_gets_the_record() {
    for database in test_databases() {
        let mut world = running(database).await;
        world.send(&(0..MANY).map(|n| person(n, 1, "office@example.org")).collect::<Vec<_>>()).await;
        world.send(&[record(1, "office@example.org")]).await;
        world.settle().await;
        assert_eq!(records(&mut world, RecordStatus::Conflict).await, [("u-001".to_owned(), None)]);
        let own = |n: usize| person(n, 2, &format!("{n}@example.org"));
        world.send(&(0..MANY - 2).map(own).collect::<Vec<_>>()).await;
        world.settle().await;
        assert_eq!(records(&mut world, RecordStatus::Conflict).await.len(), 1, "two people have it");
        world.send(&[own(MANY - 2)]).await;
        world.settle().await;
        let last = Some(format!("E-{:03}", MANY - 1));
        assert_eq!(records(&mut world, RecordStatus::Linked).await, [("u-001".to_owned(), last)]);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn very_many_records_with_one_value_are_all_looked_at_when_somebody_has_it() {
    for database in test_databases() {
        let mut world = running(database).await;
        world.send(&(0..MANY).map(|n| record(n, "office@example.org")).collect::<Vec<_>>()).await;
        world.settle().await;
        assert_eq!(records(&mut world, RecordStatus::Waiting).await.len(), MANY);
        world.send(&[person(1, 1, "office@example.org")]).await;
        world
            .until("no record waits", async |world| records(world, RecordStatus::Waiting).await.is_empty())
            .await;
        assert_eq!(records(&mut world, RecordStatus::Linked).await.len(), 1);
        assert_eq!(records(&mut world, RecordStatus::Conflict).await.len(), MANY - 1, "each is listed");
        let stale = "SELECT key FROM mapper_records WHERE evaluated_with = 'stale'";
        world.until("all were looked at", async |world| world.query(stale).await.is_empty()).await;
        world.stop_mappers().await;
    }
}
