//! Tests of the path from one event to one command.

use lifecycle::{
    AccountState, Command, CommandId, DesiredState, Event, EventKind, GroupResource, Lane, OutboxRequest,
    TraceContext, verbs,
};
use mapper::MapperMigrator;
use sea_orm_migration::MigratorTrait;
use serde_json::json;
use store::Store;
use store::testing::{sqlite_database, test_databases};
use time::OffsetDateTime;

use crate::operators::ask;
use crate::world::{EVERYBODY, World, altered, event, joined};

#[tokio::test(flavor = "multi_thread")]
async fn tables_can_be_made_dropped_and_made_again() {
    for database in test_databases() {
        let store = Store::open::<MapperMigrator>(&database.url).await.unwrap();
        MapperMigrator::down(store.writer(), None).await.unwrap();
        MapperMigrator::up(store.writer(), None).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hire_a_change_and_a_departure_are_one_command_each_in_their_lanes() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let events = [
            joined("E-1", 1, "Sales"),
            event(EventKind::WorkerChanged, "E-1", 2, json!({ "department": "HR" })),
            event(EventKind::WorkerLeft, "E-1", 3, json!({})),
        ];
        for event in &events {
            world.send(std::slice::from_ref(event)).await;
            world.settle().await;
        }
        let told: Vec<_> = world.commands.iter().map(|c| (c.lane, c.event.clone(), c.accepted_at)).collect();
        let lanes = [Lane::Joiner, Lane::Mover, Lane::Leaver];
        let expected: Vec<_> = lanes
            .into_iter()
            .zip(&events)
            .map(|(lane, event)| (lane, Some(event.id.clone()), event.accepted_at))
            .collect();
        assert_eq!(told, expected);
        assert!(world.commands.windows(2).all(|two| two[0].revision < two[1].revision));
        let DesiredState::User(last) = &world.commands[2].desired else { panic!("an account") };
        assert_eq!(last.state, AccountState::Disabled);
        assert_eq!(last.attributes["userName"], "E-1@example.org", "it can still be found");
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_commanded_when_nothing_changes_or_nothing_ever_was() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world
        .send(&[
            joined("E-1", 1, "Sales"),
            event(EventKind::WorkerLeft, "E-2", 1, json!({ "userPrincipalName": "e2@example.org" })),
            event(EventKind::WorkerChanged, "E-3", 1, json!({ "userPrincipalName": "e3@example.org" })),
            event(EventKind::WorkerJoined, "E-4", 1, json!({ "department": "Sales" })),
        ])
        .await;
    world.settle().await;
    world
        .send(&[
            event(EventKind::WorkerChanged, "E-1", 2, json!({ "department": "Sales", "shoeSize": 43 })),
            event(EventKind::WorkerChanged, "E-1", 0, json!({ "department": "older" })),
        ])
        .await;
    world.send_raw(vec![World::duplicate(&joined("E-1", 1, "Sales"), 1)]).await;
    world.settle().await;
    let subjects: Vec<&str> = world.commands.iter().map(|c| c.subject.as_str()).collect();
    assert_eq!(subjects, ["E-1"]);
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_active_is_a_hire_only_if_nothing_else_is_known() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    let record = |person: &str, said| {
        let name = format!("{person}@example.org");
        event(EventKind::WorkerSnapshot, person, said, json!({ "userPrincipalName": name }))
    };
    world
        .send(&[
            record("E-1", 1),
            joined("E-2", 1, "HR"),
            event(EventKind::WorkerLeft, "E-2", 2, json!({})),
            record("E-2", 3),
        ])
        .await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Active));
    assert_ne!(world.state("E-2"), Some(AccountState::Active));
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_takes_effect_at_its_time_even_after_a_restart() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let mut left = event(EventKind::WorkerLeft, "E-1", 2, json!({}));
        left.effective_at = OffsetDateTime::now_utc() + time::Duration::seconds(3);
        world.send(&[joined("E-1", 1, "Sales"), left.clone()]).await;
        world.settle().await;
        assert_eq!(world.state("E-1"), Some(AccountState::Active));
        world.stop_mappers().await;
        world.start_mapper().await;
        world
            .until("the departure takes effect", async |w| w.state("E-1") == Some(AccountState::Disabled))
            .await;
        assert!(OffsetDateTime::now_utc() >= left.effective_at);
        assert_eq!(world.commands.last().map(|command| command.lane), Some(Lane::Leaver));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_deleted_when_the_days_of_grace_are_over() {
    let policy = EVERYBODY.replace("groups:", "  leaver: { action: disable, deleteAfterDays: 0 }\ngroups:");
    let mut world = World::running(sqlite_database(), &policy).await;
    world.send(&[joined("E-1", 1, "Sales")]).await;
    world.settle().await;
    world.send(&[event(EventKind::WorkerLeft, "E-1", 2, json!({}))]).await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Deleted));
    world.send(&[event(EventKind::WorkerRehired, "E-1", 3, json!({}))]).await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Active));
    assert_eq!(world.commands.last().map(|command| command.lane), Some(Lane::Joiner));
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_event_is_recorded_and_holds_up_nobody() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send_raw(vec![altered(&joined("E-0", 1, "Sales"), "payload", "{\"v\":1,\"event\":")]).await;
        world.send(&[joined("E-1", 1, "Sales")]).await;
        world.settle().await;
        assert_eq!(world.state("E-1"), Some(AccountState::Active));
        let set_aside = "SELECT count(*) AS n FROM mapper_quarantine WHERE reason = 'unreadable'";
        assert_eq!(world.count(set_aside).await, 1);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_in_the_outbox_is_published_at_the_next_start() {
    for database in test_databases() {
        let mut world = World::new(database, EVERYBODY).await;
        let command = Command {
            id: CommandId::fresh(),
            target: "crm".to_owned(),
            subject: "G-1".to_owned(),
            revision: 1,
            lane: Lane::Joiner,
            desired: DesiredState::Group(GroupResource {
                exists: true,
                attributes: lifecycle::AttributeMap::new(),
                on_create: lifecycle::AttributeMap::new(),
                clear: Vec::new(),
                match_on: Vec::new(),
                assume_empty: false,
                protected: false,
                actions: lifecycle::PolicyActions::default(),
            }),
            event: None,
            accepted_at: OffsetDateTime::UNIX_EPOCH,
            guard: None,
            planned: false,
            ordered: false,
            needs_approval: false,
            stated_at: None,
            orphans: None,
        };
        let store = Store::open::<MapperMigrator>(&world.url).await.unwrap();
        let tx = store.begin().await.unwrap();
        let messages = [bus::OutgoingMessage::command(&command, TraceContext::root())];
        let json = serde_json::to_string(&messages).unwrap();
        store::outbox::put_row(
            &tx,
            "mapper",
            store::outbox::OutboxLane::Commands,
            "left-behind",
            OffsetDateTime::now_utc(),
            json,
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        world.start_mapper().await;
        world.until("the command comes out", async |w| w.commands.len() == 1).await;
        assert_eq!(world.commands[0], command);
        world
            .until("the row is gone", async |w| w.count("SELECT count(*) AS n FROM mapper_outbox").await == 0)
            .await;
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_overtakes_a_backlog_of_joiners_and_is_told_once() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world.send(&[joined("E-0", 1, "Sales")]).await;
    world.settle().await;
    world.stop_mappers().await;
    world.commands.clear();
    let joiners: Vec<Event> = (1..=3_000).map(|n| joined(&format!("E-{n}"), 1, "Sales")).collect();
    world.send(&joiners).await;
    world.send(&[event(EventKind::WorkerLeft, "E-0", 2, json!({}))]).await;
    world.start_mapper().await;
    world.until("everything is decided", async |w| w.commands.len() > 3_000).await;
    let place = world.commands.iter().position(|command| command.subject == "E-0").unwrap();
    assert!(place < 1_000, "the departure came behind {place} others");
    world.settle().await;
    let count = world.commands.iter().filter(|command| command.subject == "E-0").count();
    assert_eq!(count, 1, "the second delivery changes nothing");
    world.stop_mappers().await;
}

/// One long value becomes three in the account.
const REPEATS_A_VALUE: &str = r"
target: crm
guard: { percent: 100 }
users:
  mappings:
    - { target: userName, source: userPrincipalName }
    - { target: department, source: department }
    - { target: title, source: department }
    - { target: nickName, source: department }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_too_long_holds_up_no_other_and_its_person_is_switched_off_without_the_values() {
    for database in test_databases() {
        let mut world = World::running(database, REPEATS_A_VALUE).await;
        let long = "x".repeat(400_000);
        let moved = event(EventKind::WorkerChanged, "E-1", 3, json!({ "department": long }));
        world.send(&[joined("E-1", 1, "Sales")]).await;
        world.settle().await;
        world.send(&[moved, joined("E-2", 3, "Sales")]).await;
        let active = Some(AccountState::Active);
        world.until("the other has an account", async |world| world.state("E-2") == active).await;
        let aside = async |world: &World| {
            let reply = ask::<verbs::MapperOutboxVerb>(world, OutboxRequest::default()).await;
            reply.map(|reply| reply.set_aside).unwrap_or_default()
        };
        world.until("the long one is set aside", async |world| aside(world).await.len() == 1).await;
        assert!(aside(&world).await[0].id.contains("E-1"));

        world.send(&[event(EventKind::WorkerLeft, "E-1", 4, json!({}))]).await;
        world.until("off", async |world| world.state("E-1") == Some(AccountState::Disabled)).await;
        let DesiredState::User(last) = &world.commands.last().unwrap().desired else { panic!("an account") };
        assert!(last.attributes.keys().all(|path| path == "userName" || path == "externalId"), "{last:?}");
        world.stop_mappers().await;
    }
}
