use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use sandbox::{FaultRule, InjectedFault, RateLimit, SandboxBehaviour};

use crate::client::{World, user};

#[tokio::test]
async fn who_is_too_fast_is_told_how_long_to_wait() {
    let limit = RateLimit { requests_per_second: 0.5, burst: 3 };
    let world =
        World::start(SandboxBehaviour { rate_limit: Some(limit), ..SandboxBehaviour::default() }).await;
    let mut statuses = Vec::new();
    for n in 0..5 {
        statuses.push(world.post("/Users", user(&format!("u{n}"))).await.status.as_u16());
    }
    assert_eq!(statuses, [201, 201, 201, 429, 429]);
    assert_eq!(world.sandbox.state().users.len(), 3);
    let answer = world.request(Method::GET, "/Users").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"2".parse().unwrap()));
    assert_eq!(world.sandbox.ledger().count(|entry| entry.status == Some(429)), 3);
    assert_eq!(world.sandbox.max_rate_seen(Duration::from_secs(3600)), 6);
    assert_eq!(world.sandbox.max_rate_seen(Duration::ZERO), 1);
}

#[tokio::test]
async fn refused_requests_use_up_no_fault() {
    let world = World::start(SandboxBehaviour::default().with_rate(1.0)).await;
    let id = world.sandbox.faults().inject(FaultRule::new(InjectedFault::status(500)).times(2));
    assert_eq!(world.get("/Users").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(world.get("/Users").await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(world.sandbox.faults().fired(id), 1);
}

#[tokio::test]
async fn latency_holds_every_request_up() {
    let world = World::start(SandboxBehaviour { latency_ms: 40, ..SandboxBehaviour::default() }).await;
    let started = Instant::now();
    world.get("/Users").await;
    assert!(started.elapsed() >= Duration::from_millis(40));
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_what_hangs() {
    let world = World::generic().await;
    world.sandbox.faults().inject(FaultRule::new(InjectedFault::HangAfterWork { millis: 600_000 }));
    let hanging = tokio::spawn(world.request(Method::POST, "/Users").body(user("a").to_string()).send());
    while world.sandbox.ledger().is_empty() {
        tokio::task::yield_now().await;
    }
    let address = world.sandbox.address();
    let started = Instant::now();
    world.sandbox.shutdown().await;
    assert!(started.elapsed() < Duration::from_secs(4));
    assert!(hanging.await.unwrap().is_err());
    assert!(std::net::TcpStream::connect(address).is_err());
}
