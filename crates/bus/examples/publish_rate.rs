//! Messages per second on one stream: one by one, 64 callers, batches of 1,000.
//!
//! Run with `cargo run -p bus --example publish_rate --features testing`. The figures belong in docs/benchmarks.md.

use std::time::{Duration, Instant};

use bus::testing::TestServer;
use bus::{Bus, OutgoingMessage};
use lifecycle::{Event, EventId, EventKind, TraceContext};
use time::OffsetDateTime;

const EACH: Duration = Duration::from_secs(4);

fn message(name: &str, n: usize) -> OutgoingMessage {
    let at = OffsetDateTime::UNIX_EPOCH;
    let event = Event {
        id: EventId::of(name, &n.to_string()),
        source: name.to_owned(),
        source_event_id: n.to_string(),
        kind: EventKind::WorkerChanged,
        subject: format!("E-{n}"),
        time: at,
        effective_at: at,
        accepted_at: at,
        sender: String::new(),
        dated: None,
        attributes: [("notes".to_owned(), "x".repeat(700).into())].into(),
        members: None,
        feed: None,
        withdraws: false,
        unread: Vec::new(),
    };
    OutgoingMessage::event(&event, TraceContext::root())
}

async fn measure(bus: &Bus, callers: usize, batch: usize) {
    let started = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let bus = bus.clone();
            tokio::spawn(async move {
                let (name, mut sent) = (format!("{callers}-{batch}-{caller}"), 0);
                let mut took = Vec::new();
                while started.elapsed() < EACH {
                    let call = Instant::now();
                    let messages = (sent..sent + batch).map(|n| message(&name, n)).collect();
                    for result in bus.publish(messages).await {
                        result.expect("published");
                    }
                    took.push(call.elapsed());
                    sent += batch;
                }
                (sent, took)
            })
        })
        .collect();
    let (mut sent, mut took) = (0, Vec::new());
    for task in tasks {
        let (of_task, calls) = task.await.expect("no panic");
        sent += of_task;
        took.extend(calls);
    }
    took.sort();
    let rate = sent as f64 / started.elapsed().as_secs_f64();
    let (p50, p99) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    println!("{callers:4} callers x {batch:4} messages: {rate:8.0} msg/s, call p50 {p50:.1?}, p99 {p99:.1?}");
}

#[tokio::main]
async fn main() {
    let server = TestServer::start();
    let mut config = server.config();
    config.max_bytes.events = 4 << 30;
    let bus = Bus::connect(&config, "publish_rate").await.expect("connected");
    bus.ensure_streams().await.expect("streams");
    for (callers, batch) in [(1, 1), (8, 1), (64, 1), (256, 1), (1, 100), (1, 1_000), (4, 1_000)] {
        measure(&bus, callers, batch).await;
    }
}
