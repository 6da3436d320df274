//! Each reason for a refusal.

use serde_json::{Value, json};

use crate::world::{Answer, BATCH, STRUCTURED, World, event};

/// Content type and body of a request; status, code and pointers of its refusal.
type Refusal<'a> = (&'a str, Vec<u8>, u16, &'a str, &'a [&'a str]);

/// Sends a table of bad requests to one gateway, and checks their status, code and pointers.
#[tokio::test]
async fn bad_input_is_named() {
    let world = World::start(json!({"body_bytes_max": 300_000, "batch_max": 3})).await;
    let good = event("1").to_string();
    let mut wrong = event("1");
    wrong["data"]["attributes"]["manager"] = json!(7);
    wrong["type"] = json!("worker.promoted");
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let table: [Refusal; 12] = [
        (STRUCTURED, b"{\"id\": 1,}".to_vec(), 400, "malformed_json", &[]),
        (STRUCTURED, b"".to_vec(), 400, "malformed_json", &[]),
        (STRUCTURED, b"\xff\xfe".to_vec(), 400, "not_utf8", &[]),
        (STRUCTURED, deep.into_bytes(), 422, "too_deep", &[""]),
        (STRUCTURED, b"[]".to_vec(), 422, "invalid", &[""]),
        (STRUCTURED, wrong.to_string().into_bytes(), 422, "invalid", &["/type"]),
        (BATCH, good.clone().into_bytes(), 422, "invalid", &[""]),
        (BATCH, b"[1,2,3,4]".to_vec(), 413, "batch_too_large", &[]),
        (BATCH, vec![b' '; 300_001], 413, "too_large", &[]),
        ("application/json", good.clone().into_bytes(), 415, "unsupported_media_type", &[]),
        ("text/xml", b"<a/>".to_vec(), 415, "unsupported_media_type", &[]),
        (
            STRUCTURED,
            b"{}".to_vec(),
            422,
            "invalid",
            &["/specversion", "/id", "/source", "/type", "/subject"],
        ),
    ];
    for (content_type, body, status, code, pointers) in table {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = Answer::of(world.post("/v1/events", content_type, body)).await;
        assert_eq!(
            (answer.status, answer.code(), answer.pointers().as_slice()),
            (status, code, pointers),
            "{shown}"
        );
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("x-request-id"), answer.body["requestId"].as_str().unwrap());
    }
    let malformed = world.post("/v1/events", STRUCTURED, "{\n  \"id\": x}");
    assert!(Answer::of(malformed).await.body["detail"].as_str().unwrap().starts_with("line 2, column "));
    let binary = world
        .post("/v1/events", "application/json", "[]")
        .header("ce-specversion", "1.0")
        .header("ce-id", "%zz");
    let answer = Answer::of(binary).await;
    assert_eq!(answer.pointers()[0], "header:ce-id");
    let patch = world.bulk(&json!({"Operations": [{"method": "PATCH", "path": "/Users/1"}]})).await;
    assert_eq!(
        (patch.status, patch.pointers()),
        (422, vec!["/Operations/0/method"]),
        "nothing of it is good"
    );
}

#[tokio::test]
async fn a_token_opens_only_what_it_is_for() {
    let world = World::start(json!({})).await;
    let url = format!("{}/v1/events", world.url);
    let send = |token: &str, event: &Value| {
        let request = world.http.post(&url).header("content-type", STRUCTURED).body(event.to_string());
        if token.is_empty() { request } else { request.bearer_auth(token) }
    };
    for token in ["", "wrong", "hr-token2"] {
        let answer = Answer::of(send(token, &event("1"))).await;
        assert_eq!((answer.status, answer.code()), (401, "unauthorised"));
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    let answer = Answer::of(send("ad-token", &event("1"))).await;
    assert_eq!(
        (answer.status, answer.code(), answer.pointers()),
        (403, "forbidden", vec!["/source", "/type"])
    );
    let mut group = event("1");
    group["source"] = json!("ad/emea");
    group["type"] = json!("group.deleted");
    assert_eq!(Answer::of(send("ad-token", &group)).await.status, 202);
}

#[tokio::test]
async fn other_methods_and_paths_are_problems_and_the_api_is_described() {
    let world = World::start(json!({})).await;
    let get = |path: &str| Answer::of(world.http.get(format!("{}{path}", world.url)));
    let (method, path) = (get("/v1/events").await, get("/v2").await);
    assert_eq!((method.status, method.code(), method.header("allow")), (405, "method_not_allowed", "POST"));
    assert_eq!((path.status, path.code()), (404, "not_found"));
    let address = format!("{}{}", world.url, path.body["type"].as_str().unwrap());
    let page = world.http.get(address).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("There is nothing at this path."));
    let document = get("/v1/openapi.json").await;
    assert!(document.body["paths"]["/v1/events"]["post"].is_object());
}

#[tokio::test]
async fn a_source_that_is_too_fast_is_told_when_to_come_back() {
    let token = edge::TokenHash::of("hr-token").to_string();
    let world =
        World::start(json!({"sources": [{"name": "hr", "token": token, "events_per_second_max": 1}]})).await;
    let people: Vec<Value> = (0..50).map(|n| event(&n.to_string())).collect();
    assert_eq!(world.events(BATCH, &Value::Array(people)).await.status, 202);
    let answer = world.events(STRUCTURED, &event("x")).await;
    assert_eq!((answer.status, answer.code()), (429, "too_fast"));
    assert!((40..=60).contains(&answer.header("retry-after").parse::<u64>().unwrap()));
}

#[tokio::test]
async fn a_mapper_that_is_behind_closes_the_door() {
    let world = World::start(json!({"mapper_lag_max": 2})).await;
    let _mapper = world.stored().await;
    let people: Vec<Value> = (0..5).map(|n| event(&n.to_string())).collect();
    assert_eq!(world.events(BATCH, &Value::Array(people)).await.status, 202);
    let refused = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        loop {
            let answer = world.events(STRUCTURED, &event("x")).await;
            if answer.status != 202 {
                break answer;
            }
        }
    });
    let answer = refused.await.expect("the lag is looked at each second");
    assert_eq!((answer.status, answer.code(), answer.header("retry-after")), (503, "backlog", "10"));
}

#[tokio::test]
async fn an_event_that_is_too_large_to_store_is_named_and_nothing_is_stored() {
    let world = World::start(json!({})).await;
    let members: Vec<String> = (0..9_000).map(|n| format!("{n:0>200}")).collect();
    let mut group = event("g");
    group["type"] = json!("group.upserted");
    group["data"] = json!({"members": members});
    let answer = world.events(BATCH, &json!([event("1"), group])).await;
    assert_eq!((answer.status, answer.code(), answer.pointers()), (413, "event_too_large", vec!["/1"]));
    assert_eq!(world.events(STRUCTURED, &event("1")).await.duplicates(), [false]);
}
