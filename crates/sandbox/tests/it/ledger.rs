use reqwest::{Method, StatusCode};
use sandbox::{RequestKind, SandboxBehaviour};
use serde_json::{Value, json};

use crate::client::{World, group, user};

#[tokio::test]
async fn the_ledger_tells_who_asked_for_what_and_what_came_of_it() {
    let world = World::generic().await;
    let id = world.post("/Users", user("ada")).await.id();
    let path = format!("/Users/{id}");
    world.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }])).await;
    world.post("/Users", user("ADA")).await;
    world.find("/Users", r#"userName eq "ada""#).await;
    let team = world.post("/Groups", group("g", &[&id])).await.id();
    let members = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
    world.patch(&format!("/Groups/{team}"), members).await;
    world.send(Method::DELETE, &path, None).await;

    let told: Vec<String> = world.sandbox.ledger().entries().iter().map(tell).collect();
    assert_eq!(
        told,
        [
            "1 POST /Users id=1 ada/ext-ada active=true -> 201 done",
            "2 PATCH /Users/1 id=1 ada/ext-ada replace active=false -> 200 done",
            "3 POST /Users id=- ADA/ext-ADA active=true -> 409 not done",
            "4 GET /Users id=- -/- - -> 200 done",
            "5 POST /Groups id=2 -/ext-g - -> 201 done",
            "6 PATCH /Groups/2 id=2 -/ext-g add members x1 -> 204 done",
            "7 DELETE /Users/1 id=1 ada/ext-ada - -> 204 done",
        ]
    );
    let entries = world.sandbox.ledger().entries();
    assert!(entries.windows(2).all(|pair| pair[0].at_micros <= pair[1].at_micros));
    assert!(entries[3].query.as_ref().unwrap().starts_with("filter="));
    assert_eq!(entries[4].display_name.as_deref(), Some("g"));
    assert_eq!(entries[0].body, None);
}

fn tell(entry: &sandbox::LedgerEntry) -> String {
    let or_dash = |text: &Option<Box<str>>| text.as_deref().unwrap_or("-").to_owned();
    format!(
        "{} {} {} id={} {}/{} {} -> {} {}",
        entry.sequence,
        entry.method,
        entry.path,
        or_dash(&entry.resource_id),
        or_dash(&entry.user_name),
        or_dash(&entry.external_id),
        or_dash(&entry.operation),
        entry.status.unwrap(),
        if entry.work_done { "done" } else { "not done" },
    )
}

#[tokio::test]
async fn requests_and_creations_are_counted() {
    let world = World::generic().await;
    world.post("/Users", user("a")).await;
    world.post("/Users", user("a")).await;
    let mut twin = user("b");
    twin["externalId"] = "ext-a".into();
    world.post("/Users", twin).await;
    world.post("/Groups", group("g", &[])).await;
    world.get("/Schemas").await;
    world.get("/Nothing").await;
    let ledger = world.sandbox.ledger();
    assert_eq!(ledger.count_by("POST", RequestKind::User), 3);
    assert_eq!(ledger.count_by("post", RequestKind::Group), 1);
    assert_eq!(ledger.count_by("GET", RequestKind::Discovery), 1);
    assert_eq!(ledger.count_by("GET", RequestKind::Other), 1);
    let creates = ledger.creates_by_external_id();
    assert_eq!(creates.into_iter().collect::<Vec<_>>(), [("ext-a".to_owned(), 2)]);
}

#[tokio::test]
async fn a_full_ledger_forgets_the_oldest() {
    let behaviour =
        SandboxBehaviour { ledger_entries_max: 3, keep_bodies: true, ..SandboxBehaviour::default() };
    let world = World::start(behaviour).await;
    for n in 1..=5 {
        world.post("/Users", user(&format!("u{n}"))).await;
    }
    let url = format!("{}/_sandbox/ledger?since=3&limit=1", world.sandbox.origin());
    let page: Value = world.http.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!((&page["total"], &page["dropped"]), (&json!(5), &json!(2)));
    assert_eq!(page["entries"].as_array().unwrap().len(), 1);
    assert_eq!((&page["entries"][0]["sequence"], &page["entries"][0]["userName"]), (&json!(4), &json!("u4")));
    assert!(page["entries"][0]["body"].as_str().unwrap().contains("ext-u4"));
    let kept: Vec<u64> = world.sandbox.ledger().since(0, 2).iter().map(|entry| entry.sequence).collect();
    assert_eq!(kept, [3, 4]);
}

#[tokio::test]
async fn the_state_is_told_by_names() {
    let world = World::generic().await;
    let id = world.post("/Users", user("Ada@X")).await.id();
    world.post("/Groups", group("g", &[&id])).await;
    let url = format!("{}/_sandbox/state", world.sandbox.origin());
    let state: Value = world.http.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(state, serde_json::to_value(world.sandbox.state()).unwrap());
    assert_eq!(state["users"]["ada@x"]["externalId"], "ext-Ada@X");
    assert_eq!(state["users"]["ada@x"]["groups"], json!(["g"]));
    assert_eq!(state["groups"]["g"]["members"], json!(["ada@x"]));
}

#[tokio::test]
async fn a_reset_forgets_everything_but_the_behaviour() {
    let world = World::start(SandboxBehaviour::zscaler()).await;
    world.post("/Users", user("a")).await;
    let url = format!("{}/_sandbox/reset", world.sandbox.origin());
    assert_eq!(world.http.post(url).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(world.sandbox.state(), sandbox::SandboxState::default());
    assert!(world.sandbox.ledger().is_empty());
    assert_eq!(world.sandbox.behaviour(), SandboxBehaviour::zscaler());
}
