//! From a notice that says only that a person changed to the account at the target, with a kill in between.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use harness::world::{TARGET, policy_yaml, wait_for_level};
use harness::{UsherWorld, WorldOptions};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(90);

/// An HR system that is down, or knows one person.
#[derive(Clone, Default)]
struct Hr(Arc<Mutex<Option<Value>>>);

impl Hr {
    async fn start() -> (Self, String) {
        let hr = Self::default();
        let router = axum::Router::new().route("/v1/employees/{key}", get(employee)).with_state(hr.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/employees/{{key}}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (hr, url)
    }

    fn knows(&self, record: Value) {
        *self.0.lock().unwrap() = Some(record);
    }
}

async fn employee(State(hr): State<Hr>, Path(key): Path<String>) -> Response {
    let record = hr.0.lock().unwrap().clone();
    match record {
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(record) if record["id"] == *key => axum::Json(record).into_response(),
        Some(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn notice(world: &UsherWorld, kind: &str) {
    let url = format!("{}/v1/webhooks/hr", world.usher.addresses().gateway());
    let body = json!({"type": kind, "timestamp": "2026-01-31T18:42:00+0000",
                      "data": {"companyId": "acme", "employeeId": "17", "changedFields": ["department"]}});
    let request = world.http().post(url).header("authorization", "hr-token");
    let answer =
        request.header("content-type", "application/json").body(body.to_string()).send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert_eq!(status, 202, "{text}");
    assert!(text.contains("\"toFetch\":1"), "{text}");
}

async fn account(world: &UsherWorld, what: &str, department: &str, active: bool) {
    wait_for_level(what, SOON, async || {
        let directory = world.directory().await?;
        let ann = directory.users.get("ann@example.com");
        let is_so = ann.is_some_and(|ann| ann.department == department && ann.active == Some(active));
        anyhow::ensure!(is_so, "{:?}", ann);
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();
}

fn record(department: &str, status: &str) -> Value {
    json!({"id": "17", "firstName": "Ann", "lastName": "Lee", "displayName": "Ann Lee", "workEmail": "ann@example.com",
           "department": department, "hireDate": "2020-02-03", "terminationDate": "0000-00-00", "status": status})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_that_was_answered_before_a_kill_becomes_an_account() {
    let (hr, url) = Hr::start().await;
    let webhook = json!([{
        "name": "hr", "verifier": {"scheme": "bearer", "secrets": ["hr-token"]}, "adapter": {"kind": "bamboohr"},
        "fetch": {"url": url, "key": "/id", "delay_ms": 100, "retry": {"initial_ms": 100, "max_ms": 500}},
    }]);
    let gateway = [("webhooks".to_owned(), webhook)].into_iter().collect();
    // One of one account is more than the guard allows to leave.
    let policy = Some(format!("guard: {{ percent: 100 }}\n{}", policy_yaml(TARGET)));
    let options = WorldOptions { gateway, policy, ..WorldOptions::new(env!("CARGO_BIN_EXE_usher")) };
    let mut world = UsherWorld::start(options).await.unwrap();

    notice(&world, "employee.created").await;
    world.usher.kill9().await.unwrap();
    world.usher.restart().await.unwrap();
    hr.knows(record("Sales", "Active"));
    account(&world, "the account is there", "Sales", true).await;

    hr.knows(record("Legal", "Active"));
    notice(&world, "employee.updated").await;
    account(&world, "the change arrives", "Legal", true).await;

    hr.knows(record("Legal", "Inactive"));
    notice(&world, "employee.updated").await;
    account(&world, "the account is off", "Legal", false).await;
    world.settled(SOON).await.unwrap();
}
