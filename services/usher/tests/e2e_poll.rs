//! A full list of an HR system, from the API to the accounts at the target: people missing from it are disabled, and a wrong
//! list disables no account.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use harness::world::{TARGET, policy_yaml, wait_for_level};
use harness::{UsherWorld, WorldOptions};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(90);

/// The people in the HR system; `None` while it is down.
#[derive(Clone, Default)]
struct Hr(Arc<Mutex<Option<Vec<u32>>>>);

impl Hr {
    fn lists(&self, people: impl IntoIterator<Item = u32>) {
        *self.0.lock().unwrap() = Some(people.into_iter().collect());
    }
}

async fn employees(State(hr): State<Hr>) -> Response {
    let Some(people) = hr.0.lock().unwrap().clone() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let row = |n: u32| json!({"Employee_ID": format!("E-{n}"), "Email": format!("e{n}@example.com"), "Name": format!("Person {n}"), "Team": "Sales"});
    let rows: Vec<Value> = people.into_iter().map(row).collect();
    axum::Json(json!({"Report_Entry": rows})).into_response()
}

async fn active(world: &UsherWorld, people: impl IntoIterator<Item = u32>) {
    let expected: Vec<String> = people.into_iter().map(|n| format!("e{n}@example.com")).collect();
    wait_for_level("the right accounts are active", SOON, async || {
        let users = world.directory().await?.users;
        let mut active: Vec<String> =
            users.into_iter().filter(|(_, user)| user.active == Some(true)).map(|(name, _)| name).collect();
        active.sort();
        anyhow::ensure!(active == expected, "{active:?}");
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_in_a_list_of_everybody_any_more_is_switched_off() {
    let hr = Hr::default();
    let router = axum::Router::new().route("/report", get(employees)).with_state(hr.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/report", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let polls = json!([{
        "name": "workday", "url": url, "rows": "/Report_Entry", "key": "/Employee_ID", "full": true, "every_seconds": 1,
        "guard": {"shrink_percent_max": 40}, "retry": {"initial_ms": 100, "max_ms": 500},
        "attributes": {"userPrincipalName": "/Email", "displayName": "/Name", "department": "/Team"},
    }]);
    let gateway = [("polls".to_owned(), polls)].into_iter().collect();
    let policy = Some(format!("guard: {{ percent: 100 }}\n{}", policy_yaml(TARGET)));
    let options = WorldOptions { gateway, policy, ..WorldOptions::new(env!("CARGO_BIN_EXE_usher")) };
    let mut world = UsherWorld::start(options).await.unwrap();

    hr.lists(0..5);
    active(&world, 0..5).await;
    world.usher.kill9().await.unwrap();
    hr.lists(0..4);
    world.usher.restart().await.unwrap();
    active(&world, 0..4).await;

    // More people are gone than is plausible.
    hr.lists(0..1);
    wait_for_level("the list is held", SOON, async || {
        let runs = world.console.feeds().await?;
        anyhow::ensure!(runs.iter().any(|run| run["state"] == "held"), "{runs:?}");
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();
    active(&world, 0..4).await;
}
