//! Provisioning on demand reads the target back and corrects drift.

use lifecycle::{AccountState, DesiredState, Fact, ResourceKind, RowReply, verbs};
use sandbox::{FaultRule, InjectedFault};
use serde_json::json;

use crate::world::{World, account, active, group, methods, name_of, person};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_somebody_unknown_there_is_nothing_to_do_and_no_row() {
    let world = World::start().await;
    let reply = world.provision(ResourceKind::User, "E-9").await;
    assert_eq!((reply.queued, reply.revision), (false, 0));
    assert_eq!(world.row(ResourceKind::User, "E-9").await, RowReply::default());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_vanished_or_was_changed_behind_our_back_is_put_right() {
    for database in store::testing::test_databases() {
        put_right(World::over(database, "").await).await;
    }
}

async fn put_right(world: World) {
    let (row, _) = world.want("E-1", 1, DesiredState::User(active("E-1", json!({ "title": "T" })))).await;
    assert_eq!((row.applied_revision, row.revision), (1, 1));
    world.sandbox.reset();
    world
        .seed(json!({ "userName": name_of("E-1"), "externalId": "E-1", "title": "theirs", "active": false }));
    let other = world.user("E-1").unwrap().id;
    let reply = world.provision(ResourceKind::User, "E-1").await;
    assert_eq!((reply.queued, reply.revision), (true, 1));
    let row = world.settled(ResourceKind::User, "E-1", 1).await;
    assert_eq!((row.status.as_deref(), row.remote_id), (Some("in_sync"), Some(other)));
    assert!(world.user("E-1").unwrap().active);
    assert_eq!(world.attributes("E-1")["title"], "T");
    world.told("who asked, and why", |record| {
        matches!(&record.fact, Fact::Provisioned { target, who, why } if target == "crm" && who == "ann" && why == "ticket 7")
    })
    .await;

    let before = world.sandbox.ledger().len();
    world.provision(ResourceKind::User, "E-1").await;
    world.settled(ResourceKind::User, "E-1", 1).await;
    let sent = world.sandbox.ledger().since(before, 100);
    assert_eq!(methods(&sent), ["GET"], "what agrees is only read");

    world.sandbox.reset();
    world.provision(ResourceKind::User, "E-1").await;
    world.settled(ResourceKind::User, "E-1", 1).await;
    assert!(world.user("E-1").is_some(), "it is created again");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_account_is_tried_again_and_its_letter_closed() {
    let world = World::start().await;
    let refused = world.sandbox.faults().inject(FaultRule::new(InjectedFault::status(400)).method("POST"));
    let (row, _) = world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    assert_eq!(row.status.as_deref(), Some("dead"));
    assert!(row.error.is_some());
    let letter = world.died().await;
    world.sandbox.faults().remove(refused);
    assert!(world.provision(ResourceKind::User, "E-1").await.queued);
    let row = world.settled(ResourceKind::User, "E-1", 1).await;
    assert_eq!((row.status.as_deref(), row.error.as_deref()), (Some("in_sync"), None));
    assert!(world.user("E-1").is_some());
    assert_eq!(world.letter_state(&letter.id).await, "replayed");
    world.stop().await;
}

/// A request for provisioning is not lost while another request is under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_provisioned_while_it_is_being_worked_on_is_read_back_afterwards() {
    let world = World::start().await;
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    let slow = FaultRule::new(InjectedFault::Delay { millis: 400 }).method("PATCH").path("/Users").times(1);
    let slow = world.sandbox.faults().inject(slow);
    let before = world.sandbox.ledger().len();
    world.send("E-1", 2, DesiredState::User(active("E-1", json!({ "title": "T" })))).await;
    world.until("the change is under way", async || world.sandbox.faults().fired(slow) == 1).await;
    world.provision(ResourceKind::User, "E-1").await;
    world.settled(ResourceKind::User, "E-1", 2).await;
    let sent = world.sandbox.ledger().since(before, 100);
    assert_eq!(methods(&sent), ["PATCH", "GET"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_gets_back_the_members_it_lost_and_loses_those_it_should_not_have() {
    for database in store::testing::test_databases() {
        let profile = "membership: { members_per_request_max: 2 }\n";
        members_agree_again(World::over(database, profile).await).await;
    }
}

async fn members_agree_again(world: World) {
    let keys: Vec<String> = (1..=7).map(|i| format!("E-{i}")).collect();
    for key in &keys {
        world.want(key, 1, DesiredState::User(active(key, json!({})))).await;
    }
    world.want("G-1", 1, DesiredState::Group(group("SEC-1"))).await;
    let edges: Vec<(&str, bool)> = keys.iter().map(|key| (key.as_str(), key != "E-7")).collect();
    world.members("G-1", 1, &edges).await;
    let members = |world: &World| world.sandbox.state().groups["SEC-1"].members.clone();
    world.until("six members", async || members(&world).len() == 6).await;
    world.settled(ResourceKind::Group, "G-1", 1).await;

    let id = world.sandbox.state().groups["SEC-1"].id.clone();
    let intruder = world.user("E-7").unwrap().id;
    world.patch_group(&id, json!([
        { "op": "remove", "path": format!("members[value eq \"{}\"]", world.user("E-1").unwrap().id) },
        { "op": "add", "path": "members", "value": [{ "value": intruder }] },
        { "op": "replace", "path": "externalId", "value": "theirs" },
    ]))
    .await;
    assert!(members(&world).contains(&name_of("E-7")) && !members(&world).contains(&name_of("E-1")));

    let before = world.sandbox.ledger().len();
    assert!(world.provision(ResourceKind::Group, "G-1").await.queued);
    world.settled(ResourceKind::Group, "G-1", 1).await;
    let expected = keys[..6].iter().map(|key| name_of(key)).collect();
    assert_eq!(members(&world), expected);
    assert_eq!(world.sandbox.state().groups["SEC-1"].external_id.as_deref(), Some("SEC-1"));
    let reads = world.sandbox.ledger().since(before, 100);
    let reads = reads.iter().filter(|entry| &*entry.method == "GET").count();
    assert_eq!(reads, 2, "one reading for the group, one for all of its members");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memberships_are_provisioned_with_their_group_only() {
    let world = World::start().await;
    let request = lifecycle::ProvisionRequest {
        target: "crm".to_owned(),
        kind: ResourceKind::Membership,
        subject: "G-1".to_owned(),
        actor: lifecycle::Actor { who: "ann".to_owned(), why: "x".to_owned() },
    };
    let asked: Result<lifecycle::ProvisionReply, _> = world.ask::<verbs::WriterProvisionVerb>(&request).await;
    assert!(asked.unwrap_err().to_string().contains("name the group"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_left_and_never_had_an_account_is_looked_for_once() {
    let world = World::start().await;
    let left = account(AccountState::Disabled, person("E-1", json!({})));
    world.want("E-1", 1, DesiredState::User(left)).await;
    let before = world.sandbox.ledger().len();
    assert!(world.provision(ResourceKind::User, "E-1").await.queued);
    let row = world.settled(ResourceKind::User, "E-1", 1).await;
    assert_eq!(
        (row.status.as_deref(), row.error.as_deref()),
        (Some("in_sync"), Some("not there, which cannot be proven: no other account is known at the target"))
    );
    assert_eq!(methods(&world.sandbox.ledger().since(before, 100)), ["GET", "GET"]);
    world.stop().await;
}
