//! Tests with a real broker and real databases.

use bus::testing::TestServer;
use bus::{Bus, MaxBytes, OutgoingMessage, StreamName};
use lifecycle::{
    AttributeMap, Command, CommandId, DesiredState, Fact, FactRecord, GroupResource, Lane, PolicyActions,
    ResourceKind, TraceContext,
};
use sea_orm_migration::prelude::*;
use store::testing::{TestDatabase, sqlite_database, test_databases};
use store::{Store, outbox};
use time::OffsetDateTime;

use crate::{OutboxPublisher, store_batch};

const SERVICE: &str = "relay";

struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(First)]
    }
    fn migration_table_name() -> DynIden {
        "relay_migrations".into_iden()
    }
}

struct First;

impl MigrationName for First {
    fn name(&self) -> &str {
        "first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for First {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        outbox::create_outbox(manager, SERVICE).await?;
        outbox::add_lanes(manager, SERVICE).await
    }
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        outbox::remove_lanes(manager, SERVICE).await?;
        outbox::drop_outbox(manager, SERVICE).await
    }
}

struct World {
    server: TestServer,
    bus: Bus,
    store: Store,
    relay: OutboxPublisher,
    _database: TestDatabase,
}

impl World {
    async fn new(database: TestDatabase, max_bytes: impl FnOnce(&mut MaxBytes)) -> Self {
        let server = TestServer::start();
        let mut config = server.config();
        config.publish_timeout_ms = 1_000;
        max_bytes(&mut config.max_bytes);
        let bus = Bus::connect(&config, "relay test").await.unwrap();
        bus.ensure_streams().await.unwrap();
        let store = Store::open::<Migrator>(&database.url).await.unwrap();
        let relay = OutboxPublisher::new(SERVICE, store.clone(), bus.clone());
        Self { server, bus, store, relay, _database: database }
    }

