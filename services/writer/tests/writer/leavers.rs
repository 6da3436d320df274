//! The reasons that the writer reports for accounts that must be off and are waiting.

use lifecycle::{
    AccountEvidence, AccountState, DesiredAccount, DesiredState, EvidenceReply, EvidenceRequest,
    ResourceKind, WaitingFor, verbs,
};
use sandbox::{FaultRule, InjectedFault};
use serde_json::json;

use crate::world::{TARGET, World, account, active, person};

fn off(key: &str, protected: bool) -> DesiredState {
    let account = account(AccountState::Disabled, person(key, json!({})));
    DesiredState::User(DesiredAccount { protected, ..account })
}

impl World {
    async fn account_evidence(&self, key: &str) -> AccountEvidence {
        let request = EvidenceRequest {
            target: TARGET.to_owned(),
            people: vec![key.to_owned()],
            ..EvidenceRequest::default()
        };
        let mut reply: EvidenceReply = self.ask::<verbs::EvidenceVerb>(&request).await.unwrap();
        assert_eq!(reply.accounts.len(), 1, "{reply:?}");
        reply.accounts.remove(0)
    }

    pub(crate) async fn until_waiting(&self, key: &str, revision: i64, reason: WaitingFor) -> String {
        self.until(&format!("{key} waits for {reason:?}"), async || {
            let account = self.account_evidence(key).await;
            account.revision == revision && account.waiting.is_some_and(|waiting| waiting.reason == reason)
        })
        .await;
        let account = self.account_evidence(key).await;
        assert!(account.off.is_none(), "{account:?}");
        account.waiting.and_then(|waiting| waiting.detail).unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leaver_who_is_not_off_says_whether_it_waits_for_the_target_a_human_or_the_command() {
    let world = World::patient("").await;
    let keys = ["E-1", "E-2", "E-3", "E-4"];
    for key in keys {
        world.want(key, 1, DesiredState::User(active(key, json!({})))).await;
    }
    world.until_waiting("E-9", 0, WaitingFor::Delivery).await;

    world.pause(true).await;
    world.send("E-1", 2, off("E-1", false)).await;
    let detail = world.until_waiting("E-1", 2, WaitingFor::Pause).await;
    assert!(detail.starts_with("by "), "who paused it, and why: {detail}");
    world.pause(false).await;
    world.settled(ResourceKind::User, "E-1", 2).await;

    world.send("E-2", 2, off("E-2", true)).await;
    world.until_waiting("E-2", 2, WaitingFor::Hold).await;
    world.decide_held(Some(&["E-2"]), false).await;
    let detail = world.until_waiting("E-2", 2, WaitingFor::Rejection).await;
    assert!(detail.contains("ann") && detail.contains("ticket 7"), "{detail}");

    world.sandbox.faults().inject(FaultRule::new(InjectedFault::status(400)).method("PATCH"));
    world.send("E-3", 2, off("E-3", false)).await;
    world.until_waiting("E-3", 2, WaitingFor::DeadLetter).await;
    world.sandbox.faults().clear();

    world.sandbox.faults().inject(FaultRule::new(InjectedFault::status(503)));
    world.send("E-4", 2, off("E-4", false)).await;
    world.until_waiting("E-4", 2, WaitingFor::Circuit).await;
    world.sandbox.faults().clear();

    world
        .execute("UPDATE writer_resources SET status = 'conflict', queued = false WHERE subject = 'E-3'")
        .await;
    world.until_waiting("E-3", 2, WaitingFor::Conflict).await;
    world.stop().await;
}
