//! A decision of an operator covers the holds that were shown, and nothing else.

use bus::ControlFailure;
use lifecycle::{
    AccountState, ControlError, DecideHeldReply, DecideHeldRequest, DesiredAccount, DesiredState,
    HeldResource, HoldEffect, RefusalReason, ResourceKind, ShownHold, verbs,
};
use serde_json::json;

use crate::safety::{GUARD, actor};
use crate::world::{Sent, TARGET, World, account, person};

fn protected(key: &str, state: AccountState) -> DesiredState {
    DesiredState::User(DesiredAccount { protected: true, ..account(state, person(key, json!({}))) })
}

fn decision(shown: &[HeldResource]) -> DecideHeldRequest {
    let holds = shown.iter().map(|held| ShownHold { subject: held.subject.clone(), hold: held.hold.clone() });
    DecideHeldRequest {
        target: TARGET.to_owned(),
        holds: holds.collect(),
        leave_changed: false,
        deletions: 0,
        approve: true,
        actor: actor(),
    }
}

impl World {
    async fn decide(&self, request: &DecideHeldRequest) -> Result<DecideHeldReply, ControlError> {
        match self.ask::<verbs::DecideHeldVerb>(request).await {
            Ok(reply) => Ok(reply),
            Err(ControlFailure::Refused { error, .. }) => Err(error),
            Err(failure) => panic!("{failure}"),
        }
    }

    /// Sends a desired state of a protected person, which is held.
    async fn hold(&self, key: &str, revision: i64, state: AccountState) {
        self.send_as(key, revision, protected(key, state), Sent::guarded(GUARD)).await;
        let row = self.settled(ResourceKind::User, key, revision).await;
        assert_eq!(row.status.as_deref(), Some("held"));
    }

    fn deletions(&self) -> usize {
        self.sandbox.ledger().since(0, 10_000).iter().filter(|entry| &*entry.method == "DELETE").count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_shown_as_a_switch_off_is_not_approved_as_a_deletion() {
    for database in store::testing::test_databases() {
        let world = World::over(database, "").await;
        let keys = world.people(1).await;
        let key = &keys[0];
        world.hold(key, 2, AccountState::Disabled).await;
        let shown = world.held().await.items;
        assert_eq!(shown[0].effect, HoldEffect::Disable);
        world.hold(key, 3, AccountState::Deleted).await;

        for approve in [true, false] {
            let refused = world.decide(&DecideHeldRequest { approve, ..decision(&shown) }).await.unwrap_err();
            assert_eq!(refused.reason, RefusalReason::ChangedSinceShown);
            let why = format!("the hold of {key} has changed since it was listed: it now deletes");
            assert!(refused.message.contains(&why), "{}", refused.message);
        }
        // Shown as a deletion, it needs a word of its own.
        let shown = world.held().await.items;
        assert_eq!((shown[0].effect, shown[0].revision), (HoldEffect::Delete, 3));
        let refused = world.decide(&decision(&shown)).await.unwrap_err();
        assert!(refused.message.contains("--deletions 1"), "{}", refused.message);
        assert_eq!((world.held().await.total, world.deletions()), (1, 0), "nothing was decided or sent");
        assert!(world.user(key).unwrap().active);

        let approval = DecideHeldRequest { deletions: 1, ..decision(&shown) };
        assert_eq!(world.decide(&approval).await.unwrap().decided, 1);
        world.until("it is gone", async || world.user(key).is_none()).await;
        assert_eq!(
            world.decide(&approval).await.unwrap().not_held,
            std::slice::from_ref(key),
            "a retry decides nothing"
        );
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_approved_without_what_came_or_changed_since() {
    for database in store::testing::test_databases() {
        let world = World::over(database, "").await;
        let keys = world.people(4).await;
        for key in &keys[..3] {
            world.hold(key, 2, AccountState::Disabled).await;
        }
        let shown = world.held().await.items;
        world.hold(&keys[1], 3, AccountState::Deleted).await;
        world.hold(&keys[3], 2, AccountState::Disabled).await;

        let refused = world.decide(&decision(&shown)).await.unwrap_err();
        assert_eq!(refused.reason, RefusalReason::ChangedSinceShown, "as a whole, unless told to leave it");
        let reply =
            world.decide(&DecideHeldRequest { leave_changed: true, ..decision(&shown) }).await.unwrap();
        assert_eq!(reply.decided, 2);
        assert_eq!((&reply.changed[0].subject, reply.changed[0].effect), (&keys[1], HoldEffect::Delete));
        world
            .until("who was shown is off", async || {
                [&keys[0], &keys[2]].into_iter().all(|key| !world.user(key).unwrap().active)
            })
            .await;
        let mut left: Vec<String> = world.held().await.items.into_iter().map(|held| held.subject).collect();
        left.sort();
        assert_eq!(left, [keys[1].clone(), keys[3].clone()]);
        assert!([&keys[1], &keys[3]].into_iter().all(|key| world.user(key).unwrap().active));
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_that_does_not_say_what_was_shown_is_refused() {
    let world = World::start().await;
    let keys = world.people(1).await;
    world.hold(&keys[0], 2, AccountState::Disabled).await;
    // As an older console sends it.
    let old = json!({ "target": TARGET, "subjects": [keys[0]], "approve": true,
                      "actor": { "who": "ann", "why": "ticket 7" } });
    let refused = world.decide(&serde_json::from_value(old).unwrap()).await.unwrap_err();
    assert!(refused.message.contains("list them first"), "{}", refused.message);
    assert_eq!(world.held().await.total, 1);
    world.stop().await;
}
