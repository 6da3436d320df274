//! Publishing: every answer is true, regardless of what happens to the server.

use std::collections::HashSet;

use bus::{Bus, OutgoingMessage, PublishError};
use lifecycle::TraceContext;

use crate::proxy::Proxy;
use crate::world::{World, duplicate, event, is_full, outgoing, stored};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_and_single_messages_get_their_own_sequences() {
    let world = World::new(|_| ()).await;
    assert_eq!(world.publish([0]).await, [stored(1)]);
    // One atomic batch, then one that is split by the server's limit.
    assert_eq!(world.publish(1..101).await, (2..102).map(stored).collect::<Vec<_>>());
    assert_eq!(world.publish(101..2_601).await, (102..2_602).map(stored).collect::<Vec<_>>());
    // Too few for a batch.
    let few: HashSet<_> = world.publish(2_601..2_621).await.into_iter().map(|p| p.sequence).collect();
    assert_eq!(few, (2_602..2_622).collect());
    assert_eq!(world.bus.lag(bus::StreamName::Events, "mapper").await.ok(), None, "nobody consumes yet");
    let mut consumer = world.consumer().await;
    assert_eq!(world.bus.lag(bus::StreamName::Events, "mapper").await.unwrap(), 2_621);
    let mut next = 0;
    while next < 2_601 {
        for delivery in consumer.next_batch(500).await.unwrap() {
            let body = delivery.body.as_ref().unwrap();
            if next < 2_601 {
                assert_eq!((delivery.sequence, body), (next as u64 + 1, &event(next)));
            }
            next += 1;
            delivery.ack().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_callers_are_committed_together_and_each_hears_of_its_own() {
    let world = World::new(|_| ()).await;
    let callers: Vec<_> = (0..300)
        .map(|n| {
            let bus = world.bus.clone();
            tokio::spawn(async move { bus.publish(vec![outgoing(n)]).await.remove(0).unwrap().sequence })
        })
        .collect();
    let mut expected = HashSet::new();
    for (n, caller) in callers.into_iter().enumerate() {
        expected.insert((caller.await.unwrap(), event(n).id));
    }
    let mut consumer = world.consumer().await;
    let mut seen = HashSet::new();
    while seen.len() < expected.len() {
        for delivery in consumer.next_batch(500).await.unwrap() {
            seen.insert((delivery.sequence, delivery.body.as_ref().unwrap().id.clone()));
        }
    }
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_are_marked_also_inside_a_batch_and_after_a_restart() {
    let mut world = World::new(|_| ()).await;
    assert_eq!(world.publish([7, 7]).await, [stored(1), duplicate(1)]);
    assert_eq!(world.publish([7]).await, [duplicate(1)]);
    let batch: Vec<_> = world.publish(0..100).await.iter().map(|p| p.duplicate).collect();
    assert_eq!(batch, (0..100).map(|n| n == 7).collect::<Vec<_>>());
    world.restart();
    assert!(world.publish(0..100).await.iter().all(|p| p.duplicate));
    assert_eq!(world.publish([100]).await, [stored(101)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_and_doubles_nothing() {
    let mut world = World::new(|_| ()).await;
    // Eight callers keep publishing while the server is killed eight times. Half of them send atomic batches.
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let callers: Vec<_> = (0..8_usize)
        .map(|caller| {
            let (bus, stop) = (world.bus.clone(), stop.clone());
            tokio::spawn(async move {
                let mut sent = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let count = if caller % 2 == 0 { 1 } else { 150 };
                    let numbers = (sent..sent + count).map(|n| caller * 1_000_000 + n);
                    for result in bus.publish(numbers.map(outgoing).collect()).await {
                        assert!(!result.unwrap().duplicate, "our own retry is no duplicate");
                    }
                    sent += count;
                }
                (caller, sent)
            })
        })
        .collect();
    for round in 1..=8 {
        world.publish([900_000_000 + round]).await;
        world.restart();
    }
    world.publish([900_000_000]).await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut expected: HashSet<usize> = (900_000_000..=900_000_008).collect();
    for caller in callers {
        let (caller, sent) = caller.await.unwrap();
        expected.extend((0..sent).map(|n| caller * 1_000_000 + n));
    }

    let mut consumer = world.consumer().await;
    let (mut seen, mut sequences) = (HashSet::new(), HashSet::new());
    while seen.len() < expected.len() {
        for delivery in consumer.next_batch(1_000).await.unwrap() {
            let number = delivery.body.as_ref().unwrap().source_event_id.parse::<usize>().unwrap();
            if sequences.insert(delivery.sequence) {
                assert!(seen.insert(number), "{number} was stored twice");
            }
            delivery.ack().await;
        }
    }
    assert_eq!(seen, expected);
    assert_eq!(world.publish([1]).await.first().map(|p| p.sequence <= seen.len() as u64), Some(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_acknowledgement_neither_stores_twice_nor_looks_like_a_duplicate() {
    let world = World::new(|_| ()).await;
    let _consumer = world.consumer().await;
    let proxy = Proxy::before(world.server.url().trim_start_matches("nats://")).await;
    let mut config = world.server.config();
    config.url = format!("nats://{}", proxy.address);
    config.publish_timeout_ms = 60_000;
    let bus = Bus::connect(&config, "test").await.unwrap();
    let mut stored = 0;
    for count in [1, 100] {
        proxy.swallow_answers();
        let numbers = stored..stored + count;
        let publishing = tokio::spawn({
            let (bus, messages) = (bus.clone(), numbers.map(outgoing).collect());
            async move { bus.publish(messages).await }
        });
        stored += count;
        while world.bus.lag(bus::StreamName::Events, "mapper").await.unwrap() < stored as u64 {}
        assert!(!publishing.is_finished());
        proxy.cut();
        let results = publishing.await.unwrap();
        assert!(results.iter().all(|result| !result.as_ref().unwrap().duplicate), "{results:?}");
        assert_eq!(world.bus.lag(bus::StreamName::Events, "mapper").await.unwrap(), stored as u64);
    }
    let again = bus.publish((0..stored).map(outgoing).collect()).await;
    assert!(again.iter().all(|result| result.as_ref().unwrap().duplicate));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_stream_refuses_and_drops_nothing() {
    let world = World::new(|config| config.max_bytes.events = 100_000).await;
    let mut accepted = 0;
    for round in 0..10 {
        let numbers: Vec<_> = (round * 40..(round + 1) * 40).collect();
        let results = world.bus.publish(numbers.into_iter().map(outgoing).collect()).await;
        for result in &results {
            assert!(result.is_ok() || is_full(result), "{result:?}");
        }
        accepted += results.iter().filter(|result| result.is_ok()).count();
    }
    assert!(accepted > 50 && accepted < 400, "{accepted}");
    assert!(is_full(&world.bus.publish(vec![outgoing(1_000)]).await[0]));
    let _consumer = world.consumer().await;
    assert_eq!(world.bus.lag(bus::StreamName::Events, "mapper").await.unwrap(), accepted as u64);
}

#[tokio::test]
async fn a_message_above_the_servers_limit_is_too_large_and_others_pass() {
    let world = World::new(|_| ()).await;
    let mut large = event(1);
    large.attributes.insert("notes".to_owned(), "x".repeat(2 << 20).into());
    let results =
        world.bus.publish(vec![OutgoingMessage::event(&large, TraceContext::root()), outgoing(2)]).await;
    assert!(matches!(results[0], Err(PublishError::TooLarge { max: 1_048_576, .. })), "{results:?}");
    assert_eq!(results[1], Ok(stored(1)));
}

#[tokio::test]
async fn without_a_server_publishing_ends_at_its_deadline_and_too_many_are_refused_at_once() {
    let mut world = World::new(|config| {
        config.publish_timeout_ms = 300;
        config.queue_max = 10;
    })
    .await;
    world.server.kill();
    let (first, second) = tokio::join!(
        world.bus.publish((0..10).map(outgoing).collect()),
        world.bus.publish(vec![outgoing(10)])
    );
    assert!(first.iter().all(|result| matches!(result, Err(PublishError::Timeout { .. }))), "{first:?}");
    assert!(matches!(second[0], Err(PublishError::Overloaded { waiting: 10, .. })), "{second:?}");
    assert!(!world.bus.connected());
}

#[tokio::test]
async fn events_about_one_person_share_a_shard_and_all_shards_are_consumed() {
    let world = World::new(|config| config.event_shards = 3).await;
    world.publish(0..300).await;
    let mut consumer = world.consumer().await;
    let mut seen = HashSet::new();
    while seen.len() < 300 {
        for delivery in consumer.next_batch(64).await.unwrap() {
            seen.insert(delivery.body.as_ref().unwrap().id.clone());
            delivery.ack().await;
        }
    }
    assert_eq!(world.publish(0..300).await.iter().filter(|p| !p.duplicate).count(), 0);
}

#[tokio::test]
async fn a_server_that_does_not_sync_is_refused_when_that_is_asked_for() {
    let server = bus::testing::TestServer::start();
    let mut config = server.config();
    config.monitor_url = None;
    let error = Bus::connect(&config, "test").await.unwrap_err();
    assert!(matches!(error, bus::BusError::NotSynced { .. }), "{error}");
    config.require_sync_always = false;
    assert!(Bus::connect(&config, "test").await.unwrap().connected());
    config.url = "nats://127.0.0.1:1".to_owned();
    config.connect_timeout_seconds = 0;
    assert!(matches!(Bus::connect(&config, "test").await, Err(bus::BusError::Connect { .. })));
}
