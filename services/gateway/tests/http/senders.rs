//! An event keeps the source that its payload claims, and records the sender that was authenticated.

use edge::TokenHash;
use lifecycle::Event;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::world::{Answer, STRUCTURED, World, event};

async fn world() -> World {
    let source =
        |name: &str| json!({ "name": name, "token": TokenHash::of(&format!("{name}-token")).to_string() });
    let mut adp = source("adp-feed");
    adp["ce_source"] = json!(["/adp"]);
    let mut relay = source("relay");
    relay["ce_source"] = json!(["*"]);
    World::start(json!({ "sources": [source("hr"), source("contractors"), source("ad"), adp, relay] })).await
}

/// Returns a departure that claims `source`.
fn left(id: &str, source: &str, subject: &str) -> Value {
    json!({ "specversion": "1.0", "id": id, "source": source, "type": "worker.left", "subject": subject, "data": {} })
}

impl World {
    async fn send_as(&self, token: &str, event: &Value) -> Answer {
        let request = self.http.post(format!("{}/v1/events", self.url)).bearer_auth(token);
        Answer::of(request.header("content-type", STRUCTURED).body(event.to_string())).await
    }

    async fn first(&self, count: usize) -> Vec<Event> {
        let (mut stored, mut events) = (self.stored().await, Vec::new());
        while events.len() < count {
            let batch = stored.next_batch(count).await.unwrap();
            events.extend(batch.iter().map(|one| one.body.as_ref().unwrap().clone()));
        }
        events
    }
}

#[tokio::test]
async fn a_source_speaks_only_in_its_own_name() {
    let world = world().await;
    for (token, claimed) in [
        ("ad-token", "/adp"),
        ("ad-token", "/ad/../adp"),
        ("ad-token", "/AD"),
        ("ad-token", "/ad%2Fx"),
        ("contractors-token", "webhooks/hrjson"),
        ("contractors-token", "feeds/people"),
        ("contractors-token", "/hr"),
        ("relay-token", "/webhooks/hrjson"),
        ("adp-feed-token", "/adp-feed"),
    ] {
        let answer = world.send_as(token, &left("1", claimed, "E-1")).await;
        assert_eq!((answer.status, answer.pointers()), (403, vec!["/source"]), "{token} as {claimed}");
        let detail = answer.body["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains("ce_source"), "{detail}");
    }
    for (token, claimed) in [
        ("ad-token", "/ad"),
        ("ad-token", "ad/emea"),
        ("adp-feed-token", "/adp/berlin"),
        ("relay-token", "/x"),
    ] {
        assert_eq!(
            world.send_as(token, &left("1", claimed, "E-1")).await.status,
            202,
            "{token} as {claimed}"
        );
    }
    let senders: Vec<String> = world.first(4).await.iter().map(|one| one.sender().to_owned()).collect();
    assert_eq!(senders, ["ad", "ad", "adp-feed", "relay"]);
}

#[tokio::test]
async fn no_sender_uses_up_the_ids_of_another() {
    let world = world().await;
    let squatter = world.send_as("relay-token", &left("leave-77", "/hr", "X-1")).await;
    assert_eq!(squatter.duplicates(), [false]);
    let genuine = world.send_as("hr-token", &left("leave-77", "/hr", "E-1")).await;
    assert_eq!(genuine.duplicates(), [false]);
    let subjects: Vec<String> = world.first(2).await.into_iter().map(|one| one.subject).collect();
    assert_eq!(subjects, ["X-1", "E-1"]);
}

#[tokio::test]
async fn what_claims_to_come_from_the_future_is_taken_as_said_now() {
    let world = world().await;
    let mut late = event("1");
    late["time"] = json!("2099-01-01T00:00:00Z");
    let begun = OffsetDateTime::now_utc();
    assert_eq!(world.send_as("hr-token", &late).await.status, 202);
    let stored = world.first(1).await.remove(0);
    assert!(begun <= stored.time && stored.time <= OffsetDateTime::now_utc(), "{}", stored.time);
    assert_eq!((stored.time, stored.effective_at), (stored.accepted_at, stored.accepted_at));
}

#[tokio::test]
async fn a_statement_without_a_time_of_the_sender_is_marked_as_timed_by_its_receipt() {
    let world = world().await;
    let mut without = event("1");
    without.as_object_mut().unwrap().remove("time");
    let (mut ahead, mut said) = (event("2"), event("3"));
    ahead["time"] = json!("2099-01-01T00:00:00Z");
    said["time"] = json!("2026-01-01T00:00:00Z");
    for event in [without, ahead, said] {
        assert_eq!(world.send_as("hr-token", &event).await.status, 202);
    }
    let by_receipt: Vec<bool> = world.first(3).await.iter().map(Event::is_timed_by_receipt).collect();
    assert_eq!(by_receipt, [true, true, false]);
}

#[tokio::test]
async fn a_reused_id_is_refused_and_the_mapper_is_told_and_a_repeated_request_is_a_duplicate() {
    let world = world().await;
    assert_eq!(world.send_as("hr-token", &left("7", "/hr", "E-1")).await.duplicates(), [false]);
    assert_eq!(world.send_as("hr-token", &left("7", "/hr", "E-1")).await.duplicates(), [true]);
    let mut other = left("7", "/hr", "E-1");
    other["data"] = json!({ "effectiveAt": "2026-01-01" });
    for different in [left("7", "/hr", "E-2"), other] {
        let answer = world.send_as("hr-token", &different).await;
        assert_eq!((answer.status, answer.code()), (409, "id_reused"), "{different}");
        assert_eq!(answer.pointers(), ["/id"]);
    }
    let again = world.send_as("hr-token", &left("7", "/hr", "E-2")).await;
    assert_eq!(again.status, 409, "also the second time");
    let mut stored = world.stored().await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        for delivery in stored.next_batch(10).await.unwrap() {
            let event = delivery.body.as_ref().unwrap().clone();
            seen.push((event.id, event.subject, delivery.content.clone().unwrap()));
            delivery.ack().await;
        }
    }
    assert!(seen.iter().all(|(id, ..)| *id == seen[0].0), "all go by the id");
    assert!(seen[1].2 != seen[0].2 && seen[2].2 != seen[0].2, "and say something else");
    // Each is reported once, and no further message exists. An acknowledgement may still be in transit.
    let all_taken = async { while world.bus.lag(bus::StreamName::Events, "mapper").await.unwrap() > 0 {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), all_taken).await.unwrap();
}

