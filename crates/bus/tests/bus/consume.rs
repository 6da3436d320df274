//! Consuming: every message arrives until it is acknowledged.

use std::collections::HashSet;

use bus::{FactBatch, OutgoingMessage, StreamName};
use lifecycle::{Event, Fact, FactRecord, ResourceKind, TraceContext};
use time::OffsetDateTime;

use crate::world::{World, event, outgoing};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_goes_on_after_the_server_was_killed() {
    let mut world = World::new(|_| ()).await;
    let mut consumer = world.consumer().await;
    let mut seen = HashSet::new();
    for round in 0..3 {
        world.publish(round * 400..(round + 1) * 400).await;
        while seen.len() < round * 400 + 200 {
            for delivery in consumer.next_batch(50).await.unwrap() {
                seen.insert(delivery.body.as_ref().unwrap().id.clone());
                delivery.ack().await;
            }
        }
        world.restart();
    }
    while seen.len() < 1_200 {
        for delivery in consumer.next_batch(50).await.unwrap() {
            seen.insert(delivery.body.as_ref().unwrap().id.clone());
            delivery.ack().await;
        }
    }
    world.publish([1_200]).await;
    let mut last = false;
    while !last {
        for delivery in consumer.next_batch(50).await.unwrap() {
            last |= delivery.body.as_ref().unwrap() == &event(1_200);
            delivery.ack().await;
        }
    }
}

#[tokio::test]
async fn what_is_not_acknowledged_is_delivered_again() {
    let world = World::new(|_| ()).await;
    let mut consumer = world.consumer().await;
    world.publish([0, 1, 2]).await;
    let mut settled = HashSet::new();
    let mut again = Vec::new();
    while settled.len() < 3 {
        for delivery in consumer.next_batch(10).await.unwrap() {
            let sequence = delivery.sequence;
            match (sequence, delivery.redelivered) {
                (1, false) => delivery.nak().await,
                (2, false) => drop(delivery), // its acknowledgement deadline passes
                (_, redelivered) => {
                    again.extend(redelivered.then_some(sequence));
                    settled.insert(sequence);
                    delivery.ack().await;
                }
            }
        }
    }
    assert_eq!(again, [1, 2]);
}

#[tokio::test]
async fn replicas_share_one_durable_and_what_a_closed_one_held_goes_to_the_others() {
    let world = World::new(|_| ()).await;
    let (mut first, mut second) = (world.consumer().await, world.consumer().await);
    world.publish(0..600).await;
    let mut seen = HashSet::new();
    for delivery in first.next_batch(5).await.unwrap() {
        seen.insert(delivery.sequence);
        delivery.ack().await;
    }
    first.close().await;
    while seen.len() < 600 {
        for delivery in second.next_batch(100).await.unwrap() {
            assert!(seen.insert(delivery.sequence), "acknowledged messages do not come again");
            delivery.ack().await;
        }
    }
}

#[tokio::test]
async fn an_unreadable_message_is_delivered_as_an_error_with_its_sequence() {
    let world = World::new(|_| ()).await;
    world.publish([0]).await;
    let client = async_nats::connect(world.server.url()).await.unwrap();
    let stray = client.request("usher.event.0.hr.worker.joined", "{\"secret\": 1}".into()).await.unwrap();
    assert!(String::from_utf8_lossy(&stray.payload).contains("\"seq\":2"));
    world.publish([1]).await;
    let mut consumer = world.consumer().await;
    let mut bodies = Vec::new();
    while bodies.len() < 3 {
        for delivery in consumer.next_batch(10).await.unwrap() {
            bodies.push((delivery.sequence, delivery.body.clone()));
            delivery.ack().await;
        }
    }
    assert_eq!((bodies[0].0, &bodies[0].1), (1, &Ok(event(0))));
    assert_eq!((bodies[2].0, &bodies[2].1), (3, &Ok(event(1))));
    let error = bodies[1].1.as_ref().unwrap_err();
    assert_eq!((error.stream.as_str(), error.sequence), ("EVENTS", 2));
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn the_trace_and_the_facts_arrive_as_they_were_sent() {
    let world = World::new(|_| ()).await;
    let trace = TraceContext::root();
    let facts: Vec<_> = (0..3)
        .map(|n| FactRecord {
            id: n.to_string(),
            at: OffsetDateTime::UNIX_EPOCH,
            subject: "E-1".to_owned(),
            trace: Some(trace),
            fact: Fact::Superseded {
                target: "t".to_owned(),
                kind: ResourceKind::User,
                revision: n,
                by: n + 1,
            },
        })
        .collect();
    let mut messages = OutgoingMessage::facts("writer", &facts);
    messages.push(OutgoingMessage::event(&event(1), trace));
    assert!(world.bus.publish(messages).await.iter().all(Result::is_ok));

    let mut journal = world.bus.consume::<FactBatch>(StreamName::Journal, "console").await.unwrap();
    let delivery = journal.next_batch(10).await.unwrap().remove(0);
    assert_eq!(delivery.body.as_ref().unwrap().0, facts);
    let mut events = world.bus.consume::<Event>(StreamName::Events, "mapper").await.unwrap();
    assert_eq!(events.next_batch(10).await.unwrap()[0].trace, Some(trace));
}

#[tokio::test]
async fn a_cancelled_wait_loses_no_message() {
    let world = World::new(|config| config.ack_wait_seconds = 600).await;
    let mut consumer = world.consumer().await;
    let mut seen = HashSet::new();
    for n in 0..50 {
        let publish = world.bus.publish(vec![outgoing(n)]);
        tokio::select! {
            _ = publish => {}
            batch = consumer.next_batch(10) => {
                for delivery in batch.unwrap() {
                    seen.insert(delivery.sequence);
                    delivery.ack().await;
                }
            }
        }
    }
    world.publish(0..50).await;
    while seen.len() < 50 {
        for delivery in consumer.next_batch(10).await.unwrap() {
            seen.insert(delivery.sequence);
            delivery.ack().await;
        }
    }
}
