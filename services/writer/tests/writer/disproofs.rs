//! Targets that answer one thing and show another, and people who have more than one account.

use lifecycle::{
    AccountEvidence, AccountState, DesiredState, EvidenceReply, EvidenceRequest, ReconcileState,
    ResourceKind, TargetRemarkReason, WaitingFor, verbs,
};
use sandbox::{FaultRule, InjectedFault};
use serde_json::json;

use crate::world::{TARGET, World, account, active, methods, name_of, person, sandbox};

const OFF_LONG_AGO: &str =
    "UPDATE writer_resources SET off_evidence_at = 1000, looked_at = NULL, seen_at = NULL";
const LOOK_NOW: &str = "UPDATE writer_resources SET looked_at = NULL, seen_at = NULL";

fn joiner(key: &str) -> DesiredState {
    DesiredState::User(active(key, json!({})))
}

fn in_state(key: &str, state: AccountState) -> DesiredState {
    DesiredState::User(account(state, person(key, json!({}))))
}

fn off(key: &str) -> DesiredState {
    in_state(key, AccountState::Disabled)
}

impl World {
    async fn shown(&self, person: &str) -> AccountEvidence {
        let (target, people) = (TARGET.to_owned(), vec![person.to_owned()]);
        let request = EvidenceRequest { target, people, memberships: Vec::new() };
        let mut reply: EvidenceReply = self.ask::<verbs::EvidenceVerb>(&request).await.unwrap();
        reply.accounts.remove(0)
    }

    async fn kind_of_evidence(&self, person: &str) -> Option<String> {
        self.shown(person).await.off.map(|off| off.kind)
    }

    pub(crate) async fn remarks(&self) -> Vec<TargetRemarkReason> {
        self.status().await.targets[0].remarks.iter().map(|remark| remark.reason).collect()
    }

