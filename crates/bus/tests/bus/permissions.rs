//! Each credential on each subject of a real server: what a service may publish and read, and nothing else.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use bus::testing::{TestServer, test_password};
use bus::{BrokerIdentity, Bus, OutgoingMessage, ServerCredential, StreamName, users_configuration};
use futures_util::{FutureExt, StreamExt};
use lifecycle::{Event, TraceContext};

use crate::world::{event, outgoing};

use BrokerIdentity::{Admin, Console, Gateway, Mapper, Streams, Writer};

/// Maximum time for an answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Subjects, and who may publish to them beside the administrator.
const PUBLICATIONS: &[(&str, &[BrokerIdentity])] = &[
    ("usher.event.0.hr.worker.left", &[Gateway]),
    ("usher.notice.workday", &[Gateway]),
    ("usher.command.crm.leaver", &[Mapper]),
    ("usher.command.crm.mover", &[Mapper]),
    ("usher.dead.crm", &[Writer]),
    ("usher.journal.gateway.eventAccepted", &[Gateway]),
    ("usher.journal.mapper.decided", &[Mapper]),
    ("usher.journal.writer.heldDecided", &[Writer]),
    ("usher.journal.console.signedIn", &[Console]),
    ("usher.control.writer.decide_held", &[Console]),
    ("usher.control.writer.pause", &[Console]),
    ("usher.control.mapper.order_access", &[Console]),
    ("usher.control.mapper.decide_feed", &[Console, Mapper]),
    ("usher.control.mapper.known_rows", &[Console, Gateway]),
    ("usher.control.mapper.verify", &[Console, Writer]),
    ("usher.control.writer.evidence", &[Console, Mapper]),
    ("usher.control.writer.verified", &[Console, Mapper]),
    ("usher.control.gateway.discard_set_aside", &[Console]),
    ("usher.replica.writer.w-1.decide_held", &[Console, Writer]),
    ("usher.streams.full", &[Gateway, Mapper, Writer, Console]),
    ("$KV.usher_services.gateway", &[Gateway]),
    ("$KV.usher_services.mapper", &[Mapper]),
    ("$KV.usher_services.writer", &[Writer]),
    ("$KV.usher_services.backup", &[]),
    ("$KV.usher_services.source_problems", &[Gateway]),
    ("$JS.API.STREAM.CREATE.OTHER", &[Streams]),
    ("$JS.API.STREAM.UPDATE.JOURNAL", &[Streams]),
    ("$JS.API.STREAM.PURGE.JOURNAL", &[Streams]),
    ("$JS.API.STREAM.DELETE.JOURNAL", &[]),
    ("$JS.API.STREAM.MSG.DELETE.JOURNAL", &[]),
    ("$JS.API.STREAM.SNAPSHOT.JOURNAL", &[]),
    ("$JS.API.STREAM.RESTORE.JOURNAL", &[]),
    ("$JS.API.STREAM.MSG.GET.JOURNAL", &[Streams]),
    ("$JS.API.STREAM.MSG.GET.EVENTS", &[Gateway, Streams]),
    ("$JS.API.CONSUMER.CREATE.NOTICES.gateway", &[Streams]),
    ("$JS.API.CONSUMER.CREATE.NOTICES.other", &[]),
    ("$JS.API.CONSUMER.CREATE.EVENTS.mapper", &[Mapper]),
    ("$JS.API.CONSUMER.CREATE.EVENTS.other", &[]),
    ("$JS.API.CONSUMER.CREATE.EVENTS", &[]),
    ("$JS.API.CONSUMER.CREATE.JOURNAL", &[Console, Mapper]),
    ("$JS.API.CONSUMER.CREATE.COMMANDS.writer-departures", &[Writer]),
    ("$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.other", &[]),
    ("$JS.API.CONSUMER.DELETE.EVENTS.mapper", &[Mapper]),
    ("$JS.API.CONSUMER.DELETE.COMMANDS.writer", &[Writer]),
    ("$JS.API.CONSUMER.DELETE.JOURNAL.console", &[Console]),
    ("$JS.API.CONSUMER.DELETE.NOTICES.gateway", &[]),
    ("$JS.API.CONSUMER.MSG.NEXT.NOTICES.gateway", &[Gateway]),
    ("$JS.API.CONSUMER.MSG.NEXT.EVENTS.mapper", &[Mapper]),
    ("$JS.API.CONSUMER.MSG.NEXT.COMMANDS.writer", &[Writer]),
    ("$JS.API.CONSUMER.MSG.NEXT.JOURNAL.console", &[Console, Mapper]),
    ("$JS.ACK.EVENTS.mapper.1.1.1.1.0", &[Mapper]),
    ("$JS.ACK.COMMANDS.writer.1.1.1.1.0", &[Writer]),
    ("$JS.API.ACCOUNT.PURGE.usher", &[]),
    ("_INBOX_console.x", &[]),
    ("anything.else", &[]),
];

/// Subjects, and who may subscribe to them beside the administrator.
const SUBSCRIPTIONS: &[(&str, &[BrokerIdentity])] = &[
    (">", &[]),
    ("usher.>", &[]),
    ("usher.event.>", &[]),
    ("usher.command.>", &[]),
    ("usher.journal.>", &[]),
    ("usher.control.writer.pause", &[Writer]),
    ("usher.control.mapper.plan", &[Mapper]),
    ("usher.control.gateway.outbox", &[Gateway]),
    ("usher.replica.writer.w-1.pause", &[Writer]),
    ("usher.streams.full", &[Streams]),
    ("_INBOX.>", &[]),
    ("_INBOX_gateway.x", &[Gateway]),
    ("_INBOX_mapper.x", &[Mapper]),
    ("_INBOX_writer.x", &[Writer]),
    ("_INBOX_console.x", &[Console]),
];

