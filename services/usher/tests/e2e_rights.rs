//! What a sender may say, from the configuration to the target: a groups-only sender empties no group that decides about access,
//! and one with the right is held by the guard.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use edge::TokenHash;
use harness::world::{EventPoster, TARGET, policy_yaml, wait_for_level};
use harness::{UsherWorld, WorldOptions};
use serde_json::{Map, Value, json};

const SOON: Duration = Duration::from_secs(120);
const PEOPLE: usize = 100;

fn token(sender: &str) -> String {
    format!("token-of-{sender}")
}

fn source(name: &str, may: Value) -> Value {
    let mut source = json!({ "name": name, "token": TokenHash::of(&token(name)).to_string() });
    if !may.is_null() {
        source["may"] = may;
    }
    source
}

async fn world() -> UsherWorld {
    let sources = json!([
        source("hr", Value::Null),
        source("contractors", json!({ "people": "introduced", "employment": true })),
        source("ad", json!({ "groups": true })),
        source("admins", json!({ "groups": true, "people": "all" })),
    ]);
    let gateway = Map::from_iter([("sources".to_owned(), sources)]);
    let scope = "users:\n  scope: { any: [ { all: [ { memberOf: \"Domain Users\" } ] } ] }\n";
    let policy = policy_yaml(TARGET).replacen("users:\n", scope, 1);
    let usher = env!("CARGO_BIN_EXE_usher");
    UsherWorld::start(WorldOptions { policy: Some(policy), gateway, ..WorldOptions::new(usher) })
        .await
        .unwrap()
}

fn event(sender: &str, id: &str, kind: &str, subject: &str, data: Value) -> Value {
    json!({ "specversion": "1.0", "id": id, "source": format!("/{sender}"), "type": kind, "subject": subject, "data": data })
}

async fn post(world: &UsherWorld, sender: &str, events: &[Value]) {
    let feed = EventPoster::new(world.http().clone(), world.usher.addresses(), token(sender));
    feed.values(events).await.unwrap();
}

async fn usher(world: &UsherWorld, arguments: &[&str]) -> String {
    let data = world.usher.data().display().to_string();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_usher"));
    let output = command.args(arguments).args(["--data", &data]).output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Waits until the output of the command contains these words.
async fn says(world: &UsherWorld, arguments: &[&str], words: &[&str]) {
    wait_for_level(&format!("usher {arguments:?}"), SOON, async || {
        let text = usher(world, arguments).await;
        anyhow::ensure!(words.iter().all(|word| text.contains(word)), "{text}");
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();
}

async fn active(world: &UsherWorld) -> anyhow::Result<usize> {
    let users = world.directory().await?.users;
    Ok(users.values().filter(|user| user.active == Some(true)).count())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_groups_only_sender_empties_no_scope_and_one_with_the_right_is_held_by_the_guard() {
    let world = world().await;
    let people: Vec<String> = (1..=PEOPLE).map(|n| format!("E-{n}")).collect();
    let joined: Vec<Value> = people
        .iter()
        .map(|key| {
            let attributes = json!({
                "userPrincipalName": format!("{key}@example.com"), "displayName": key, "department": "Sales",
            });
            event("hr", &format!("join {key}"), "worker.joined", key, json!({ "attributes": attributes }))
        })
        .collect();
    post(&world, "hr", &joined).await;
    let group =
        |members: &[String]| json!({ "attributes": { "displayName": "Domain Users" }, "members": members });
    post(&world, "hr", &[event("hr", "group", "group.upserted", "G-1", group(&people))]).await;
    wait_for_level("all accounts are active", SOON, async || {
        let active = active(&world).await?;
        anyhow::ensure!(active == PEOPLE, "{active}");
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();

    // Without the right to these people, nothing happens, and each of them is listed.
    post(&world, "ad", &[event("ad", "empty", "group.member.removed", "G-1", json!({ "members": people }))])
        .await;
    post(&world, "contractors", &[event("contractors", "left", "worker.left", "E-1", json!({}))]).await;
    says(
        &world,
        &["people", "refused", "--departures"],
        &["E-100", "member of G-1", "worker.left", "101 of 101"],
    )
    .await;
    says(&world, &["status"], &["101 departures refused", "usher people refused --departures"]).await;
    says(&world, &["trace", "E-1"], &["contractors may not state: events about this person"]).await;
    world.settled(SOON).await.unwrap();
    assert_eq!(active(&world).await.unwrap(), PEOPLE);

    // With it, each is a removal at the target, and together they are beyond the guard.
    post(&world, "admins", &[event("admins", "empty", "group.upserted", "G-1", group(&[]))]).await;
    says(&world, &["held", "ls", "--limit", "200"], &["E-1", "E-100", "guard"]).await;
    assert_eq!(active(&world).await.unwrap(), PEOPLE);
}