    /// Returns whether the account with this login name is on.
    fn is_on(&self, name: &str) -> bool {
        self.sandbox.state().users[name].active
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_whose_answers_were_disproved_is_believed_only_when_it_shows_the_account_off() {
    for reconciled in [false, true] {
        let world = World::start().await;
        world.want("E-1", 1, joiner("E-1")).await;
        let lie = world.sandbox.faults().inject(FaultRule::new(InjectedFault::Pretend).method("PATCH"));
        world.want("E-1", 2, off("E-1")).await;
        assert_eq!(world.kind_of_evidence("E-1").await.as_deref(), Some("answer"), "nothing contradicts it");
        assert!(world.user("E-1").unwrap().active);
        assert!(world.remarks().await.is_empty());
        // A read shows the account as on: the target's answers about it prove nothing from then on.
        match reconciled {
            true => drop(world.reconcile(false).await),
            false => {
                world.execute(OFF_LONG_AGO).await;
                world.shown("E-1").await;
            }
        }
        world
            .until("the target is not believed", async || {
                world.row(ResourceKind::User, "E-1").await.status.as_deref() == Some("dead")
            })
            .await;
        let shown = world.shown("E-1").await;
        assert_eq!((shown.off, shown.waiting.unwrap().reason), (None, WaitingFor::DeadLetter));
        assert_eq!(world.remarks().await, [TargetRemarkReason::AnswersDisproved]);
        // The target now does what it says, but has to show it.
        world.sandbox.faults().remove(lie);
        let (_, sent) = world.want("E-1", 3, off("E-1")).await;
        assert!(!world.user("E-1").unwrap().active);
        assert!(methods(&sent).windows(2).any(|pair| pair == ["PATCH", "GET"]), "{sent:?}");
        assert_eq!(world.kind_of_evidence("E-1").await.as_deref(), Some("read_back"));
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_that_is_answered_with_success_and_not_done_is_no_evidence_and_the_account_is_switched_off()
 {
    let world = World::start().await;
    world.want("E-1", 1, joiner("E-1")).await;
    world.want("E-2", 1, joiner("E-2")).await;
    world.sandbox.faults().inject(FaultRule::new(InjectedFault::Pretend).method("DELETE"));
    let (row, _) = world.want("E-1", 2, in_state("E-1", AccountState::Deleted)).await;
    assert_eq!(row.status.as_deref(), Some("dead"));
    assert!(row.error.unwrap().contains("answered the deletion with success"));
    assert!(!world.user("E-1").unwrap().active, "at least it cannot be used");
    assert_eq!(world.kind_of_evidence("E-1").await.as_deref(), Some("answer"));
    // It can be switched off no more than deleted: nothing shows that it is off.
    world.sandbox.faults().inject(FaultRule::new(InjectedFault::status(400)).method("PATCH"));
    world.want("E-2", 2, in_state("E-2", AccountState::Deleted)).await;
    assert!(world.user("E-2").unwrap().active);
    assert_eq!(world.kind_of_evidence("E-2").await, None);
    world.sandbox.faults().clear();
    let (_, sent) = world.want("E-2", 3, in_state("E-2", AccountState::Deleted)).await;
    assert!(world.user("E-2").is_none());
    assert!(methods(&sent).windows(2).any(|pair| pair == ["DELETE", "GET"]), "{sent:?}");
    assert_eq!(world.kind_of_evidence("E-2").await.as_deref(), Some("deleted"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_account_of_a_target_is_proven_deleted_because_it_was_there_before() {
    let world = World::start().await;
    world.want("E-1", 1, joiner("E-1")).await;
    let (_, sent) = world.want("E-1", 2, in_state("E-1", AccountState::Deleted)).await;
    assert_eq!(methods(&sent)[..3], ["GET", "DELETE", "GET"], "{sent:?}");
    assert_eq!(world.kind_of_evidence("E-1").await.as_deref(), Some("deleted"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_account_with_a_leavers_external_id_is_switched_off_too() {
    let world = World::start().await;
    world.want("E-1", 1, joiner("E-1")).await;
    world.want("E-2", 1, joiner("E-2")).await;
    world.seed(json!({ "userName": "jit@example.com", "externalId": "E-1", "active": true }));
    let (row, sent) = world.want("E-1", 2, off("E-1")).await;
    assert_eq!(methods(&sent), ["PATCH", "GET", "PATCH"], "{sent:?}");
    assert!(row.error.unwrap().contains("switched off, too"));
    assert!(!world.is_on("jit@example.com") && !world.user("E-1").unwrap().active);
    assert_eq!(world.kind_of_evidence("E-1").await.as_deref(), Some("answer"));
    // A duplicate that is made later is found by a reconciliation.
    world.seed(json!({ "userName": "again@example.com", "externalId": "E-1", "active": true }));
    let report = world.reconcile(false).await;
    assert_eq!(report.counts.duplicates, 2, "{report:?}");
    world.until("it is off", async || !world.is_on("again@example.com")).await;
    world.settled(ResourceKind::User, "E-1", 2).await;
    assert!(world.shown("E-1").await.off.is_some());
    assert!(world.user("E-2").unwrap().active);
    assert_eq!(world.remarks().await, [TargetRemarkReason::Duplicates]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_account_that_cannot_be_switched_off_keeps_the_obligation_open() {
    let world = World::start().await;
    world.want("E-1", 1, joiner("E-1")).await;
    let linked = world.user("E-1").unwrap().id;
    let second = world.seed(json!({ "userName": "jit@example.com", "externalId": "E-1", "active": true }));
    let refusal = FaultRule::new(InjectedFault::status(400)).method("PATCH").path(format!("/Users/{second}"));
    world.sandbox.faults().inject(refusal);
    world.want("E-1", 2, off("E-1")).await;
    assert!(!world.user("E-1").unwrap().active);
    let shown = world.shown("E-1").await;
    let waiting = shown.waiting.unwrap();
    assert_eq!((shown.off, waiting.reason), (None, WaitingFor::Duplicate));
    let detail = waiting.detail.unwrap();
    assert!(detail.contains(&linked) && detail.contains(&second), "{detail}");
    world.sandbox.faults().clear();
    world.patch_user(&second, json!([{ "op": "replace", "path": "active", "value": false }])).await;
    world.execute(LOOK_NOW).await;
    world.until("both are off", async || world.shown("E-1").await.off.is_some()).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_with_a_leavers_external_id_that_is_linked_to_another_person_is_theirs() {
    let world = World::start().await;
    world.want("E-1", 1, joiner("E-1")).await;
    world.want("E-2", 1, joiner("E-2")).await;
    let hers = world.user("E-2").unwrap().id;
    let as_if = json!([{ "op": "replace", "path": "externalId", "value": "E-1" }]);
    world.patch_user(&hers, as_if).await;
    world.want("E-1", 2, off("E-1")).await;
    assert!(world.user("E-2").unwrap().active);
    assert!(world.shown("E-1").await.off.is_some());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waited_for_a_login_name_and_leaves_is_proven_to_have_no_account() {
    let world = World::start().await;
    let like_ann =
        |state| DesiredState::User(account(state, person("E-2", json!({ "userName": name_of("E-1") }))));
    world.want("E-1", 1, joiner("E-1")).await;
    let (row, _) = world.want("E-2", 1, like_ann(AccountState::Active)).await;
    assert_eq!(row.status.as_deref(), Some("waiting"));
    let (row, _) = world.want("E-2", 2, like_ann(AccountState::Disabled)).await;
    assert_eq!(row.status.as_deref(), Some("in_sync"));
    assert_eq!(world.kind_of_evidence("E-2").await.as_deref(), Some("no_account_proven"));
    assert!(world.user("E-1").unwrap().active, "the colleague keeps hers");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_gone_at_a_new_address_before_an_operator_or_most_of_the_accounts_say_so() {
    let mut world = World::start().await;
    let before = world.sandbox.base_url();
    // These accounts make the two servers give different ids.
    for n in 0..9 {
        world.seed(json!({ "userName": format!("old-{n}@example.com"), "active": true }));
    }
    for key in ["E-1", "E-2", "E-3", "E-4"] {
        world.want(key, 1, joiner(key)).await;
    }
    let elsewhere = sandbox().await;
    world.restart_at(&elsewhere.base_url()).await;
    assert_eq!(world.remarks().await, [TargetRemarkReason::AddressChanged]);
    // A newcomer is visible there, which proves nothing about the others.
    world.want("N-1", 9, joiner("N-1")).await;
    world.send("E-1", 2, off("E-1")).await;
    world
        .until("it is looked for again", async || {
            world.row(ResourceKind::User, "E-1").await.status.as_deref() == Some("retrying")
        })
        .await;
    let shown = world.shown("E-1").await;
    assert!(
        shown.off.is_none() && shown.waiting.unwrap().detail.unwrap().contains("linked at"),
        "not proven"
    );
    let report = world.reconcile(false).await;
    assert_eq!(report.state, ReconcileState::Failed, "{report:?}");
    let remarks = world.remarks().await;
    assert_eq!(remarks, [TargetRemarkReason::AddressChanged, TargetRemarkReason::ReconciliationFailed]);
    // No account is created a second time.
    world.send("E-2", 2, DesiredState::User(active("E-2", json!({ "title": "T" })))).await;
    world.until("grants are paused", async || world.circuit().await.contains("linked at")).await;
    assert_eq!(elsewhere.state().users.len(), 1);

    // The accounts are at the previous address, to which the target returns.
    world.restart_at(&format!("{before}/")).await;
    world.settled(ResourceKind::User, "E-1", 2).await;
    assert!(!world.user("E-1").unwrap().active);
    assert_eq!(world.remarks().await, [TargetRemarkReason::ReconciliationFailed]);

    // An operator confirms the new address.
    world.restart_at(&elsewhere.base_url()).await;
    world.send("E-3", 2, off("E-3")).await;
    world.pause(false).await;
    world.settled(ResourceKind::User, "E-3", 2).await;
    assert_eq!(world.kind_of_evidence("E-3").await.as_deref(), Some("gone_proven"));
    assert_eq!(world.remarks().await, [TargetRemarkReason::ReconciliationFailed]);
    elsewhere.shutdown().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_new_address_nothing_is_sent_to_an_account_that_has_the_id_and_is_anothers() {
    let mut world = World::start().await;
    world.want("E-1", 1, joiner("E-1")).await;
    let id = world.user("E-1").unwrap().id;
    let elsewhere = sandbox().await;
    let other = json!({ "userName": "other@example.com", "externalId": "X-1", "active": true });
    assert_eq!(elsewhere.seed_user(other).unwrap(), id, "both servers count from one");
    world.restart_at(&elsewhere.base_url()).await;
    world.send("E-1", 2, off("E-1")).await;
    world
        .until("it is looked for again", async || {
            world.row(ResourceKind::User, "E-1").await.status.as_deref() == Some("retrying")
        })
        .await;
    assert!(world.shown("E-1").await.off.is_none());
    assert!(elsewhere.state().users["other@example.com"].active);
    elsewhere.shutdown().await;
    world.stop().await;
}
