//! Before the desired state is verified, accounts are switched off and members removed, and nothing else is done.

use lifecycle::{AccountState, DesiredState, GroupResource, ResourceKind};
use serde_json::json;

use crate::world::{World, account, active, group, person};

/// These statements require a verification that is later than any of the test's, and lift the requirement again.
const SHUT: &str = "UPDATE writer_verifications SET needed_since = 9000000000000000, why = 'restored'";
const OPEN: &str = "UPDATE writer_verifications SET needed_since = 0";

fn state(key: &str, state: AccountState) -> DesiredState {
    DesiredState::User(account(state, person(key, json!({}))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_a_verification_only_switch_offs_go_out_and_after_it_the_rest() {
    let mut world = World::start().await;
    for key in ["E-1", "E-2", "E-4", "E-5", "E-6"] {
        world.want(key, 1, DesiredState::User(active(key, json!({})))).await;
    }
    world.want("E-4", 2, state("E-4", AccountState::Disabled)).await;
    for key in ["G-1", "G-2"] {
        world.want(key, 1, DesiredState::Group(group(key))).await;
    }
    world.members("G-1", 1, &[("E-1", true), ("E-2", true)]).await;
    world.until("they are in", async || world.sandbox.state().groups["G-1"].members.len() == 2).await;
    world.restart_after(&[SHUT]).await;
    let before = world.sandbox.ledger().len();

    // Changes that give access, destroy or update come first.
    world.send("E-3", 1, DesiredState::User(active("E-3", json!({})))).await;
    world.send("E-4", 3, state("E-4", AccountState::Active)).await;
    world.send("E-5", 2, DesiredState::User(active("E-5", json!({ "title": "T" })))).await;
    world.send("G-2", 2, DesiredState::Group(GroupResource { exists: false, ..group("G-2") })).await;
    world.send("G-3", 1, DesiredState::Group(group("G-3"))).await;
    world.members("G-1", 2, &[("E-5", true)]).await;
    world.send("E-6", 2, state("E-6", AccountState::Deleted)).await;
    world.members("G-1", 2, &[("E-2", false)]).await;
    world.send("E-1", 2, state("E-1", AccountState::Disabled)).await;
    world
        .until("who must be off is off, and out", async || {
            let is_off = |key: &str| world.user(key).is_some_and(|user| !user.active);
            let members = world.sandbox.state().groups["G-1"].members.len();
            is_off("E-1") && is_off("E-6") && members == 1
        })
        .await;
    // This takes long enough for the queue to be read again, so that late requests have arrived.
    world.settled(ResourceKind::User, "E-1", 2).await;
    let sent = world.sandbox.ledger().since(before, 1_000);
    assert!(sent.iter().all(|entry| !matches!(&*entry.method, "POST" | "PUT" | "DELETE")), "{sent:?}");
    assert!(world.user("E-3").is_none() && !world.user("E-4").unwrap().active);
    assert!(world.attributes("E-5").get("title").is_none());
    let groups = world.sandbox.state().groups;
    assert!(groups.contains_key("G-2") && !groups.contains_key("G-3"));
    assert_eq!(world.status().await.targets[0].unverified.as_deref(), Some("restored"));

    world.execute(OPEN).await;
    world
        .until("the rest goes", async || {
            let state = world.sandbox.state();
            world.user("E-3").is_some_and(|user| user.active)
                && world.user("E-4").is_some_and(|user| user.active)
                && world.user("E-6").is_none()
                && world.attributes("E-5")["title"] == json!("T")
                && !state.groups.contains_key("G-2")
                && state.groups.contains_key("G-3")
                && state.groups["G-1"].members.len() == 2
        })
        .await;
    world.stop().await;
}
