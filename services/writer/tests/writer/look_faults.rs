//! A preview that fails reports the reason.

use lifecycle::{DesiredState, verbs};
use sandbox::{FaultRule, InjectedFault};
use serde_json::json;
use store::Store;

use crate::world::{World, active, edge};

fn anybody() -> DesiredState {
    DesiredState::User(active("E-1", json!({})))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_down_is_named_with_the_reason_also_while_the_circuit_is_open() {
    let world = World::start().await;
    world.sandbox.faults().inject(FaultRule::new(InjectedFault::retry_after(503, "600")));
    let first = world.look("E-1", anybody()).await.unwrap_err();
    assert!(first.contains("`crm` is not asked now") && first.contains("503"), "{first}");
    let sent = world.sandbox.ledger().len();
    world
        .until("the circuit is open", async || {
            let again = world.look("E-1", anybody()).await.unwrap_err();
            assert!(again.contains("503"), "{again}");
            world.sandbox.ledger().len() == sent
        })
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_credential_is_named_and_never_shown() {
    let world = World::start().await;
    world.sandbox.set_token("another");
    let error = world.look("E-1", anybody()).await.unwrap_err();
    assert!(error.contains("401"), "{error}");
    assert!(!error.contains("the-token"), "{error}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_answers_nonsense_is_named_with_the_request() {
    let world = World::start().await;
    world.sandbox.faults().inject(FaultRule::new(InjectedFault::status(500)));
    let error = world.look("E-1", anybody()).await.unwrap_err();
    assert!(error.contains("GET /Users") && error.contains("500"), "{error}");
    world.sandbox.faults().clear();
    world.sandbox.faults().inject(FaultRule::new(InjectedFault::HtmlBody { status: 200 }));
    let error = world.look("E-1", anybody()).await.unwrap_err();
    assert!(error.contains("cannot be understood"), "{error}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memberships_and_unknown_targets_are_refused() {
    let world = World::start().await;
    let edges = vec![edge("E-1", true, 1)];
    let error = world.look("G-1", DesiredState::Membership { edges }).await.unwrap_err();
    assert!(error.contains("not memberships"), "{error}");
    let request = lifecycle::PreviewRequest {
        target: "nowhere".to_owned(),
        subject: "E-1".to_owned(),
        desired: anybody(),
    };
    let asked: Result<lifecycle::PreviewReply, _> = world.ask::<verbs::PreviewVerb>(&request).await;
    let error = asked.unwrap_err().to_string();
    assert!(error.contains("`nowhere`") && error.contains("crm"), "{error}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_of_another_replica_is_said_to_be_its() {
    let database = store::testing::sqlite_database();
    let store = Store::open::<writer::WriterMigrator>(&database.url).await.unwrap();
    let far = i64::MAX;
    let sql = format!(
        "INSERT INTO writer_targets (name, owner, epoch, lease_until) VALUES ('crm', 'theirs', 1, {far})"
    );
    let tx = store.begin().await.unwrap();
    sea_orm::ConnectionTrait::execute_unprepared(&tx, &sql).await.unwrap();
    tx.commit().await.unwrap();
    drop(store);
    let world = World::over(database, "").await;
    let error = world.look("E-1", anybody()).await.unwrap_err();
    assert!(error.contains("replica theirs"), "{error}");
    assert!(world.sandbox.ledger().is_empty());
    world.stop().await;
}