    /// Leaves messages as a crash does: committed and not published.
    async fn leave(&self, messages: Vec<OutgoingMessage>) {
        let tx = self.store.begin().await.unwrap();
        store_batch(&tx, SERVICE, messages).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Leaves a row as an earlier version wrote it: commands and facts in one row.
    async fn leave_as_text(&self, id: &str, text: &str) {
        let tx = self.store.begin().await.unwrap();
        let now = OffsetDateTime::now_utc();
        outbox::put_row(&tx, SERVICE, outbox::OutboxLane::Commands, id, now, text.to_owned()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn fill_journal(&self) {
        loop {
            if self.bus.publish(facts(20_000)).await.into_iter().any(|result| result.is_err()) {
                return;
            }
        }
    }

    /// Returns the subjects of all commands in the stream, in order.
    async fn commands(&self, count: usize) -> Vec<String> {
        let mut consumer = self.bus.consume::<Command>(StreamName::Commands, "reader").await.unwrap();
        let mut subjects = Vec::new();
        while subjects.len() < count {
            for delivery in consumer.next_batch(1_000).await.unwrap() {
                subjects.push(delivery.body.as_ref().unwrap().subject.clone());
                delivery.ack().await;
            }
        }
        subjects
    }

    async fn waiting(&self, lane: outbox::OutboxLane) -> i64 {
        outbox::lane_backlog(self.store.reader(), SERVICE, lane).await.unwrap().rows
    }
}

fn command(subject: &str, lane: Lane, attribute_bytes: usize) -> OutgoingMessage {
    let attributes = AttributeMap::from([("notes".to_owned(), "x".repeat(attribute_bytes).into())]);
    let command = Command {
        id: CommandId::fresh(),
        target: "crm".to_owned(),
        subject: subject.to_owned(),
        revision: 1,
        lane,
        desired: DesiredState::Group(GroupResource {
            exists: true,
            attributes,
            on_create: AttributeMap::new(),
            clear: Vec::new(),
            match_on: Vec::new(),
            assume_empty: false,
            protected: false,
            actions: PolicyActions::default(),
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
    OutgoingMessage::command(&command, TraceContext::root())
}

fn facts(bytes: usize) -> Vec<OutgoingMessage> {
    let fact = Fact::Superseded { target: "x".repeat(bytes), kind: ResourceKind::User, revision: 1, by: 2 };
    let record = FactRecord {
        id: "f".to_owned(),
        at: OffsetDateTime::UNIX_EPOCH,
        subject: "E-1".to_owned(),
        trace: None,
        fact,
    };
    OutgoingMessage::facts(SERVICE, &[record])
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_go_out_while_journal_is_full_and_facts_follow_when_it_has_room() {
    for database in test_databases() {
        let mut world = World::new(database, |max| max.journal = 64 << 10).await;
        world.fill_journal().await;
        for n in 0..150 {
            let mut messages = vec![command(&format!("G-{n}"), Lane::Mover, 1)];
            messages.extend(facts(20_000));
            world.leave(messages).await;
        }
        world.relay.catch_up().await.unwrap();
        assert_eq!(world.commands(150).await.len(), 150);
        assert_eq!(world.waiting(outbox::OutboxLane::Commands).await, 0);
        assert_eq!(world.waiting(outbox::OutboxLane::Facts).await, 150, "nothing is lost");

        let mut config = world.server.config();
        config.max_bytes.journal = 32 << 20;
        world.bus = Bus::connect(&config, "larger").await.unwrap();
        world.bus.ensure_streams().await.unwrap();
        world.relay.catch_up().await.unwrap();
        assert_eq!(world.waiting(outbox::OutboxLane::Facts).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_was_left_behind_goes_out_at_once_departures_first() {
    let world = World::new(sqlite_database(), |_| {}).await;
    for n in 0..1_000 {
        world.leave(vec![command(&format!("G-{n}"), Lane::Joiner, 1)]).await;
    }
    world.leave(vec![command("leaver", Lane::Leaver, 1)]).await;
    world.relay.catch_up().await.unwrap();
    let subjects = world.commands(1_001).await;
    let place = subjects.iter().position(|subject| subject == "leaver").unwrap();
    assert!(place < 100, "the departure went out after {place} others");
    assert_eq!(
        world.relay.status().await.unwrap(),
        lifecycle::OutboxStatus { service: SERVICE.to_owned(), ..Default::default() }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_never_takes_is_set_aside_and_holds_up_nothing() {
    for database in test_databases() {
        let world = World::new(database, |_| {}).await;
        world.leave_as_text("unreadable", "[{\"feed\":").await;
        let small = command("G-small", Lane::Mover, 1);
        world.leave(vec![command("G-large", Lane::Mover, 2 << 20), small]).await;
        for n in 0..30 {
            world.leave(vec![command(&format!("G-{n}"), Lane::Mover, 1)]).await;
        }
        world.relay.catch_up().await.unwrap();
        assert_eq!(world.commands(31).await.len(), 31);
        assert_eq!(world.waiting(outbox::OutboxLane::Commands).await, 0);

        let reply = world.relay.set_aside().await.unwrap();
        let causes: Vec<&str> = reply.set_aside.iter().map(|message| message.cause.as_str()).collect();
        assert_eq!(reply.status.set_aside, 2);
        assert!(causes[0].contains("cannot be read"), "{causes:?}");
        assert!(causes[1].contains("larger than the"), "{causes:?}");

        let large = reply.set_aside[1].id.clone();
        let retried = world.relay.retry_set_aside(&large).await.unwrap().unwrap();
        assert_eq!(retried.status.set_aside, 2, "it is set aside again, once");
        assert_eq!(world.relay.retry_set_aside("no such message").await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_an_earlier_version_keeps_only_what_is_still_to_be_published() {
    let world = World::new(sqlite_database(), |max| max.journal = 64 << 10).await;
    world.fill_journal().await;
    let mut messages = vec![command("G-1", Lane::Leaver, 1)];
    messages.extend(facts(20_000));
    world.leave_as_text("mixed", &serde_json::to_string(&messages).unwrap()).await;
    world.relay.catch_up().await.unwrap();
    assert_eq!(world.commands(1).await, ["G-1"]);
    assert_eq!(world.waiting(outbox::OutboxLane::Commands).await, 0);
    let left = outbox::get_row(world.store.reader(), SERVICE, "mixed").await.unwrap().unwrap();
    assert_eq!(serde_json::from_str::<Vec<OutgoingMessage>>(&left.messages).unwrap(), messages[1..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_beyond_the_bound_are_dropped_and_how_many_is_kept() {
    for database in test_databases() {
        let world = World::new(database, |max| max.journal = 64 << 10).await;
        world.fill_journal().await;
        for _ in 0..50 {
            world.leave(facts(10_000)).await;
        }
        let relay = world.relay.clone().with_facts_bytes_max(200_000);
        relay.catch_up().await.unwrap();
        let status = relay.status().await.unwrap();
        assert!(status.facts > 0 && status.facts_dropped > 0, "{status:?}");
        assert_eq!(status.facts.unsigned_abs() + status.facts_dropped, 50);
        assert!(relay.set_aside().await.unwrap().set_aside[0].cause.contains("dropped"));

        for _ in 0..50 {
            world.leave(facts(10_000)).await;
        }
        relay.catch_up().await.unwrap();
        let later = relay.status().await.unwrap();
        assert_eq!(later.facts_dropped, status.facts_dropped + 50);
        assert_eq!(later.set_aside, 1, "one row keeps the count");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_set_aside_can_be_given_up_and_told_but_never_a_departure() {
    for database in test_databases() {
        let world = World::new(database, |_| {}).await;
        let large = |subject: &str, lane| command(subject, lane, 2 << 20);
        world.leave(vec![large("G-1", Lane::Mover)]).await;
        world.leave(vec![large("G-2", Lane::Leaver)]).await;
        world.relay.catch_up().await.unwrap();
        let aside = world.relay.set_aside().await.unwrap().set_aside;
        let actor = lifecycle::Actor { who: "alice".to_owned(), why: "too long".to_owned() };
        let discard = async |id: &str| {
            let request = lifecycle::DiscardSetAsideRequest { id: id.to_owned(), actor: actor.clone() };
            world.relay.discard_set_aside(&request).await.unwrap()
        };
        let of = |lane: &str| aside.iter().find(|message| message.lane == lane).unwrap().id.clone();
        assert!(matches!(discard(&of("departures")).await, crate::DiscardedMessage::TakesAccessAway));
        let crate::DiscardedMessage::Done(left) = discard(&of("commands")).await else { panic!("discarded") };
        assert_eq!(left.set_aside.len(), 1, "{left:?}");
        assert!(matches!(discard(&of("commands")).await, crate::DiscardedMessage::NotFound));
        let mut journal = world.bus.consume::<bus::FactBatch>(StreamName::Journal, "reader").await.unwrap();
        let told = journal.next_batch(1).await.unwrap();
        let facts = &told[0].body.as_ref().unwrap().0;
        assert!(matches!(&facts[0].fact, Fact::MessageDiscarded { who, .. } if who == "alice"), "{facts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_said_of_one_account_is_set_aside_once_however_often_it_is_tried() {
    let world = World::new(sqlite_database(), |_| {}).await;
    for _ in 0..3 {
        world.leave(vec![command("G-1", Lane::Mover, 2 << 20)]).await;
        world.relay.catch_up().await.unwrap();
    }
    let reply = world.relay.set_aside().await.unwrap();
    assert_eq!(reply.set_aside.len(), 1, "{reply:?}");
    let retried = world.relay.retry_set_aside(&reply.set_aside[0].id).await.unwrap().unwrap();
    assert_eq!(retried.set_aside.len(), 1, "refused again: {retried:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_refused_again_is_in_the_answer_however_many_are_set_aside() {
    for database in test_databases() {
        let world = World::new(database, |_| {}).await;
        let tx = world.store.begin().await.unwrap();
        let id = |number: u64| format!("row-{number:04}");
        for number in 0..=lifecycle::SET_ASIDE_MAX {
            let created_at = number.cast_signed();
            let row = outbox::OutboxRow { id: id(number), created_at, messages: "unreadable".to_owned() };
            outbox::put_aside(&tx, SERVICE, outbox::OutboxLane::Commands, &row, "unreadable").await.unwrap();
        }
        tx.commit().await.unwrap();
        let last = id(lifecycle::SET_ASIDE_MAX);
        let listed = world.relay.set_aside().await.unwrap().set_aside;
        assert!(listed.iter().all(|message| message.id != last), "it is not on the first page");
        let retried = world.relay.retry_set_aside(&last).await.unwrap().unwrap();
        assert_eq!(retried.set_aside[0].id, last);
        assert_eq!(retried.set_aside.len(), listed.len() + 1, "the others are listed once");
        let first = world.relay.retry_set_aside(&id(0)).await.unwrap().unwrap();
        assert_eq!((first.set_aside[0].id.as_str(), first.set_aside.len()), ("row-0000", listed.len()));
    }
}
