//! Decisions that only an operator can make, and the connection test.

use lifecycle::{
    AccountState, Actor, DesiredState, Fact, PauseReply, PauseRequest, RefusalReason, ReplayReply,
    ResolveConflictRequest, ResourceKind, TestReply, TestRequest, verbs,
};
use sandbox::{FaultRule, InjectedFault};
use serde_json::json;

use crate::world::{TARGET, World, account, active, name_of, person};

impl World {
    async fn resolve(&self, subject: &str, remote_id: &str) -> Result<ReplayReply, String> {
        let revision = self.row(ResourceKind::User, subject).await.revision;
        self.resolve_as_shown(subject, remote_id, Some(revision)).await
    }

    async fn resolve_as_shown(
        &self,
        subject: &str,
        remote_id: &str,
        revision: Option<i64>,
    ) -> Result<ReplayReply, String> {
        let request = ResolveConflictRequest {
            target: TARGET.to_owned(),
            kind: ResourceKind::User,
            subject: subject.to_owned(),
            remote_id: remote_id.to_owned(),
            revision,
            actor: Actor { who: "ann".to_owned(), why: "same person".to_owned() },
        };
        self.ask::<verbs::ResolveConflictVerb>(&request).await.map_err(|error| error.to_string())
    }

    async fn test(&self) -> Result<TestReply, String> {
        let request = TestRequest { target: TARGET.to_owned() };
        self.ask::<verbs::TestTargetVerb>(&request).await.map_err(|error| error.to_string())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_human_says_whose_account_it_is_and_it_is_made_right() {
    for database in store::testing::test_databases() {
        let world = World::over(database, "").await;
        let id = world.seed(json!({ "userName": name_of("E-1"), "externalId": "old-hr-7", "active": true }));
        world.want("E-2", 1, DesiredState::User(active("E-2", json!({})))).await;
        let (row, sent) =
            world.want("E-1", 1, DesiredState::User(active("E-1", json!({ "title": "T" })))).await;
        assert_eq!(row.status.as_deref(), Some("conflict"));
        assert!(sent.iter().all(|entry| &*entry.method == "GET"), "{sent:?}");
        let letter = world.died().await;

        let hers = world.user("E-2").unwrap().id;
        let refused = world.resolve("E-1", &hers).await.unwrap_err();
        assert!(refused.contains("linked to E-2 already"), "{refused}");
        let refused = world.resolve("E-2", &id).await.unwrap_err();
        assert!(refused.contains("in no conflict"), "{refused}");

        let unseen = world.resolve_as_shown("E-1", &id, None).await.unwrap_err();
        assert!(unseen.contains("list it first"), "{unseen}");
        let another = world.resolve_as_shown("E-1", &id, Some(7)).await.unwrap_err();
        assert!(another.contains("the conflict of E-1 has changed since it was listed"), "{another}");

        let reply = world.resolve("E-1", &id).await.unwrap();
        assert_eq!(reply.outcomes.len(), 1);
        let row = world.settled(ResourceKind::User, "E-1", 1).await;
        assert_eq!((row.status.as_deref(), row.remote_id.as_deref()), (Some("in_sync"), Some(&*id)));
        assert_eq!(world.user("E-1").unwrap().external_id.as_deref(), Some("E-1"));
        assert_eq!(world.attributes("E-1")["title"], "T");
        assert_eq!(world.letter_state(&letter.id).await, "replayed");
        world
            .told("who decided, and why", |record| {
                matches!(&record.fact, Fact::Replayed { who, why, .. } if who == "ann" && why.contains("same person"))
            })
            .await;
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_is_not_resolved_with_an_account_that_is_not_there() {
    let world = World::start().await;
    world.seed(json!({ "userName": name_of("E-1"), "externalId": "old-hr-7", "active": true }));
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    let letter = world.died().await;
    let refused = world.resolve("E-1", "no-such-id").await.unwrap_err();
    assert!(refused.contains("has no user no-such-id"), "{refused}");
    let row = world.row(ResourceKind::User, "E-1").await;
    assert_eq!((row.status.as_deref(), row.remote_id), (Some("conflict"), None));
    assert_eq!(world.letter_state(&letter.id).await, "open");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_that_match_are_named_so_that_one_of_them_can_be_chosen() {
    let world = World::start().await;
    let seed = |name: &str| world.seed(json!({ "userName": name, "externalId": "E-1", "active": true }));
    let ids = [seed("one@example.com"), seed("two@example.com")];
    let (row, _) = world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    let error = row.error.unwrap();
    assert!(ids.iter().all(|id| error.contains(id.as_str())), "{error}");
    world.resolve("E-1", &ids[1]).await.unwrap();
    let row = world.settled(ResourceKind::User, "E-1", 1).await;
    assert_eq!((row.status.as_deref(), row.remote_id.as_deref()), (Some("in_sync"), Some(&*ids[1])));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_test_changes_nothing_and_says_what_is_wrong() {
    let world = World::start().await;
    let reply = world.test().await.unwrap();
    assert!(reply.works, "{reply:?}");
    assert_eq!(reply.steps.len(), 1);
    assert!(world.sandbox.ledger().since(0, 100).iter().all(|entry| &*entry.method == "GET"));

    let paused = PauseRequest {
        target: TARGET.to_owned(),
        paused: true,
        actor: Actor { who: "ann".to_owned(), why: "window".to_owned() },
    };
    let _: PauseReply = world.ask::<verbs::PauseVerb>(&paused).await.unwrap();
    let reply = world.test().await;
    assert!(reply.is_ok_and(|reply| reply.works), "operators must be able to test a paused target");
    let _: PauseReply =
        world.ask::<verbs::PauseVerb>(&PauseRequest { paused: false, ..paused }).await.unwrap();

    let unknown = TestRequest { target: "nope".to_owned() };
    let refused: Result<TestReply, _> = world.ask::<verbs::TestTargetVerb>(&unknown).await;
    let Err(bus::ControlFailure::Refused { error, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(error.reason, RefusalReason::UnknownTarget);
    assert!(error.message.contains("`nope`") && error.message.contains(TARGET), "{error}");

    world.sandbox.faults().inject(FaultRule::new(InjectedFault::status(401)));
    let reply = world.test().await.unwrap();
    assert!(!reply.works);
    assert!(reply.error.as_deref().is_some_and(|error| error.contains("401")), "{reply:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_account_is_never_linked_to_two_people_who_are_found_by_the_same_value() {
    for database in store::testing::test_databases() {
        let world = World::over(database, "").await;
        let of = |key: &str, state| {
            DesiredState::User(account(state, person(key, json!({ "externalId": "SHARED" }))))
        };
        // The account exists, but its creation is not answered yet, when the others search for it.
        let slow = InjectedFault::SlowDrip { piece_bytes: 2, millis: 10 };
        world.sandbox.faults().inject(FaultRule::new(slow).method("POST"));
        let keys = ["E-1", "E-2", "E-3", "E-4"];
        world.send(keys[0], 1, of(keys[0], AccountState::Active)).await;
        world.until("it is there", async || !world.sandbox.state().users.is_empty()).await;
        for key in &keys[1..] {
            world.send(key, 1, of(key, AccountState::Active)).await;
        }
        let mut losers = Vec::new();
        let mut winners = Vec::new();
        for key in keys {
            let row = world.settled(ResourceKind::User, key, 1).await;
            match row.remote_id {
                Some(_) => winners.push(key),
                None => losers.push((key, row)),
            }
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        for (key, row) in &losers {
            assert_eq!(row.status.as_deref(), Some("conflict"), "{key}");
            let error = row.error.clone().unwrap();
            assert!(error.contains("is linked to E-") || error.contains("resources carry"), "{key}: {error}");
        }
        // A person without an account leaves: the other person's account is not touched.
        let (loser, _) = losers[0];
        let (row, sent) = world.want(loser, 2, of(loser, AccountState::Disabled)).await;
        assert_eq!(row.status.as_deref(), Some("conflict"));
        assert!(sent.iter().all(|entry| &*entry.method == "GET"), "{sent:?}");
        let users = world.sandbox.state().users;
        assert!(users.values().all(|user| user.active), "{users:?}");
        world.stop().await;
    }
}
