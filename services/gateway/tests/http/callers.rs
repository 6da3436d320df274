//! Callers that hold places without proving who they are, over real sockets.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::{Answer, STRUCTURED, World, event};

async fn connect(world: &World) -> TcpStream {
    TcpStream::connect(world.url.trim_start_matches("http://")).await.unwrap()
}

async fn read_to_end(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A connection that is closed with unread bytes may be reset.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

/// Sends the head of a notice and waits until the gateway reads its body, of which one byte comes.
async fn begin_notice(world: &World, name: &str) -> TcpStream {
    let mut stream = connect(world).await;
    let head = format!(
        "POST /v1/webhooks/{name} HTTP/1.1\r\nhost: usher\r\nexpect: 100-continue\r\ncontent-type: application/json\r\n\
         content-length: 1000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut asks = [0; 25];
    stream.read_exact(&mut asks).await.unwrap();
    assert!(asks.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&asks));
    stream.write_all(b"{").await.unwrap();
    stream
}

async fn world(changes: Value) -> World {
    let mut settings = json!({
        "webhooks": [{ "name": "hr-hook", "verifier": { "scheme": "bearer", "secrets": ["Bearer hook-token"] },
                       "adapter": { "kind": "json", "key": "/person", "type": "/what",
                                    "types": { "gone": "worker.left" } } }],
    });
    for (name, value) in changes.as_object().unwrap() {
        settings[name] = value.clone();
    }
    World::start(settings).await
}

async fn notice(world: &World, token: &str) -> Answer {
    let request =
        world.http.post(format!("{}/v1/webhooks/hr-hook", world.url)).header("authorization", token);
    let body = json!({"person": "E-1", "what": "gone"}).to_string();
    Answer::of(request.header("content-type", "application/json").body(body)).await
}

#[tokio::test]
async fn slow_bodies_of_unproven_callers_take_no_place_from_others() {
    let world = world(json!({ "in_flight_max": 2, "unproven_bodies_max": 4 })).await;
    let mut slow = Vec::new();
    for _ in 0..12 {
        slow.push(begin_notice(&world, "hr-hook").await);
    }
    let accepted = Answer::of(world.post("/v1/events", STRUCTURED, event("E-1").to_string())).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let accepted = notice(&world, "Bearer hook-token").await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let oldest = read_to_end(slow.swap_remove(0)).await;
    assert!(oldest.starts_with("HTTP/1.1 503") && oldest.contains("too_many_in_flight"), "{oldest}");
}

#[tokio::test]
async fn idle_connections_give_way_to_a_caller_with_a_request() {
    let world = world(json!({ "connections_max": 4 })).await;
    let mut idle = Vec::new();
    for _ in 0..12 {
        idle.push(connect(&world).await);
    }
    let accepted = Answer::of(world.post("/v1/events", STRUCTURED, event("E-1").to_string())).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    assert_eq!(read_to_end(idle.swap_remove(0)).await, "", "the oldest was closed");
}

#[tokio::test]
async fn wrong_credentials_slow_down_the_guesser_and_no_caller_that_is_known_there() {
    let world = world(json!({})).await;
    let post = async |token: &str| {
        let request = world.http.post(format!("{}/v1/events", world.url)).bearer_auth(token);
        let body = event("E-1").to_string();
        Answer::of(request.header("content-type", STRUCTURED).body(body)).await
    };
    assert_eq!(post("hr-token").await.status, 202);
    assert_eq!(notice(&world, "Bearer hook-token").await.status, 202);
    let mut refused = Vec::new();
    for n in 0..25 {
        refused.push(post(&format!("guess-{n}")).await);
    }
    assert_eq!(refused[0].status, 401);
    let last = refused.last().unwrap();
    assert_eq!((last.status, last.code()), (429, "too_many_wrong_credentials"));
    assert!(!last.header("retry-after").is_empty());
    assert_eq!(post("hr-token").await.status, 202);
    assert_eq!(notice(&world, "Bearer hook-token").await.status, 202);
    assert_eq!(post("ad-token").await.status, 429, "from here it was never right");
}
