//! Two replicas: each of them can be asked, and the owner of the target answers.

use lifecycle::{DesiredState, StatusReply, TestReply, TestRequest, verbs};
use sandbox::{FaultRule, InjectedFault};
use serde_json::json;

use crate::world::{TARGET, World, active};

/// The number of requests after which each of two replicas has been asked.
const TIMES: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_answers_whichever_replica_is_asked() {
    let world = World::start().await;
    let standby = world.start_standby("standby").await;
    let told: StatusReply = world.ask_replica::<verbs::WriterStatusVerb>("standby", &()).await;
    assert_eq!(told.targets[0].circuit, "closed", "as the owner wrote it down");
    for _ in 0..TIMES {
        let question = TestRequest { target: TARGET.to_owned() };
        let tested: TestReply = world.ask::<verbs::TestTargetVerb>(&question).await.unwrap();
        assert!(tested.works, "{tested:?}");
        assert!(world.look("E-1", DesiredState::User(active("E-1", json!({})))).await.is_ok());
    }

    let refused =
        InjectedFault::Status { status: 401, retry_after: None, scim_type: None, after_work: false };
    let refused = world.sandbox.faults().inject(FaultRule::new(refused).times(1_000));
    world.send("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    world.until("the owner notices", async || world.sandbox.faults().fired(refused) > 0).await;
    let standbys_word = async || -> String {
        let told: StatusReply = world.ask_replica::<verbs::WriterStatusVerb>("standby", &()).await;
        told.targets[0].circuit.clone()
    };
    world.until("the other one knows why", async || standbys_word().await.starts_with("open: ")).await;
    for _ in 0..TIMES {
        let circuit = world.circuit().await;
        assert!(circuit.starts_with("open: "), "{circuit}");
    }
    world.sandbox.faults().clear();
    world.until("it is closed for both", async || standbys_word().await == "closed").await;
    standby.stop().await;
    world.stop().await;
}
