//! Hooks are notified of work for operators, also when they did not answer at first.

use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use lifecycle::{Fact, FactRecord, ResourceKind};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::world::World;

fn told(id: &str, age: time::Duration, fact: Fact) -> FactRecord {
    let at = OffsetDateTime::now_utc() - age;
    FactRecord { id: id.into(), at, subject: id.into(), trace: None, fact }
}

fn held() -> Fact {
    Fact::Held { target: "zia".into(), kind: ResourceKind::User, revision: 1, reason: "too many".into() }
}

fn paused(outcome: &str) -> Fact {
    Fact::Paused {
        target: "zia".into(),
        outcome: outcome.into(),
        who: "usher".into(),
        why: "1,000 failed".into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hook_is_told_once_it_answers_of_what_waits_and_of_nothing_old() {
    let taken: Arc<Mutex<Vec<Value>>> = Arc::default();
    let (notices, refusals) = (Arc::clone(&taken), Arc::new(Mutex::new(1)));
    let take = move |headers: HeaderMap, Json(notice): Json<Value>| async move {
        assert_eq!(headers["authorization"], "Bearer s3cret");
        let mut refusals = refusals.lock().unwrap();
        if *refusals > 0 {
            *refusals -= 1;
            return StatusCode::BAD_GATEWAY;
        }
        notices.lock().unwrap().push(notice);
        StatusCode::OK
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let server =
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/hook", post(take))).await });
    let hooks = json!([{ "name": "ops", "url": url, "token": "s3cret" }]);
    let world = World::with_hooks(store::testing::sqlite_database(), hooks).await;

    let minute = time::Duration::minutes(1);
    let facts = [
        told("E-0", time::Duration::days(3), held()),
        told("E-1", minute, held()),
        told("E-2", minute, held()),
        told("target:zia", minute, paused("resumed")),
        told("target:zia 2", minute, paused("paused")),
    ];
    world.tell(&facts).await;
    let all_told = async {
        while taken.lock().unwrap().len() < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), all_told).await.unwrap();
    let told = taken.lock().unwrap().clone();
    assert_eq!((&told[0]["occasion"], &told[0]["count"]), (&json!("held"), &json!(2)), "{told:?}");
    assert_eq!(told[1]["text"], "`zia` was paused by usher: 1,000 failed");
    assert_eq!(told.len(), 2);
    world.stop().await;
    server.abort();
}