async fn connect(server: &TestServer, identity: BrokerIdentity) -> Client {
    ConnectOptions::new()
        .user_and_password(identity.to_string(), test_password(identity))
        .custom_inbox_prefix(format!("_INBOX_{identity}"))
        .connect(server.url())
        .await
        .unwrap()
}

/// Waits until the server has handled everything that the client sent: the answer to a later request shows it.
async fn settle(client: &Client) {
    let asked = client.request("$JS.API.INFO", "".into());
    tokio::time::timeout(PATIENCE, asked).await.unwrap().unwrap();
}

/// Returns the subjects of [`PUBLICATIONS`] on which messages of `identity` arrive.
async fn publications(
    server: &TestServer,
    admin: &Client,
    identity: BrokerIdentity,
) -> BTreeSet<&'static str> {
    // The last message is allowed to everybody, and the messages of one client keep their order.
    const LAST: &str = "$JS.API.INFO";
    let mut everything = admin.subscribe(">").await.unwrap();
    settle(admin).await;
    let client = connect(server, identity).await;
    let mark = format!("by {identity}");
    for (subject, _) in PUBLICATIONS {
        client.publish(*subject, mark.clone().into()).await.unwrap();
    }
    client.publish(LAST, mark.clone().into()).await.unwrap();
    let mut arrived = BTreeSet::new();
    loop {
        let message = tokio::time::timeout(PATIENCE, everything.next()).await.unwrap().unwrap();
        if message.payload != mark.as_bytes() {
            continue;
        }
        match PUBLICATIONS.iter().find(|(subject, _)| *subject == message.subject.as_str()) {
            Some((subject, _)) => _ = arrived.insert(*subject),
            None if message.subject.as_str() == LAST => return arrived,
            None => {}
        }
    }
}

#[tokio::test]
async fn each_user_publishes_what_its_service_needs_and_nothing_else() {
    let server = TestServer::start_with_users();
    let admin = connect(&server, Admin).await;
    for identity in BrokerIdentity::ALL {
        let arrived = publications(&server, &admin, identity).await;
        for (subject, may) in PUBLICATIONS {
            let is_allowed = identity == Admin || may.contains(&identity);
            assert_eq!(arrived.contains(subject), is_allowed, "{identity} publishes to {subject}");
        }
    }
}

#[tokio::test]
async fn each_user_reads_its_own_requests_and_answers_and_nothing_else() {
    let server = TestServer::start_with_users();
    let admin = connect(&server, Admin).await;
    for identity in BrokerIdentity::ALL {
        let client = connect(&server, identity).await;
        for (subject, may) in SUBSCRIPTIONS {
            let mut subscription = client.subscribe(*subject).await.unwrap();
            settle(&client).await;
            let concrete = subject.replace('>', "usher.event.0.x");
            admin.publish(concrete, "hello".into()).await.unwrap();
            settle(&admin).await;
            settle(&client).await;
            // A refused subscription stays open at the client, and nothing arrives. What is there is there whatever budget
            // the task has left.
            let mut got = false;
            while let Some(Some(message)) = tokio::task::unconstrained(subscription.next()).now_or_never() {
                got |= message.payload == "hello";
            }
            let is_allowed = identity == Admin || may.contains(&identity);
            assert_eq!(got, is_allowed, "{identity} reads {subject}");
        }
    }
}

#[tokio::test]
async fn the_streams_are_made_by_the_keeper_alone_and_events_arrive() {
    let server = TestServer::start_with_users();
    let keeper = Bus::connect(&server.config_of(Streams), "streams").await.unwrap();
    keeper.ensure_streams().await.unwrap();
    let gateway = Bus::connect(&server.config_of(Gateway), "gateway").await.unwrap();
    let mapper = Bus::connect(&server.config_of(Mapper), "mapper").await.unwrap();
    gateway.publish(vec![outgoing(1)]).await.remove(0).unwrap();
    let mut consumer = mapper.consume::<Event>(StreamName::Events, "mapper").await.unwrap();
    let delivery = consumer.next_batch(1).await.unwrap().remove(0);
    assert_eq!(delivery.body.as_ref().unwrap().subject, "E-1");
    delivery.ack().await;
    let mut departures = mapper.consume_departures::<Event>(StreamName::Events).await.unwrap();
    let left = Event { kind: lifecycle::EventKind::WorkerLeft, ..event(2) };
    gateway.publish(vec![OutgoingMessage::event(&left, TraceContext::root())]).await.remove(0).unwrap();
    assert_eq!(departures.next_batch(1).await.unwrap().len(), 1);
    mapper.rewind("EVENTS", "mapper", 1).await.unwrap();
    // The gateway reads its own notices with the consumer that the keeper made.
    gateway.consume::<serde_json::Value>(StreamName::Notices, "gateway").await.unwrap();
}

#[test]
fn the_shipped_users_are_those_of_this_version() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/nats/users.conf");
    let by_password =
        |identity: BrokerIdentity| ServerCredential::PasswordVariable(identity.password_variable());
    let wanted = users_configuration(1, by_password);
    if std::env::var_os("UPDATE_USERS").is_some() {
        std::fs::write(path, &wanted).unwrap();
    }
    let shipped = std::fs::read_to_string(path).unwrap();
    assert_eq!(shipped, wanted, "write it again: UPDATE_USERS=1 cargo nextest run -p bus");
}