#[tokio::test]
async fn a_batch_with_one_reused_id_stores_the_rest_and_names_it() {
    let world = world().await;
    let batch = |subjects: [&str; 2]| json!([left("1", "/hr", subjects[0]), left("2", "/hr", subjects[1])]);
    let send = async |body: Value| {
        let request = world.http.post(format!("{}/v1/events", world.url)).bearer_auth("hr-token");
        Answer::of(request.header("content-type", crate::world::BATCH).body(body.to_string())).await
    };
    assert_eq!(send(json!([left("1", "/hr", "E-1")])).await.status, 202);
    let answer = send(batch(["E-9", "E-2"])).await;
    assert_eq!((answer.status, answer.pointers()), (409, vec!["/0/id"]));
    assert_eq!(send(batch(["E-1", "E-2"])).await.duplicates(), [true, true]);
}

#[tokio::test]
async fn a_key_that_no_index_takes_is_refused_in_bytes_and_a_departure_is_not() {
    let world = world().await;
    let long = "\u{4eba}".repeat(500);
    let mut group = left("1", "/hr", &long);
    group["type"] = json!("group.upserted");
    group["data"] = json!({ "attributes": { "displayName": "g" }, "members": [long] });
    let answer = world.send_as("hr-token", &group).await;
    assert_eq!((answer.status, answer.pointers()), (422, vec!["/subject"]));
    assert!(answer.body["errors"][0]["detail"].as_str().unwrap().contains("1024 bytes"), "{:?}", answer.body);
    assert_eq!(world.send_as("hr-token", &left("2", "/hr", &long)).await.status, 202);
}
