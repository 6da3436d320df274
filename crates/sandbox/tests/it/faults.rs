use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use sandbox::{FaultRule, InjectedFault, LedgerEntry};
use serde_json::{Value, json};

use crate::client::{Seen, World, user};

/// The timeout of a client that must give up.
const CLIENT_TIMEOUT: Duration = Duration::from_millis(500);

fn once(fault: InjectedFault) -> FaultRule {
    FaultRule::new(fault).method("POST").path("/Users").times(1)
}

/// Creates a user under a fault. Returns the client's view of the answer, and the ledger entry.
async fn create_under(fault: InjectedFault) -> (World, reqwest::Result<(StatusCode, String)>, LedgerEntry) {
    create_within(Duration::from_secs(15), fault).await
}

async fn create_within(
    timeout: Duration,
    fault: InjectedFault,
) -> (World, reqwest::Result<(StatusCode, String)>, LedgerEntry) {
    let world = World::generic().await;
    world.sandbox.faults().inject(once(fault));
    let seen = create(&world, timeout).await;
    let entry = world.sandbox.ledger().entries().pop().unwrap();
    let created = world.sandbox.state().users.len();
    assert_eq!(created, usize::from(entry.work_done), "the ledger and the directory disagree");
    (world, seen, entry)
}

async fn create(world: &World, timeout: Duration) -> reqwest::Result<(StatusCode, String)> {
    let request = world.request(Method::POST, "/Users").timeout(timeout);
    let answer = request.body(user("ada").to_string()).send().await?;
    Ok((answer.status(), answer.text().await?))
}

#[tokio::test]
async fn a_status_is_answered_instead_of_the_work() {
    let world = World::generic().await;
    world.sandbox.faults().inject(once(InjectedFault::retry_after(503, "7")));
    let answer = world.request(Method::POST, "/Users").body(user("ada").to_string()).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"7".parse().unwrap()));
    assert!(world.sandbox.state().users.is_empty());
    assert_eq!(world.post("/Users", user("ada")).await.status, StatusCode::CREATED);
    let seen: Vec<_> =
        world.sandbox.ledger().entries().iter().map(|e| (e.status, e.fault, e.work_done)).collect();
    assert_eq!(seen, [(Some(503), Some("status"), false), (Some(201), None, true)]);
}

