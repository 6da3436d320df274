//! Orphans are left alone, unless the policy says otherwise.

use lifecycle::{
    AccountState, DesiredState, HeldReply, HeldRequest, OrphanAction, OrphanPolicy, RemovalGuard, verbs,
};
use sandbox::UserState;
use serde_json::json;

use crate::world::{World, active, name_of};

/// The accounts that existed before: an administrator, a service, and unknown people.
const STRANGERS: [&str; 5] =
    ["admin@example.com", "svc-mail@example.com", "x1@old.example", "x2@old.example", "E-9"];

async fn with_strangers(world: &World) {
    for stranger in STRANGERS {
        world.seed(json!({ "userName": name(stranger), "active": true }));
    }
    for key in ["E-1", "E-2"] {
        world.want(key, 1, DesiredState::User(active(key, json!({})))).await;
    }
}

fn name(stranger: &str) -> String {
    if stranger.contains('@') { stranger.to_owned() } else { name_of(stranger) }
}

fn account(world: &World, stranger: &str) -> Option<UserState> {
    world.sandbox.state().users.get(&name(stranger)).cloned()
}

/// Returns for each stranger whether the account is on, off or missing.
fn states(world: &World) -> [Option<bool>; 5] {
    STRANGERS.map(|stranger| account(world, stranger).map(|account| account.active))
}

async fn say(world: &World, version: i64, action: OrphanAction, deletions: u64) {
    let except = ["admin@*", "SVC-*"].map(str::to_owned).to_vec();
    let guard = RemovalGuard { deletions, percent: 100, ..RemovalGuard::default() };
    world.say_of_orphans(version, OrphanPolicy { action, except }, guard).await;
    world
        .until("the rules are in force", async || {
            let rows = world.query("SELECT orphans FROM writer_controls").await;
            let said = format!("\"version\":{version},");
            rows.iter().any(|row| row.try_get::<String>("", "orphans").is_ok_and(|text| text.contains(&said)))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_of_nobody_are_taken_away_only_if_the_policy_says_so_and_never_its_exceptions() {
    let world = World::start().await;
    with_strangers(&world).await;
    assert_eq!(world.reconcile(false).await.counts.orphans, 5);
    assert_eq!(states(&world), [Some(true); 5], "reported, and left alone");

    say(&world, 1, OrphanAction::Disable, 100).await;
    let report = world.reconcile(true).await;
    assert_eq!((report.counts.orphans, report.counts.queued), (5, 0));
    assert_eq!(states(&world), [Some(true); 5], "a dry run changes nothing");

    world.reconcile(false).await;
    let off = [Some(true), Some(true), Some(false), Some(false), Some(false)];
    world.until("the strangers are off", async || states(&world) == off).await;
    world
        .until("their rows are at rest", async || {
            let busy =
                "SELECT subject FROM writer_resources WHERE subject LIKE 'orphan:%' AND status <> 'in_sync'";
            world.query(busy).await.is_empty()
        })
        .await;
    let again = world.reconcile(false).await;
    assert_eq!((again.counts.orphans, again.counts.queued), (5, 0), "{again:#?}");

    // An administrator switched the account on again, and the policy was changed back.
    say(&world, 2, OrphanAction::Report, 100).await;
    let id = account(&world, "x1@old.example").unwrap().id;
    world.patch_user(&id, json!([{ "op": "replace", "path": "active", "value": true }])).await;
    assert_eq!(world.reconcile(false).await.counts.queued, 0);
    assert_eq!(states(&world)[2], Some(true));

    // A person who turns out to own one gets it.
    let (row, _) = world.want("E-9", 1, DesiredState::User(active("E-9", json!({})))).await;
    assert_eq!(row.status.as_deref(), Some("in_sync"), "{row:?}");
    let theirs = account(&world, "E-9").unwrap();
    assert_eq!((theirs.active, theirs.external_id.as_deref()), (true, Some("E-9")));

    say(&world, 3, OrphanAction::Delete, 100).await;
    world.reconcile(false).await;
    let last = [Some(true), Some(true), None, None, Some(true)];
    world.until("the strangers are gone", async || states(&world) == last).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_of_nobody_count_for_the_guard_and_wait_for_whoever_has_none() {
    let world = World::start().await;
    with_strangers(&world).await;
    for number in 3..8 {
        world.seed(json!({ "userName": format!("x{number}@old.example"), "active": true }));
    }
    say(&world, 1, OrphanAction::Delete, 3).await;

    // E-8 is refused, and any of the orphans may belong to that person.
    world.seed(json!({ "userName": name_of("E-8"), "externalId": "somebody-else", "active": true }));
    world.want("E-8", 1, DesiredState::User(active("E-8", json!({})))).await;
    let report = world.reconcile(false).await;
    assert_eq!(report.counts.queued, 0);
    assert!(
        report.found.iter().any(|found| found.what.iter().any(|what| what.contains("has none"))),
        "{report:#?}"
    );

    let gone = crate::world::account(AccountState::Disabled, crate::world::person("E-8", json!({})));
    world.want("E-8", 2, DesiredState::User(gone)).await;
    world.reconcile(false).await;
    let held = async || {
        let request = HeldRequest { target: None, limit: 100, cursor: None };
        let reply: HeldReply = world.ask::<verbs::HeldVerb>(&request).await.unwrap();
        reply.items.len()
    };
    world.until("they are held", async || held().await > 3).await;
    assert_eq!(states(&world)[2..], [Some(true); 3], "more than the guard allows: none of it is sent");
    world.stop().await;
}
