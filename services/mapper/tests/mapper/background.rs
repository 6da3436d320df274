//! Tests that the effects of a policy change wait behind events.

use lifecycle::{AccountState, Command, DesiredState, Event, EventKind, Lane, ResourceKind};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};

use crate::world::{EVERYBODY, World, event, joined};

const PEOPLE: usize = 5_000;

const SALES_ONLY: &str = r#"
target: crm
guard: { deletions: 10000, percent: 100 }
users:
  scope: { any: [ { all: [ { attribute: department, operator: EQUALS, value: Sales } ] } ] }
  mappings:
    - { target: userName, source: userPrincipalName }
    - { target: department, source: department }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_leaver_overtakes_a_policy_change_that_disables_five_thousand() {
    for database in test_databases() {
        let name = database.name;
        // A policy change is checked against the guard that is in force as well.
        let everybody = EVERYBODY.replacen("guard: {", "guard: { deletions: 10000,", 1);
        let mut world = World::running(database, &everybody).await;
        let mut people: Vec<Event> = (0..PEOPLE).map(|n| joined(&format!("E-{n:04}"), 1, "HR")).collect();
        people.push(joined("L-1", 1, "Sales"));
        world.send(&people).await;
        world.settle().await;
        world.stop_mappers().await;
        let before = world.commands.len();
        world.write_policy(SALES_ONLY);
        world.send(&[event(EventKind::WorkerLeft, "L-1", 2, json!({}))]).await;
        world.start_mapper().await;
        world.until("everybody is evaluated", async |w| w.commands.len() > before + PEOPLE).await;
        let news = &world.commands[before..];
        assert_eq!(news.len(), PEOPLE + 1, "{name}: one command for each");
        let is_leaver = |command: &Command| command.subject == "L-1";
        let place = news.iter().position(is_leaver).expect("the leaver's command");
        assert!(place < PEOPLE, "{name}: the leaver came last");
        for command in news {
            let lane = if is_leaver(command) { Lane::Leaver } else { Lane::Backfill };
            assert_eq!(command.lane, lane, "{name}: {}", command.subject);
        }
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_values_are_drawn_once_for_each_person_and_target_and_outlive_a_restart() {
    let policy = r#"
target: crm
users:
  mappings:
    - { target: userName, source: userPrincipalName }
    - { target: department, source: department }
    - { target: nickName, expression: 'Guid()' }
"#;
    for database in test_databases() {
        let mut world = World::new(database, policy).await;
        world.write_second_policy(&policy.replace("crm", "vpn"));
        world.start_mapper().await;
        world.send(&[joined("E-1", 1, "HR"), joined("E-2", 1, "HR")]).await;
        world.settle().await;
        let values = |world: &World| -> Vec<String> {
            let of = |target: &str, person: &str| {
                let key = (target.to_owned(), ResourceKind::User, person.to_owned());
                match &world.last_resources()[&key].1 {
                    DesiredState::User(account) => account.attributes["nickName"].to_string(),
                    _ => panic!("an account"),
                }
            };
            vec![of("crm", "E-1"), of("crm", "E-2"), of("vpn", "E-1"), of("vpn", "E-2")]
        };
        let first = values(&world);
        let different: std::collections::BTreeSet<&String> = first.iter().collect();
        assert_eq!(different.len(), first.len());
        world.stop_mappers().await;
        world.start_mapper().await;
        world.start_mapper().await;
        let moved = |person: &str| event(EventKind::WorkerChanged, person, 2, json!({ "department": "IT" }));
        world.send(&[moved("E-1"), moved("E-2")]).await;
        world.settle().await;
        assert_eq!(values(&world), first);
        assert_eq!(world.state("E-1"), Some(AccountState::Active));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_fills_in_who_reports_to_whom_and_commands_nothing() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    let mut report = joined("E-1", 1, "HR");
    report.attributes.insert("manager".to_owned(), "E-9".into());
    world.send(&[report]).await;
    world.settle().await;
    world.stop_mappers().await;
    let before = world.commands.len();
    let store = store::Store::connect(&world.url).await.unwrap();
    let sql = "UPDATE mapper_identities SET manager = NULL, evaluated_with = 'before m0002'";
    sea_orm::ConnectionTrait::execute_unprepared(store.writer(), sql).await.unwrap();
    world.start_mapper().await;
    let filled = "SELECT count(*) AS n FROM mapper_identities WHERE manager = 'E-9'";
    world.until("the manager is filled in", async |w| w.count(filled).await == 1).await;
    assert_eq!(world.commands.len(), before);
    world.stop_mappers().await;
}
