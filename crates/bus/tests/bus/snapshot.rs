//! Streams go into a backup while they are written to, and come back with their consumers.

use std::collections::BTreeMap;

use bus::testing::TestServer;
use bus::{BackupMark, Bus, Consumer, ServiceMark, StreamName};
use lifecycle::Event;

use crate::world::World;

async fn take(consumer: &mut Consumer<Event>, count: usize) -> usize {
    let mut taken = 0;
    while taken < count {
        for delivery in consumer.next_batch(count - taken).await.unwrap() {
            taken += 1;
            delivery.ack().await;
        }
    }
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_come_back_from_a_backup_with_their_sequences_consumers_and_marks() {
    let world = World::new(|_| ()).await;
    let mut consumer = world.consumer().await;
    world.publish(0..2_000).await;
    take(&mut consumer, 500).await;
    drop(consumer);
    let mark = ServiceMark {
        installation: "one".to_owned(),
        beat: 7,
        at: Some(8),
        notices: vec!["news".to_owned()],
    };
    world.bus.leave_mark("mapper", &mark).await.unwrap();
    world.bus.leave_backup(BackupMark { at: 5 }).await.unwrap();
    let before = world.bus.positions(StreamName::Events, "mapper").await.unwrap();

    let mut kept = Vec::new();
    for stream in world.bus.streams_to_back_up() {
        let mut bytes = Vec::new();
        let description = world.bus.snapshot_stream(&stream, &mut bytes).await.unwrap();
        kept.push((stream, description, bytes));
    }
    world.publish(2_000..2_010).await;

    let other = TestServer::start();
    let bus = Bus::connect(&other.config(), "restore").await.unwrap();
    let mut made_at = BTreeMap::new();
    for (stream, description, bytes) in &kept {
        made_at.insert(stream, bus.restore_stream(stream, description, &mut bytes.as_slice()).await.unwrap());
    }
    bus.ensure_streams().await.unwrap();
    let after = bus.positions(StreamName::Events, "mapper").await.unwrap();
    let known = |positions: &[bus::StreamPosition]| {
        let known = positions.iter().map(|at| (at.durable.clone(), at.last_sequence, at.ack_floor));
        known.collect::<Vec<_>>()
    };
    assert_eq!(known(&after), known(&before));
    let name = &kept[0].0;
    assert_eq!((kept[0].1.made_at, made_at[name]), (before[0].made_at, after[0].made_at));
    assert_eq!(
        (kept[0].1.messages(), kept[0].1.first_sequence(), kept[0].1.last_sequence()),
        (2_000, 1, 2_000)
    );
    assert_eq!(bus.mark("mapper").await.unwrap().read(), Some(&mark));
    assert_eq!(bus.last_backup().await.unwrap(), Some(BackupMark { at: 5 }));
    let mut consumer: Consumer<Event> = bus.consume(StreamName::Events, "mapper").await.unwrap();
    assert_eq!(take(&mut consumer, 1_500).await, 1_500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_missing_or_there_already_is_said() {
    let world = World::new(|_| ()).await;
    let missing = world.bus.snapshot_stream("NOWHERE", &mut Vec::new()).await.unwrap_err();
    assert_eq!(missing.to_string(), "write the stream NOWHERE into a backup");
    let mut bytes = Vec::new();
    let description = world.bus.snapshot_stream("DEAD", &mut bytes).await.unwrap();
    let there = world.bus.restore_stream("DEAD", &description, &mut bytes.as_slice()).await.unwrap_err();
    assert_eq!(there.to_string(), "restore the stream DEAD");
    bytes.truncate(bytes.len() / 2);
    let other = TestServer::start();
    let bus = Bus::connect(&other.config(), "restore").await.unwrap();
    assert!(bus.restore_stream("DEAD", &description, &mut bytes.as_slice()).await.is_err(), "cut off");
}
