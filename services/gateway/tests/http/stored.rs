//! Every event that is answered with 202 is on the stream.

use lifecycle::{EventKind, TraceContext};
use serde_json::{Value, json};

use crate::world::{Answer, BATCH, STRUCTURED, World, event};

#[tokio::test]
async fn an_accepted_event_is_on_the_stream_with_its_trace() {
    let world = World::start(json!({})).await;
    let trace = TraceContext::root();
    let request = world.post("/v1/events", STRUCTURED, event("1").to_string());
    let answer =
        Answer::of(request.header("traceparent", trace.to_string()).header("x-request-id", "r-1")).await;
    assert_eq!(answer.duplicates(), [false]);
    assert_eq!(answer.header("x-request-id"), "r-1");
    assert_eq!(answer.body["accepted"][0]["sourceEventId"], "1");

    let stored = world.stored().await.next_batch(10).await.unwrap();
    let event = stored[0].body.as_ref().unwrap();
    assert_eq!(
        (event.id.as_str(), event.subject.as_str()),
        (answer.body["accepted"][0]["id"].as_str().unwrap(), "1")
    );
    assert_eq!(stored[0].trace.unwrap().trace_id, trace.trace_id);
}

#[tokio::test]
async fn an_event_names_its_trace_if_the_request_does_not() {
    let world = World::start(json!({})).await;
    let (own, request) = (TraceContext::root(), TraceContext::root());
    let mut first = event("1");
    first["traceparent"] = json!(own.to_string());
    assert_eq!(world.events(BATCH, &json!([first, event("2")])).await.status, 202);
    first["id"] = json!("3");
    let third = world.post("/v1/events", STRUCTURED, first.to_string());
    assert_eq!(Answer::of(third.header("traceparent", request.to_string())).await.status, 202);

    let mut consumer = world.stored().await;
    let mut traces = Vec::new();
    while traces.len() < 3 {
        let batch = consumer.next_batch(10).await.unwrap();
        traces.extend(batch.iter().map(|delivery| delivery.trace.unwrap().trace_id));
    }
    assert_eq!((traces[0], traces[2]), (own.trace_id, request.trace_id));
    assert!(![own.trace_id, request.trace_id].contains(&traces[1]));
}

#[tokio::test]
async fn the_same_source_and_id_is_a_duplicate_also_within_a_request() {
    let world = World::start(json!({})).await;
    let batch = json!([event("1"), event("2"), event("1")]);
    assert_eq!(world.events(BATCH, &batch).await.duplicates(), [false, false, true]);
    let again = world.events(BATCH, &json!([event("3"), event("2")])).await;
    assert_eq!(again.duplicates(), [false, true]);
    assert!(world.events(BATCH, &json!([])).await.duplicates().is_empty());
}

#[tokio::test]
async fn a_thousand_people_fit_in_one_request() {
    let world = World::start(json!({})).await;
    let people: Vec<Value> = (0..1_000).map(|n| event(&n.to_string())).collect();
    let answer = world.events(BATCH, &Value::Array(people)).await;
    assert_eq!(answer.duplicates().len(), 1_000);
    assert_eq!(answer.body["accepted"][999]["sourceEventId"], "999", "in the order of the request");
}

#[tokio::test]
async fn a_binary_event_is_taken() {
    let world = World::start(json!({})).await;
    let request = world.post("/v1/events", "application/json", r#"{"effectiveAt":"2026-03-01"}"#);
    let request = request.header("ce-specversion", "1.0").header("ce-id", "1").header("ce-source", "hr");
    let request = request.header("ce-type", "worker.left").header("ce-subject", "worker/Zo%C3%AB");
    assert_eq!(Answer::of(request).await.duplicates(), [false]);
    let stored = world.stored().await.next_batch(1).await.unwrap();
    assert_eq!(stored[0].body.as_ref().unwrap().subject, "Zoë");
}

#[tokio::test]
async fn a_bulk_request_is_a_snapshot_of_each_user() {
    let world = World::start(json!({})).await;
    let user = |id: &str| json!({"method": "POST", "bulkId": id, "path": "/Users", "data": {"externalId": id, "userName": id}});
    let request = json!({"Operations": [user("1"), user("2")]});
    let answer = world.bulk(&request).await;
    assert_eq!(answer.duplicates(), [false, false]);
    let stored = world.stored().await.next_batch(1).await.unwrap();
    let event = stored[0].body.as_ref().unwrap();
    assert_eq!((event.kind, event.source.as_str()), (EventKind::WorkerSnapshot, "hr/scim-bulk"));
}

#[tokio::test]
async fn fifty_thousand_operations_in_one_request_are_stored_but_for_the_one_that_is_wrong() {
    let world = World::start(json!({ "sender_share_percent_max": 100 })).await;
    let operation = |n: usize| {
        let key = if n == 12_345 { json!(null) } else { json!(format!("E-{n}")) };
        let data = json!({"externalId": key, "userName": format!("e{n}@example.com"), "active": true});
        json!({"method": "POST", "bulkId": n.to_string(), "path": "/Users", "data": data}).to_string()
    };
    let pieces = (0..50_000).map(move |n| {
        let before = if n == 0 { "{\"Operations\":[" } else { "," };
        Ok::<_, std::io::Error>(format!("{before}{}", operation(n)))
    });
    let body = futures_util::stream::iter(pieces.chain([Ok("]}".to_owned())]));
    let body = reqwest::Body::wrap_stream(body);
    let mut consumer = world.stored().await;
    let answer = Answer::of(world.post("/v1/feeds/scim-bulk", "application/scim+json", body)).await;
    assert_eq!(answer.status, 202, "{:?}", answer.body);
    assert_eq!((&answer.body["operations"], &answer.body["failed"]), (&json!(50_000), &json!(1)));
    assert_eq!(answer.pointers(), ["/Operations/12345/data/externalId"]);
    assert_eq!(world.bus.lag(bus::StreamName::Events, "mapper").await.unwrap(), 49_999);
    assert_eq!(consumer.next_batch(1).await.unwrap()[0].body.as_ref().unwrap().subject, "E-0");
}

#[tokio::test]
async fn a_broker_that_is_gone_is_503_and_repeating_is_safe() {
    let mut world = World::start(json!({})).await;
    assert_eq!(world.events(STRUCTURED, &event("1")).await.status, 202);
    world.nats.kill();
    let answer = world.events(STRUCTURED, &event("2")).await;
    assert_eq!(answer.status, 503, "{:?}", answer.body);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(["broker_unreachable", "not_stored"].contains(&answer.code()), "{:?}", answer.body);
    assert!(answer.body["detail"].as_str().unwrap().contains("safe"));

    world.nats.restart();
    let accepted = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        loop {
            let answer = world.events(STRUCTURED, &event("2")).await;
            if answer.status == 202 {
                break;
            }
            assert_eq!(answer.status, 503);
        }
    });
    accepted.await.expect("the gateway finds the broker again");
    assert_eq!(world.events(STRUCTURED, &event("1")).await.status, 202);
}

#[tokio::test]
async fn stopping_finishes_and_refuses_new_connections() {
    let world = World::start(json!({})).await;
    assert_eq!(world.events(STRUCTURED, &event("1")).await.status, 202);
    world.shutdown.soft.cancel();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), world.run).await;
    ended.expect("within the deadline").unwrap().unwrap();
    assert!(world.http.get(format!("{}/v1/openapi.json", world.url)).send().await.is_err());
    assert_eq!(world.readiness.closed().len(), 1);
}