#[tokio::test]
async fn a_status_can_hide_work_that_was_done() {
    let fault = InjectedFault::Status { status: 500, retry_after: None, scim_type: None, after_work: true };
    let (_, seen, entry) = create_under(fault).await;
    assert_eq!(seen.unwrap().0, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(entry.work_done);
}

#[tokio::test]
async fn resets_break_the_connection_before_or_after_the_work() {
    for (fault, done) in [(InjectedFault::ResetBeforeWork, false), (InjectedFault::ResetAfterWork, true)] {
        let (_world, seen, entry) = create_under(fault).await;
        let error = seen.unwrap_err();
        assert!(!error.is_timeout(), "{error:?}");
        assert_eq!((entry.work_done, entry.status), (done, None));
    }
}

#[tokio::test]
async fn hanging_requests_run_into_the_clients_timeout() {
    let cases = [
        (InjectedFault::HangBeforeWork { millis: 30_000 }, false),
        (InjectedFault::HangAfterWork { millis: 30_000 }, true),
    ];
    for (fault, done) in cases {
        let (_world, seen, entry) = create_within(CLIENT_TIMEOUT, fault).await;
        assert!(seen.unwrap_err().is_timeout());
        assert_eq!((entry.work_done, entry.status), (done, None));
    }
}

#[tokio::test]
async fn a_hang_that_ends_resets_the_connection() {
    let (_world, seen, entry) = create_under(InjectedFault::HangAfterWork { millis: 20 }).await;
    assert!(!seen.unwrap_err().is_timeout());
    assert!(entry.work_done);
}

#[tokio::test]
async fn a_delay_only_delays() {
    let started = Instant::now();
    let (_world, seen, _) = create_under(InjectedFault::Delay { millis: 60 }).await;
    assert_eq!(seen.unwrap().0, StatusCode::CREATED);
    assert!(started.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn delayed_work_is_done_after_the_client_has_gone() {
    let world = World::generic().await;
    world.sandbox.faults().inject(once(InjectedFault::Delay { millis: 900 }));
    assert!(create(&world, CLIENT_TIMEOUT).await.unwrap_err().is_timeout());
    let deadline = Instant::now() + Duration::from_secs(10);
    while world.sandbox.state().users.is_empty() {
        assert!(Instant::now() < deadline, "the work was never done");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_truncated_body_cannot_be_read() {
    let (_world, seen, entry) = create_under(InjectedFault::TruncatedBody).await;
    let error = seen.unwrap_err();
    assert!(error.is_body() || error.is_decode(), "the head should have arrived: {error:?}");
    assert_eq!((entry.work_done, entry.status), (true, Some(201)));
}

#[tokio::test]
async fn a_proxy_page_is_html() {
    let (world, seen, entry) = create_under(InjectedFault::HtmlBody { status: 200 }).await;
    assert!(seen.unwrap().1.starts_with("<!doctype html>"));
    assert!(!entry.work_done);
    world.sandbox.faults().clear();
    world.sandbox.faults().inject(FaultRule::new(InjectedFault::HtmlBody { status: 502 }));
    let answer = world.request(Method::GET, "/Users").send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (502, &"text/html".parse().unwrap())
    );
}

#[tokio::test]
async fn a_slow_drip_is_complete_in_the_end() {
    let started = Instant::now();
    let (_world, seen, _) = create_under(InjectedFault::SlowDrip { piece_bytes: 40, millis: 10 }).await;
    let (status, body) = seen.unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["userName"]), (StatusCode::CREATED, &json!("ada")));
    assert!(started.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn a_redirect_does_nothing() {
    let location = "http://127.0.0.1:1/elsewhere".to_owned();
    let (_world, seen, entry) = create_under(InjectedFault::Redirect { status: 307, location }).await;
    assert_eq!(seen.unwrap().0, StatusCode::TEMPORARY_REDIRECT);
    assert!(!entry.work_done);
}

#[tokio::test]
async fn a_huge_body_is_still_json() {
    let (_world, seen, _) = create_under(InjectedFault::HugeBody { bytes: 300_000 }).await;
    let (_, body) = seen.unwrap();
    assert!(body.len() > 300_000);
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["userName"], "ada");
}

#[tokio::test]
async fn an_empty_body_says_nothing() {
    let (_world, seen, entry) = create_under(InjectedFault::EmptyBody).await;
    assert_eq!(seen.unwrap(), (StatusCode::OK, String::new()));
    assert!(entry.work_done);
}

async fn statuses(world: &World, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(world.get("/Users").await.status.as_u16());
    }
    statuses
}

#[tokio::test]
async fn rules_pick_requests_by_what_they_are() {
    let world = World::generic().await;
    let rule = FaultRule::new(InjectedFault::status(500)).method("post").path("/Users").body_contains("eve");
    let id = world.sandbox.faults().inject(rule);
    assert_eq!(world.post("/Users", user("ada")).await.status, StatusCode::CREATED);
    assert_eq!(world.post("/Users", user("eve")).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(world.get("/Users").await.status, StatusCode::OK);
    assert_eq!(world.sandbox.faults().fired(id), 1);
    assert!(world.sandbox.faults().remove(id));
    assert_eq!(world.post("/Users", user("eve")).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn rules_pick_requests_by_their_turn() {
    let world = World::generic().await;
    let faults = world.sandbox.faults();
    faults.inject(FaultRule::new(InjectedFault::status(500)).skip(1).times(2));
    assert_eq!(statuses(&world, 5).await, [200, 500, 500, 200, 200]);
    faults.clear();
    faults.inject(FaultRule::new(InjectedFault::status(500)).every_nth(3));
    assert_eq!(statuses(&world, 7).await, [200, 200, 500, 200, 200, 500, 200]);
}

#[tokio::test]
async fn chance_is_the_same_for_the_same_seed() {
    let world = World::generic().await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        world.sandbox.faults().clear();
        world.sandbox.faults().inject(FaultRule::new(InjectedFault::status(500)).probability(0.5, 42));
        runs.push(statuses(&world, 40).await);
    }
    assert_eq!(runs[0], runs[1]);
    let failed = runs[0].iter().filter(|status| **status == 500).count();
    assert!((5..35).contains(&failed), "{failed}");
}

#[tokio::test]
async fn faults_can_be_injected_over_http() {
    let world = World::generic().await;
    let url = format!("{}/_sandbox/faults", world.sandbox.origin());
    let rule = json!({ "method": "GET", "path": "/Users", "times": 1, "fault": { "kind": "status", "status": 429, "retryAfter": "3" } });
    let answer = world.http.post(&url).json(&rule).send().await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "ids": [1] }));
    let Seen { status, .. } = world.get("/Users").await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    let list: Value = world.http.get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!((&list[0]["fired"], &list[0]["rule"]["fault"]["kind"]), (&json!(1), &json!("status")));
    let typo = json!([{ "tymes": 1, "fault": { "kind": "emptyBody" } }]);
    assert_eq!(world.http.post(&url).json(&typo).send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    assert_eq!(world.http.delete(&url).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert!(world.sandbox.faults().list().is_empty());
}
