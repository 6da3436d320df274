//! The same history through the whole pipeline, on every database and against third-party servers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use harness::interop::{InteropServer, RunningInteropServer};
use harness::world::{TARGET, now, policy_yaml, wait_for_level};
use harness::{
    CloudEventMessage, CompanyHistory, PopulationShape, SamplePopulation, UsherWorld, WorldOptions, reader,
};

const SOON: Duration = Duration::from_secs(120);

fn options() -> WorldOptions {
    WorldOptions::new(env!("CARGO_BIN_EXE_usher"))
}

/// Joiners by SCIM bulk and by events, groups, movers, leavers, rehires, memberships that are added and removed.
async fn everything(world: &UsherWorld, people: usize) -> CompanyHistory {
    let company = SamplePopulation::generate(PopulationShape { people, departments: 5, groups: 4, seed: 7 });
    let mut history = CompanyHistory::new("hr", company, now());
    let keys = history.keys();
    let (bulk, events) = keys.split_at(people / 2);
    let request = history.hire_by_bulk(bulk);
    world.feed.bulk(&request).await.unwrap();
    history.set_time(now());
    let joined: Vec<CloudEventMessage> = events.iter().map(|key| history.hire(key)).collect();
    world.feed.batch(&joined).await.unwrap();
    let groups: Vec<CloudEventMessage> =
        history.group_keys().iter().map(|key| history.group_upserted(key)).collect();
    world.feed.batch(&groups).await.unwrap();
    world.settled(SOON).await.unwrap();
    history.accounts_are_there();
    history.set_time(now());

    for (i, key) in keys.iter().enumerate().step_by(3) {
        world.feed.event(&history.move_on(key, i)).await.unwrap();
    }
    let left: Vec<String> = keys.iter().skip(1).step_by(5).cloned().collect();
    for key in &left {
        world.feed.event(&history.leave(key)).await.unwrap();
    }
    let group = history.group_keys()[0].clone();
    let members: Vec<String> = history.members(&group).into_iter().take(3).collect();
    world.feed.event(&history.members_removed(&group, &members)).await.unwrap();
    world.feed.event(&history.members_added(&group, &members[..1])).await.unwrap();
    for (i, key) in left.iter().step_by(2).enumerate() {
        world.feed.event(&history.rehire(key, i)).await.unwrap();
    }
    history
}

async fn must_be_right(world: &UsherWorld, history: &CompanyHistory) {
    let status = world.settled(SOON).await.unwrap();
    let dead = world.console.dead("open").await.unwrap();
    assert_eq!(status.stuck(), 0, "{status:?}: {dead:?}");
    let differences = world.differences(&history.expected()).await.unwrap();
    assert!(differences.is_empty(), "{differences}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_history_ends_right_on_sqlite() {
    let world = UsherWorld::start(options()).await.unwrap();
    let history = everything(&world, 60).await;
    must_be_right(&world, &history).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_history_ends_right_on_postgresql() {
    let Some(database) = store::testing::postgres_database() else {
        eprintln!("no PostgreSQL on this machine: nothing was tested");
        return;
    };
    let world =
        UsherWorld::start(WorldOptions { postgres: Some(database.url.clone()), ..options() }).await.unwrap();
    let history = everything(&world, 60).await;
    must_be_right(&world, &history).await;
}

/// Runs a history with deletions against a server: leavers are deleted, and everything is read back with plain HTTP.
async fn against(server: InteropServer) {
    if !server.possible_here() {
        eprintln!("this machine cannot run {server:?}: nothing was tested");
        return;
    }
    let target = RunningInteropServer::start(server).await.unwrap();
    let options = WorldOptions { profile: "generic".to_owned(), ..options() };
    let world = UsherWorld::at(options, &target.base_url, &target.token).await.unwrap();
    let history = everything(&world, 40).await;
    must_be_right(&world, &history).await;
    nothing_differs(&world).await;
    let (probed, profile) = probe(&target).await;
    assert!(profile.contains("delete:") || !probed.contains("remove it yourself"), "{probed}\n{profile}");
    assert!(probed.contains("PATCH with a path: works"), "{probed}");
    assert!(probed.contains("accounts are found by externalId, userName"), "{probed}");
    deletes(&world, &history).await;
}

async fn usher(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output =
        tokio::process::Command::new(env!("CARGO_BIN_EXE_usher")).args(arguments).output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Checks that a third-party server shows what it was sent, value for value.
async fn nothing_differs(world: &UsherWorld) {
    let data = world.usher.data().display().to_string();
    let (code, report, errors) = usher(&["reconcile", TARGET, "--dry-run", "--data", &data]).await;
    assert_eq!(code, Some(0), "{report}\n{errors}");
}

/// Returns the output of `usher target probe`, and the profile that it writes.
async fn probe(target: &RunningInteropServer) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, &target.token).unwrap();
    let token = token.display().to_string();
    let (code, profile, notes) =
        usher(&["target", "probe", &target.base_url, "--token-file", &token, "--write"]).await;
    assert_eq!(code, Some(0), "{notes}");
    (notes, profile)
}

async fn deletes(world: &UsherWorld, history: &CompanyHistory) {
    let policy = world.usher.data().join("policies").join(format!("{TARGET}.yaml"));
    let deleting = policy_yaml(TARGET).replace("action: disable", "action: delete");
    std::fs::write(policy, deleting).unwrap();
    let mut history = history.clone();
    history.set_time(now());
    let someone = history.keys()[0].clone();
    let user_name = history.person(&someone).user_principal_name.to_lowercase();
    world.feed.event(&history.leave(&someone)).await.unwrap();
    wait_for_level("the account is deleted", SOON, async || {
        let there = world.directory().await?.users.contains_key(&user_name);
        anyhow::ensure!(!there, "{user_name} is still there");
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();
    world.settled(SOON).await.unwrap();
    let directory: reader::ServerDirectory = world.directory().await.unwrap();
    let somewhere =
        directory.groups.values().any(|group| group.members.iter().any(|m| m.to_lowercase() == user_name));
    assert!(!somewhere, "a deleted account is still a member");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_history_ends_right_at_scim2_server() {
    against(InteropServer::Scim2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_history_ends_right_at_scimmy() {
    against(InteropServer::Scimmy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_history_ends_right_at_better_auth() {
    against(InteropServer::BetterAuth).await;
}
