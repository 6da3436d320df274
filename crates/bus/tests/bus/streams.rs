//! Streams that are lost, full or nearly full, and the departures consumer.

use std::time::Duration;

use bus::{Bus, Consumer, OutgoingMessage, StreamName, StreamSnapshot};
use lifecycle::{Event, EventKind, TraceContext};
use telemetry::Readiness;
use tokio_util::sync::CancellationToken;

use crate::world::{World, event, is_full, outgoing};

const LEVEL_MAX: Duration = Duration::from_secs(60);

fn departure(n: usize) -> OutgoingMessage {
    OutgoingMessage::event(&Event { kind: EventKind::WorkerLeft, ..event(n) }, TraceContext::root())
}

/// A stream keeper that runs until this value is dropped.
struct Keeping(CancellationToken);

impl Keeping {
    fn start(world: &World) -> Self {
        let stop = CancellationToken::new();
        tokio::spawn(world.bus.clone().keep_streams(stop.clone()));
        Self(stop)
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

async fn until<F: Future<Output = bool>>(what: &str, level: impl Fn() -> F) {
    let reached = async {
        while !level().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(LEVEL_MAX, reached).await.is_ok(), "never: {what}");
}

async fn take(consumer: &mut Consumer<Event>, count: usize) -> Vec<String> {
    let mut subjects = Vec::new();
    while subjects.len() < count {
        let batch = tokio::time::timeout(LEVEL_MAX, consumer.next_batch(500)).await;
        for delivery in batch.expect("there is more").unwrap() {
            subjects.push(delivery.body.as_ref().unwrap().subject.clone());
            delivery.ack().await;
        }
    }
    subjects
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_lost_are_made_again_and_events_flow_on() {
    let mut world = World::new(|_| ()).await;
    let _keeping = Keeping::start(&world);
    let mut consumer = world.consumer().await;
    world.publish(0..10).await;
    take(&mut consumer, 10).await;
    world.server.restart_empty();
    world.publish(10..20).await;
    let mut subjects = take(&mut consumer, 10).await;
    subjects.sort();
    assert_eq!(subjects, (10..20).map(|n| format!("E-{n}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_every_consumer_has_taken_makes_room_and_is_remembered_as_dropped() {
    let world = World::new(|config| config.max_bytes.events = 400_000).await;
    let _keeping = Keeping::start(&world);
    let mut consumer = world.consumer().await;
    let mut departures: Consumer<Event> = world.bus.consume_departures(StreamName::Events).await.unwrap();
    // Three times the capacity of the stream.
    for round in 0..15 {
        world.publish(round * 100..round * 100 + 99).await;
        let left = world.bus.publish(vec![departure(round * 100 + 99)]).await;
        assert!(left[0].is_ok(), "{left:?}");
        take(&mut departures, 1).await;
        take(&mut consumer, 100).await;
    }
    let looks = world.bus.look_at_streams(StreamName::Events).await;
    let StreamSnapshot::There(state) = &looks[0] else { panic!("{looks:?}") };
    assert!(state.dropped_until.is_some() && state.messages > 0, "{state:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_consumer_has_not_taken_is_never_dropped_and_room_is_kept_for_departures() {
    let world = World::new(|config| config.max_bytes.events = 400_000).await;
    let _keeping = Keeping::start(&world);
    let _consumer = world.consumer().await;
    let mut departures: Consumer<Event> = world.bus.consume_departures(StreamName::Events).await.unwrap();
    let mut accepted = 0;
    loop {
        let results = world.bus.publish((accepted..accepted + 50).map(outgoing).collect()).await;
        accepted += results.iter().filter(|result| result.is_ok()).count();
        if results.iter().any(is_full) {
            break;
        }
    }
    let left = world.bus.publish(vec![departure(9_999)]).await;
    assert!(left[0].is_ok(), "{left:?}");
    assert_eq!(take(&mut departures, 1).await, ["E-9999"]);
    assert!(is_full(&world.bus.publish(vec![outgoing(10_000)]).await[0]));
    assert_eq!(world.bus.lag(StreamName::Events, "mapper").await.unwrap(), accepted as u64 + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_departure_is_read_before_what_lies_in_front_of_it_and_old_ones_are_not_read_again() {
    let world = World::new(|_| ()).await;
    let mut consumer = world.consumer().await;
    assert!(world.bus.publish(vec![departure(0)]).await[0].is_ok());
    take(&mut consumer, 1).await;
    until("the departure is acknowledged", async || {
        world.bus.lag(StreamName::Events, "mapper").await.is_ok_and(|lag| lag == 0)
    })
    .await;
    world.publish(1..3_000).await;
    assert!(world.bus.publish(vec![departure(3_000)]).await[0].is_ok());
    let mut departures: Consumer<Event> = world.bus.consume_departures(StreamName::Events).await.unwrap();
    assert_eq!(take(&mut departures, 1).await, ["E-3000"]);
    assert_eq!(take(&mut consumer, 3_000).await.last().map(String::as_str), Some("E-3000"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_waits_for_its_streams_and_is_not_ready_while_one_is_missing() {
    let server = bus::testing::TestServer::start();
    let mut world = World { bus: Bus::connect(&server.config(), "test").await.unwrap(), server };
    let readiness = Readiness::default();
    let latch = readiness.latch("streams");
    let watching = tokio::spawn(world.bus.clone().watch_streams(
        vec![StreamName::Events],
        vec![StreamName::Events],
        latch,
    ));
    until("a missing stream is said", async || {
        readiness.closed().iter().any(|(_, why)| why.contains("EVENTS is missing"))
    })
    .await;
    let waiting = tokio::spawn({
        let bus = world.bus.clone();
        async move { bus.wait_for_streams(&[StreamName::Events]).await }
    });
    world.bus.ensure_streams().await.unwrap();
    waiting.await.unwrap();
    until("ready", async || readiness.is_ready()).await;
    world.server.restart_empty();
    until("not ready", async || !readiness.is_ready()).await;
    world.bus.ensure_streams().await.unwrap();
    until("ready again", async || readiness.is_ready()).await;
    watching.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_by_hand_is_as_configured_again() {
    let world = World::new(|_| ()).await;
    let client = async_nats::connect(world.server.url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let mut stream = jetstream.get_stream("COMMANDS").await.unwrap();
    let mut config = stream.cached_info().config.clone();
    let max_age = config.max_age;
    config.max_age = Duration::from_secs(3_600);
    jetstream.update_stream(&config).await.unwrap();
    let _keeping = Keeping::start(&world);
    let changed = async {
        while stream.info().await.unwrap().config.max_age != max_age {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(LEVEL_MAX, changed).await.is_ok());
}

#[tokio::test]
async fn a_server_that_cannot_be_asked_keeps_no_service_from_starting_while_another_answers() {
    let server = bus::testing::TestServer::start();
    let mut config = server.config();
    let there = config.monitor_url.take().unwrap();
    for urls in [format!("http://127.0.0.1:1, {there}"), "http://127.0.0.1:1".to_owned()] {
        config.monitor_url = Some(urls);
        assert!(Bus::connect(&config, "test").await.is_ok());
    }
}
