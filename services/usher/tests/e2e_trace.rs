//! One trace from the HTTP request through both queue hops to the SCIM call, at a collector that only listens.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use harness::world::{level_reached, wait_for_level};
use harness::{UsherWorld, WorldOptions};
use serde_json::json;

const SOON: Duration = Duration::from_secs(60);
const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// All exported requests.
type Exported = Arc<Mutex<Vec<Bytes>>>;

async fn collector() -> (String, Exported) {
    let exported = Exported::default();
    let keep = Arc::clone(&exported);
    let routes = Router::new().fallback(move |body: Bytes| async move { keep.lock().unwrap().push(body) });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (endpoint, exported)
}

/// Returns the names of the spans of our trace. In an OTLP span (protobuf) the fields come in order: 1 trace id (16 bytes), 2
/// span id, 3 state, 4 parent, 5 name; each with its tag and its length, which is one byte for anything so short.
fn names(exported: &Exported) -> BTreeSet<String> {
    let id = u128::from_str_radix(TRACE_ID, 16).unwrap().to_be_bytes();
    let mut begin = vec![0x0a, 16];
    begin.extend(id);
    let mut names = BTreeSet::new();
    for body in exported.lock().unwrap().iter() {
        let spans = (0..body.len()).filter(|at| body[*at..].starts_with(&begin));
        names.extend(spans.filter_map(|at| name(&body[at + begin.len()..])));
    }
    names
}

/// Returns the field 5 of a span; `rest` starts at the span's next field.
fn name(mut rest: &[u8]) -> Option<String> {
    const NAME: u8 = 0x2a;
    loop {
        let [tag, length, after @ ..] = rest else { return None };
        let (value, next) = after.split_at_checked(usize::from(*length))?;
        match *tag {
            NAME => return String::from_utf8(value.to_vec()).ok(),
            0x12 | 0x1a | 0x22 => rest = next,
            _ => return None,
        }
    }
}

/// Writes a program that is `usher` with the collector's address in its environment.
fn usher_with(folder: &tempfile::TempDir, endpoint: &str) -> std::path::PathBuf {
    let path = folder.path().join("usher");
    let usher = env!("CARGO_BIN_EXE_usher");
    let script = format!("#!/bin/sh\nexport OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}\nexec {usher} \"$@\"\n");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_leads_from_the_request_of_hr_to_the_request_at_the_target() {
    let (endpoint, exported) = collector().await;
    let folder = tempfile::tempdir().unwrap();
    let world = UsherWorld::start(WorldOptions::new(usher_with(&folder, &endpoint))).await.unwrap();

    let event = json!({
        "specversion": "1.0", "id": "1", "source": "/hr", "type": "worker.joined", "subject": "E-1",
        "data": { "attributes": { "userPrincipalName": "ada@example.com", "displayName": "Ada", "department": "R&D" } }
    });
    let answer = world
        .http()
        .post(format!("{}/v1/events", world.usher.addresses().gateway()))
        .bearer_auth(world.usher.token("source").unwrap())
        .header("content-type", "application/cloudevents+json")
        .header("traceparent", format!("00-{TRACE_ID}-00f067aa0ba902b7-01"))
        .body(event.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
    world.settled(SOON).await.unwrap();

    let steps = ["ingest", "event.merge", "resource.converge", "scim.request"];
    wait_for_level("all steps are exported", SOON, async || {
        let names = names(&exported);
        level_reached(steps.iter().all(|step| names.contains(*step)), format!("only {names:?}"))
    })
    .await
    .unwrap();
    let everything: Vec<u8> = exported.lock().unwrap().iter().flat_map(|body| body.to_vec()).collect();
    let holds = |text: &str| everything.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!holds("ada@example.com") && !holds("sandbox-token"), "personal data or a secret in a trace");

    // The operator's tools show the same trace.
    let trace = world.console.trace("E-1").await.unwrap();
    assert!(trace.iter().all(|entry| entry["traceId"] == TRACE_ID), "{trace:?}");
    // The metrics show it too.
    let metrics = world.metrics().await.unwrap();
    assert!(metrics.sum("usher_accept_to_target_seconds_count", &[("target", "zscaler")]) >= 1.0);
    assert!(metrics.sum("usher_attempts_total", &[("class", "success")]) >= 2.0);
}
