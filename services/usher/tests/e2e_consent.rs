//! An approval by the command line covers exactly what `usher held ls` showed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Output;
use std::time::Duration;

use harness::world::{TARGET, level_reached, policy_yaml, wait_for_level};
use harness::{UsherWorld, WorldOptions};
use serde_json::{Value, json};
use time::OffsetDateTime;

const SOON: Duration = Duration::from_secs(60);
const PEOPLE: [&str; 3] = ["e-1", "e-2", "e-3"];

fn event(id: &str, kind: &str, key: &str, data: Value) -> Value {
    json!({ "specversion": "1.0", "id": id, "source": "/hr", "type": kind, "subject": key, "data": data })
}

fn joined(key: &str) -> Value {
    let attributes = json!({
        "userPrincipalName": format!("{key}@example.com"), "givenName": "Ada", "surname": "Lovelace",
        "displayName": format!("Ada {key}"), "mail": format!("{key}@example.com"), "department": "Security",
        "jobTitle": "Engineer"
    });
    event(
        &format!("joined-{key}"),
        "worker.joined",
        key,
        json!({ "effectiveAt": "2024-03-01", "attributes": attributes }),
    )
}

/// Returns the departure of a person, today.
fn left(id: &str, key: &str) -> Value {
    let day = OffsetDateTime::now_utc().date();
    event(id, "worker.left", key, json!({ "effectiveAt": day.to_string() }))
}

async fn post(world: &UsherWorld, events: &[Value]) {
    let response = world
        .http()
        .post(format!("{}/v1/events", world.usher.addresses().gateway()))
        .bearer_auth(world.usher.token("source").unwrap())
        .header("content-type", "application/cloudevents-batch+json")
        .body(serde_json::to_vec(events).unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 202, "{}", response.text().await.unwrap());
}

async fn run(world: &UsherWorld, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(world.usher.binary());
    command.args(arguments).stdin(std::process::Stdio::null()).arg("--data").arg(world.usher.data());
    command.output().await.unwrap()
}

async fn succeeds(world: &UsherWorld, arguments: &[&str]) -> String {
    let output = run(world, arguments).await;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}\n{err}");
    out.into_owned()
}

/// Runs a command that must fail, and returns what it says.
async fn fails(world: &UsherWorld, arguments: &[&str]) -> String {
    let output = run(world, arguments).await;
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Waits until the API lists these people as held, each at a revision after `since`. The command line is not shown it.
async fn held(world: &UsherWorld, since: i64, people: &[&str]) -> Vec<Value> {
    let mut found = Vec::new();
    wait_for_level("they are held", SOON, async || {
        let url = format!("{}/v1/held", world.usher.addresses().console());
        let token = world.usher.token("operator").unwrap();
        let answer = world.http().get(url).bearer_auth(token).send().await.unwrap();
        let reply: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        found = reply["items"].as_array().cloned().unwrap_or_default();
        let is_there = |person: &&str| {
            found.iter().any(|held| held["subject"] == **person && held["revision"].as_i64() > Some(since))
        };
        level_reached(people.iter().all(is_there), reply.to_string())
    })
    .await
    .unwrap();
    found
}

fn deletions(world: &UsherWorld) -> usize {
    let ledger = world.sandbox().ledger();
    ledger.since(0, usize::MAX).iter().filter(|entry| &*entry.method == "DELETE").count()
}

fn is_active(world: &UsherWorld, person: &str) -> bool {
    world.sandbox().state().users.get(&format!("{person}@example.com")).is_some_and(|user| user.active)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_covers_what_the_list_showed_and_not_what_came_of_it() {
    let policy = policy_yaml(TARGET).replace("users:\n", "users:\n  protected: { users: [e-1, e-2, e-3] }\n");
    let deleting = policy.replace("leaver: { action: disable }", "leaver: { action: delete }");
    let options = WorldOptions { policy: Some(policy), ..WorldOptions::new(env!("CARGO_BIN_EXE_usher")) };
    let world = UsherWorld::start(options).await.unwrap();
    post(&world, &PEOPLE.map(joined)).await;
    world.settled(SOON).await.unwrap();
    post(&world, &[left("left-1", "e-1"), left("left-2", "e-2")]).await;
    let before = held(&world, 0, &["e-1", "e-2"]).await;
    let approve = ["held", "approve", "--target", TARGET, "--why", "switch her off"];

    let unseen = fails(&world, &[&approve[..], &["e-1"]].concat()).await;
    assert!(unseen.contains("list first"), "{unseen}");
    let list = succeeds(&world, &["held", "ls"]).await;
    assert!(list.contains("disables") && !list.contains("deletes"), "{list}");

    // A change of the policy makes deletions of them, and one more person is held.
    let newest = before.iter().filter_map(|held| held["revision"].as_i64()).max().unwrap();
    let file = world.usher.data().join("deleting.yaml");
    std::fs::write(&file, deleting).unwrap();
    let file = file.to_str().unwrap();
    succeeds(&world, &["apply", "-f", file, "--yes", "--allow-deletes", "9", "--why", "no room"]).await;
    post(&world, &[left("left-3", "e-3")]).await;
    held(&world, newest, &PEOPLE).await;
    let refused = fails(&world, &[&approve[..], &["e-1"]].concat()).await;
    assert!(refused.contains("the hold of e-1 has changed since it was listed: it now deletes"), "{refused}");
    let rejecting = fails(&world, &["held", "reject", "--target", TARGET, "--why", "no", "e-1"]).await;
    assert!(rejecting.contains("changed_since_shown"), "{rejecting}");

    // The list is approved without what changed, and without what was not in it.
    let all = succeeds(&world, &[&approve[..], &["--all"]].concat()).await;
    assert!(all.contains("approved: 0") && all.contains("left: the hold of e-2"), "{all}");
    world.settled(SOON).await.unwrap();
    assert_eq!(PEOPLE.map(|person| is_active(&world, person)), [true; 3]);

    // Seen as a deletion, it is approved with its number, or by its identity.
    let list = succeeds(&world, &["held", "ls", "--target", TARGET]).await;
    assert!(list.contains("deletes") && list.contains("e-3"), "{list}");
    let unsaid = fails(&world, &[&approve[..], &["e-1"]].concat()).await;
    assert!(unsaid.contains("--deletions 1"), "{unsaid}");
    assert_eq!((deletions(&world), is_active(&world, "e-1")), (0, true));
    succeeds(&world, &[&approve[..], &["e-1", "--deletions", "1"]].concat()).await;
    let listed = held(&world, 0, &["e-3"]).await;
    let one = listed.iter().find(|held| held["subject"] == "e-3").unwrap()["hold"].as_str().unwrap();
    succeeds(&world, &[&approve[..], &["--hold", one, "--deletions", "1"]].concat()).await;
    world.settled(SOON).await.unwrap();
    assert_eq!(PEOPLE.map(|person| is_active(&world, person)), [false, true, false]);

    // As an older client asks.
    let console = world.usher.addresses().console();
    for body in [
        json!({ "target": TARGET, "subjects": ["e-1"], "why": "no" }),
        json!({ "target": TARGET, "all": true, "why": "no" }),
    ] {
        let request = world.http().post(format!("{console}/v1/held/approve"));
        let token = world.usher.token("operator").unwrap();
        let answer = request.bearer_auth(token).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 422);
        let problem = answer.text().await.unwrap();
        assert!(problem.contains("list first"), "{problem}");
    }
}
