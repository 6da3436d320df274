//! Tests of people whose decisions depend on their manager's attributes.

use lifecycle::{AccountState, DesiredState, Event, EventKind, Lane, ResourceKind};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};

use crate::world::{World, event, joined};

const BY_MANAGER: &str = r#"
target: crm
users:
  scope: { any: [ { all: [ { attribute: manager.department, operator: EQUALS, value: Sales } ] } ] }
  mappings:
    - { target: userName, source: userPrincipalName }
    - { target: title, source: manager.displayName }
"#;

/// More people than the mapper decides about in one batch.
const CROWD: usize = 620;

fn reports_to(person: &str, said: i64, manager: serde_json::Value) -> Event {
    event(EventKind::WorkerChanged, person, said, json!({ "manager": manager }))
}

fn title(world: &World, person: &str) -> Option<String> {
    match &world.last_resources().get(&("crm".to_owned(), ResourceKind::User, person.to_owned()))?.1 {
        DesiredState::User(account) => account.attributes.get("title")?.as_str().map(str::to_owned),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_about_a_manager_is_decided_about_for_the_reports() {
    for database in test_databases() {
        let mut world = World::running(database, BY_MANAGER).await;
        world
            .send(&[
                joined("E-1", 1, "HR"),
                reports_to("E-1", 2, json!("E-9")),
                joined("E-2", 1, "HR"),
                reports_to("E-2", 2, json!({ "value": "E-9" })),
            ])
            .await;
        world.settle().await;
        assert!(world.commands.is_empty(), "nothing is known of the manager");
        world.send(&[joined("E-9", 3, "Sales")]).await;
        world.settle().await;
        assert_eq!(world.state("E-1"), Some(AccountState::Active));
        assert_eq!(world.state("E-2"), Some(AccountState::Active));
        let named = event(EventKind::WorkerChanged, "E-9", 4, json!({ "displayName": "Nine" }));
        world.send(&[named]).await;
        world.settle().await;
        assert_eq!(title(&world, "E-1").as_deref(), Some("Nine"));
        let before = world.commands.len();
        let unseen = event(EventKind::WorkerChanged, "E-9", 5, json!({ "shoeSize": 43 }));
        world.send(&[unseen]).await;
        world.settle().await;
        assert_eq!(world.commands.len(), before, "no policy looks at that");
        let moved = event(EventKind::WorkerChanged, "E-9", 6, json!({ "department": "HR" }));
        world.send(&[moved]).await;
        world.settle().await;
        let news = &world.commands[before..];
        assert_eq!(news.len(), 2);
        assert!(news.iter().all(|command| command.lane == Lane::Leaver));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_manager_is_another_decision() {
    let mut world = World::running(sqlite_database(), BY_MANAGER).await;
    world
        .send(&[
            joined("E-1", 1, "HR"),
            joined("E-8", 1, "HR"),
            joined("E-9", 1, "Sales"),
            reports_to("E-1", 2, json!("E-9")),
        ])
        .await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Active));
    world.send(&[reports_to("E-1", 3, json!("E-8"))]).await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
    let moved = event(EventKind::WorkerChanged, "E-9", 4, json!({ "department": "HR" }));
    world.send(&[moved, event(EventKind::WorkerChanged, "E-8", 4, json!({ "department": "Sales" }))]).await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Active));
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managers_change_of_a_later_day_reaches_the_reports_on_that_day() {
    let mut world = World::running(sqlite_database(), BY_MANAGER).await;
    let mut moved = event(EventKind::WorkerChanged, "E-9", 3, json!({ "department": "HR" }));
    moved.effective_at = time::OffsetDateTime::now_utc() + time::Duration::seconds(3);
    world
        .send(&[joined("E-1", 1, "HR"), reports_to("E-1", 2, json!("E-9")), joined("E-9", 1, "Sales"), moved])
        .await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Active));
    world.until("the day comes", async |w| w.state("E-1") == Some(AccountState::Disabled)).await;
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_reports_than_a_batch_takes_follow_their_manager() {
    let mut world = World::running(sqlite_database(), BY_MANAGER).await;
    world.send(&[joined("E-9", 1, "Sales")]).await;
    let reports: Vec<Event> = (0..CROWD)
        .map(|n| {
            let mut report = joined(&format!("R-{n}"), 1, "HR");
            report.attributes.insert("manager".to_owned(), "E-9".into());
            report
        })
        .collect();
    world.send(&reports).await;
    world.settle().await;
    let before = world.commands.len();
    assert_eq!(before, CROWD);
    world.send(&[event(EventKind::WorkerChanged, "E-9", 2, json!({ "department": "HR" }))]).await;
    world.settle().await;
    let news = &world.commands[before..];
    assert_eq!(news.len(), CROWD);
    assert!(news.iter().all(|command| command.lane == Lane::Leaver));
    world.stop_mappers().await;
}
