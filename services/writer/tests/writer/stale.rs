//! After a long stop a target is compared once: if it has changed in the meantime, everything was restored, and changes
//! that give access wait.

use lifecycle::{AccountState, DesiredState, ReconcileState, ResourceKind};
use sandbox::{FaultRule, InjectedFault};
use serde_json::{Value, json};

use crate::world::{World, account, active, group, name_of, person};

fn on(key: &str) -> DesiredState {
    DesiredState::User(active(key, json!({})))
}

fn off(key: &str) -> DesiredState {
    DesiredState::User(account(AccountState::Disabled, person(key, json!({}))))
}

async fn world() -> World {
    let world = World::start().await;
    for key in ["E-1", "E-2", "E-3"] {
        world.want(key, 1, on(key)).await;
    }
    world.want("G-1", 1, DesiredState::Group(group("G-1"))).await;
    world.members("G-1", 1, &[("E-1", true), ("E-2", true)]).await;
    world.until("they are in", async || world.sandbox.state().groups["G-1"].members.len() == 2).await;
    world
}

fn switched_on(world: &World, since: u64) -> usize {
    let gives = |body: &str| {
        let body: Value = serde_json::from_str(body).unwrap();
        let operations = body["Operations"].as_array().cloned().unwrap_or_default();
        operations.iter().any(|one| one["path"] == "active" && one["value"] != false)
    };
    let entries = world.sandbox.ledger().since(since, 10_000);
    entries.iter().filter(|entry| entry.body.as_deref().is_some_and(gives)).count()
}

/// Checks that the pause has the reason, that a leaver is switched off, and that a joiner waits.
async fn is_taken_for_restored(mut world: World, why: &str) {
    let before = world.sandbox.ledger().len();
    world.restart_trusting_no_stop().await;
    world.send("E-9", 1, on("E-9")).await;
    world.send("E-3", 2, off("E-3")).await;
    world
        .until("what gives access is paused", async || world.status().await.targets[0].paused.is_some())
        .await;
    let status = world.status().await.targets.remove(0);
    let paused = status.paused.unwrap();
    assert!(paused.who == "usher" && paused.why.contains(why), "{paused:?}");
    assert_eq!(status.unverified, None, "the pause says it");
    world.until("the leaver is off", async || world.user("E-3").is_some_and(|user| !user.active)).await;
    world.settled(ResourceKind::User, "E-3", 2).await;
    assert!(world.user("E-9").is_none(), "who joins waits");
    assert_eq!(switched_on(&world, before), 0);

    // An operator resumes the target.
    world.pause(false).await;
    world.until("who joins has an account", async || world.user("E-9").is_some()).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_long_stop_a_target_that_has_not_gone_on_costs_one_look_and_nothing_waits_longer() {
    let mut world = world().await;
    let before = world.sandbox.ledger().len();
    world.restart_trusting_no_stop().await;
    world.send("E-9", 1, on("E-9")).await;
    world.until("who joins has an account", async || world.user("E-9").is_some()).await;
    let looked = world.reconciliation().await;
    assert!(
        looked.dry_run && looked.who == "usher" && looked.state == ReconcileState::Finished,
        "{looked:?}"
    );
    let sent = world.sandbox.ledger().since(before, 10_000);
    let first = sent.iter().position(|entry| &*entry.method != "GET").unwrap();
    let lists = sent[..first].iter().filter(|entry| entry.path.contains("/Groups")).count();
    assert!(lists > 0, "the target was looked at before anything was sent: {sent:?}");
    let status = world.status().await.targets.remove(0);
    assert!(status.paused.is_none() && status.unverified.is_none(), "{status:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_off_at_the_target_and_on_here_says_that_everything_was_restored() {
    let world = world().await;
    world.meddle("E-1", json!([{ "op": "replace", "path": "active", "value": false }])).await;
    is_taken_for_restored(world, "1 accounts are off there that should be active").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_gone_says_that_everything_was_restored() {
    let world = world().await;
    world.delete_user(&world.user("E-2").unwrap().id).await;
    is_taken_for_restored(world, "1 accounts or groups are gone there").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_with_a_key_that_nobody_knows_says_that_everything_was_restored() {
    let world = world().await;
    world.seed(json!({ "userName": name_of("E-7"), "externalId": "E-7", "active": true }));
    is_taken_for_restored(world, "1 accounts were created there that are not known here").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_membership_that_was_taken_away_says_that_everything_was_restored() {
    let world = world().await;
    let id = world.sandbox.state().groups["G-1"].id.clone();
    let member = world.user("E-2").unwrap().id;
    let path = format!("members[value eq \"{member}\"]");
    world.patch_group(&id, json!([{ "op": "remove", "path": path }])).await;
    is_taken_for_restored(world, "1 memberships are missing there").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_cannot_be_looked_at_waits_for_an_operator() {
    let world = world().await;
    let refused = FaultRule::new(InjectedFault::status(400)).method("GET").path("/Groups");
    world.sandbox.faults().inject(refused);
    is_taken_for_restored(world, "could not be seen").await;
}
