//! One replica takes a target over from another that did not release it.

use lifecycle::{AccountState, DesiredState, ResourceKind};
use sandbox::{FaultRule, InjectedFault};
use serde_json::json;

use crate::world::{World, account, active, group, methods, person};

/// Another replica owned the target, and its term is over.
const GONE: &str = "UPDATE writer_targets SET owner = 'gone', lease_until = 1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_owner_before_was_sending_is_read_back_at_once_and_again_when_it_can_no_longer_arrive() {
    let mut world = World::with_profile("timeout_seconds: 1\n").await;
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    world.want("E-2", 1, DesiredState::User(active("E-2", json!({})))).await;
    world.want("G-1", 1, DesiredState::Group(group("G-1"))).await;
    world.members("G-1", 1, &[("E-2", true)]).await;
    world.settled(ResourceKind::Group, "G-1", 1).await;
    world.members("G-1", 2, &[("E-2", false)]).await;
    let out = "SELECT revision FROM writer_edges WHERE revision = 2 AND status = 'in_sync'";
    world.until("the member is out", async || world.query(out).await.len() == 1).await;
    world.want("E-1", 2, DesiredState::User(account(AccountState::Disabled, person("E-1", json!({}))))).await;
    let before = world.sandbox.ledger().len();
    world
        .restart_after(&[
            GONE,
            "UPDATE writer_resources SET sending_epoch = 1, queued = true, status = 'pending' WHERE subject = 'E-1'",
            "UPDATE writer_edges SET status = 'sending', queued = true",
        ])
        .await;
    world.settled(ResourceKind::User, "E-1", 2).await;
    world.settled(ResourceKind::Group, "G-1", 1).await;
    let sent = world.sandbox.ledger().since(before, 1_000);
    let first =
        |of: &str| sent.iter().find(|entry| entry.path.starts_with(of)).map(|it| it.method.to_string());
    assert_eq!(first("/Users").as_deref(), Some("GET"), "{sent:?}");
    assert_eq!(first("/Groups").as_deref(), Some("GET"), "{sent:?}");

    // Requests of the old owner arrive only now.
    let (id, other) = (world.user("E-1").unwrap().id, world.user("E-2").unwrap().id);
    world.patch_user(&id, json!([{ "op": "replace", "path": "active", "value": true }])).await;
    let of_group = world.sandbox.state().groups["G-1"].id.clone();
    world
        .patch_group(&of_group, json!([{ "op": "add", "path": "members", "value": [{ "value": other }] }]))
        .await;
    world
        .until("the account is off and the member out again", async || {
            let is_off = !world.user("E-1").unwrap().active;
            is_off && world.sandbox.state().groups["G-1"].members.is_empty()
        })
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_of_an_owner_that_was_replaced_are_refused_and_read_back_by_the_next() {
    let world = World::start().await;
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    let slow = FaultRule::new(InjectedFault::HangAfterWork { millis: 3_000 }).method("PATCH").times(1);
    let slow = world.sandbox.faults().inject(slow);
    world.send("E-1", 2, DesiredState::User(active("E-1", json!({ "title": "T" })))).await;
    world.until("the request is under way", async || world.sandbox.faults().fired(slow) == 1).await;
    let another =
        "UPDATE writer_targets SET owner = 'another', epoch = epoch + 1, lease_until = 9000000000000000";
    world.execute(another).await;
    let left =
        "SELECT subject FROM writer_resources WHERE look_again_at IS NOT NULL AND applied_revision = 1";
    world.until("the result is refused", async || world.query(left).await.len() == 1).await;

    let before = world.sandbox.ledger().len();
    world.execute("UPDATE writer_targets SET lease_until = 1").await;
    world.settled(ResourceKind::User, "E-1", 2).await;
    assert_eq!(world.attributes("E-1")["title"], json!("T"));
    let sent = methods(&world.sandbox.ledger().since(before, 1_000));
    assert!(sent.iter().all(|method| method == "GET"), "it was carried out: {sent:?}");
    world.stop().await;
}
