//! One sender fills its share of the storage.

use std::time::Duration;

use bus::testing::TestServer;
use edge::TokenHash;
use serde_json::{Value, json};

use crate::world::{Answer, STRUCTURED, World, event};

/// Returns an event of about 400 kB.
fn large(id: &str) -> Value {
    let mut event = event(id);
    for n in 0..8 {
        event["data"]["attributes"][format!("a{n}")] = json!("x".repeat(50_000));
    }
    event
}

async fn by_other(world: &World, body: &Value) -> Answer {
    let request = world.http.post(format!("{}/v1/events", world.url)).bearer_auth("other-token");
    Answer::of(request.header("content-type", STRUCTURED).body(body.to_string())).await
}

#[tokio::test]
async fn a_sender_over_its_share_is_refused_until_it_is_merged_and_departures_and_others_are_not() {
    let nats = TestServer::start();
    let mut config = nats.config();
    config.max_bytes.events = 8 << 20;
    let token = |text: &str| TokenHash::of(text).to_string();
    let sources = json!([
        { "name": "hr", "token": token("hr-token") },
        { "name": "other", "token": token("other-token"), "ce_source": ["hr"] },
    ]);
    let world = World::start_on(nats, config, json!({ "sources": sources })).await;
    // The mapper's consumer exists, but merges nothing.
    let mut mapper = world.stored().await;
    let mut taken = 0;
    let refused = loop {
        let answer = world.events(STRUCTURED, &large(&format!("E-{taken}"))).await;
        if answer.status != 202 {
            break answer;
        }
        taken += 1;
        assert!(taken < 20, "never refused");
    };
    assert_eq!((refused.status, refused.code()), (429, "sender_quota"), "{:?}", refused.body);
    assert!(!refused.header("retry-after").is_empty());
    assert!((4..=8).contains(&taken), "a quarter of 8 MiB: {taken}");
    let mut left = event("L-1");
    left["type"] = json!("worker.left");
    assert_eq!(world.events(STRUCTURED, &left).await.status, 202, "departures are taken");
    assert_eq!(by_other(&world, &event("O-1")).await.status, 202, "other senders are");

    let mut seen = 0;
    while seen < taken + 2 {
        for delivery in mapper.next_batch(10).await.unwrap() {
            delivery.ack().await;
            seen += 1;
        }
    }
    let merged = async {
        while world.events(STRUCTURED, &event("E-last")).await.status != 202 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), merged).await.expect("taken again once it is merged");
}
