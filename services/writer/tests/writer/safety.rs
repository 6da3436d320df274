//! Nothing is deleted by surprise: the guard, protected subjects, pauses and quarantine.

use lifecycle::{
    AccountState, Actor, DecideHeldReply, DecideHeldRequest, DesiredAccount, DesiredState, Fact,
    GroupResource, HeldBy, HeldDecision, HeldReply, HeldRequest, HeldResource, RemovalGuard, ResourceKind,
    ShownHold, verbs,
};
use sandbox::{FaultRule, InjectedFault};
use serde_json::json;

use crate::world::{Sent, TARGET, World, account, active, group, name_of, person};

pub(crate) const GUARD: RemovalGuard =
    RemovalGuard { deletions: 5, percent: 100, window_hours: 24, hard_deletions: 50, failures: 1_000 };

fn off(key: &str) -> DesiredState {
    DesiredState::User(account(AccountState::Disabled, person(key, json!({}))))
}

pub(crate) fn actor() -> Actor {
    Actor { who: "ann".to_owned(), why: "ticket 7".to_owned() }
}

impl World {
    pub(crate) async fn people(&self, count: usize) -> Vec<String> {
        let keys: Vec<String> = (0..count).map(|n| format!("E-{n:02}")).collect();
        for key in &keys {
            self.send_as(key, 1, DesiredState::User(active(key, json!({}))), Sent::guarded(GUARD)).await;
        }
        for key in &keys {
            self.settled(ResourceKind::User, key, 1).await;
        }
        keys
    }

    /// Returns the number of people who can use their accounts.
    pub(crate) fn usable(&self, keys: &[String]) -> usize {
        keys.iter().filter(|key| self.user(key).is_some_and(|user| user.active)).count()
    }

    /// Reads what is held, page by page.
    pub(crate) async fn held_pages(&self, limit: u64) -> Vec<HeldResource> {
        let mut request = HeldRequest { target: Some(TARGET.to_owned()), limit, cursor: None };
        let mut found = Vec::new();
        loop {
            let page: HeldReply = self.ask::<verbs::HeldVerb>(&request).await.unwrap();
            assert!(page.items.len() as u64 <= limit);
            found.extend(page.items);
            request.cursor = page.next_cursor;
            if request.cursor.is_none() {
                return found;
            }
        }
    }

    pub(crate) async fn held(&self) -> HeldReply {
        let request = HeldRequest { target: Some(TARGET.to_owned()), limit: 100, cursor: None };
        self.ask::<verbs::HeldVerb>(&request).await.unwrap()
    }

    /// Decides about what is held now, as an operator does who has just listed it.
    pub(crate) async fn decide_held(&self, subjects: Option<&[&str]>, approve: bool) -> DecideHeldReply {
        let listed = self.held_pages(100).await;
        let shown = |subject: &str| {
            let held = listed.iter().find(|held| held.subject == subject && !held.hold.as_str().is_empty());
            ShownHold {
                subject: subject.to_owned(),
                hold: held.map(|held| held.hold.clone()).unwrap_or_default(),
            }
        };
        let holds: Vec<ShownHold> = match subjects {
            Some(subjects) => subjects.iter().map(|subject| shown(subject)).collect(),
            None => listed.iter().map(|held| shown(&held.subject)).collect(),
        };
        let (target, actor, deletions) = (TARGET.to_owned(), actor(), holds.len() as u64);
        let request = DecideHeldRequest { target, holds, leave_changed: false, deletions, approve, actor };
        self.ask::<verbs::DecideHeldVerb>(&request).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leavers_who_are_too_many_are_held_until_a_human_decides() {
    for database in store::testing::test_databases() {
        let world = World::over(database, "").await;
        let keys = world.people(14).await;
        for key in &keys[..12] {
            world.send_as(key, 2, off(key), Sent::guarded(GUARD)).await;
        }
        for key in &keys[..12] {
            world.settled(ResourceKind::User, key, 2).await;
        }
        let held = world.held().await;
        assert!(world.usable(&keys) >= 14 - 5, "never more than the guard allows");
        assert_eq!(usize::try_from(held.total).unwrap(), world.usable(&keys) - 2, "the others are held");
        assert_eq!(world.held_pages(2).await, held.items, "the same page by page");
        let first = &held.items[0];
        assert_eq!((first.by, first.wanted.as_str()), (HeldBy::Guard, "disabled"));
        assert!(first.decisions == HeldDecision::both() && first.help.is_none(), "{first:?}");
        assert!(first.reason.contains("guard.deletions: 5"), "{}", first.reason);
        world.told("that it is held", |fact| matches!(fact.fact, Fact::Held { .. })).await;

        // One more is held as well, until an operator decides.
        world.send_as(&keys[12], 2, off(&keys[12]), Sent::guarded(GUARD)).await;
        let row = world.settled(ResourceKind::User, &keys[12], 2).await;
        assert_eq!(row.status.as_deref(), Some("held"));
        // Changes from a plan were approved as a whole.
        world.send_as(&keys[13], 2, off(&keys[13]), Sent { planned: true, ..Sent::guarded(GUARD) }).await;
        let row = world.settled(ResourceKind::User, &keys[13], 2).await;
        assert_eq!(row.status.as_deref(), Some("in_sync"));

        let rejected = held.items[0].subject.clone();
        let reply = world.decide_held(Some(&[&rejected, "E-77"]), false).await;
        assert_eq!((reply.decided, reply.not_held), (1, vec!["E-77".to_owned()]));
        let total = world.held().await.total;
        assert_eq!(world.decide_held(None, true).await.decided, total);
        for key in &keys {
            world.settled(ResourceKind::User, key, 2).await;
        }
        assert_eq!(world.usable(&keys), 1, "all but the one who was rejected");
        assert!(world.user(&rejected).unwrap().active);
        let row = world.row(ResourceKind::User, &rejected).await;
        assert_eq!(row.status.as_deref(), Some("rejected"));
        assert_eq!(row.error.as_deref(), Some("rejected by ann: ticket 7"));
        world
            .told("who decided", |record| {
                matches!(&record.fact, Fact::HeldDecided { outcome, who, .. } if outcome == "approved" && who == "ann")
            })
            .await;
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leavers_who_come_one_by_one_are_held_from_the_one_that_is_too_many() {
    let world = World::start().await;
    let keys = world.people(8).await;
    let mut statuses = Vec::new();
    for key in &keys {
        world.send_as(key, 2, off(key), Sent::guarded(GUARD)).await;
        statuses.push(world.settled(ResourceKind::User, key, 2).await.status.unwrap());
    }
    let expected = ["in_sync", "in_sync", "in_sync", "in_sync", "in_sync", "held", "held", "held"];
    assert_eq!(statuses, expected);
    // A person who is back needs no approval, and no longer counts.
    world.send_as(&keys[7], 3, DesiredState::User(active(&keys[7], json!({}))), Sent::guarded(GUARD)).await;
    let row = world.settled(ResourceKind::User, &keys[7], 3).await;
    assert_eq!(row.status.as_deref(), Some("in_sync"));
    assert_eq!(world.held().await.total, 2);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removals_that_only_the_target_knows_of_are_counted_too() {
    let world = World::start().await;
    let guard = RemovalGuard { deletions: 2, ..GUARD };
    let mut statuses = Vec::new();
    for n in 0..4 {
        let key = format!("E-{n}");
        // The account was never linked: the search finds it.
        world.seed(json!({ "userName": name_of(&key), "externalId": key, "active": true }));
        world.send_as(&key, 1, off(&key), Sent::guarded(guard)).await;
        statuses.push(world.settled(ResourceKind::User, &key, 1).await.status.unwrap());
    }
    assert_eq!(statuses, ["in_sync", "in_sync", "held", "held"]);
    world.decide_held(Some(&["E-2"]), true).await;
    world.until("it is disabled", async || !world.user("E-2").unwrap().active).await;
    assert!(world.user("E-3").unwrap().active);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletions_of_accounts_and_groups_count_and_disabled_accounts_are_no_removals() {
    let world = World::start().await;
    let guard = RemovalGuard { deletions: 1, ..GUARD };
    let sent = Sent::guarded(guard);
    world.send_as("G-1", 1, DesiredState::Group(group("G-1")), sent).await;
    world.send_as("G-2", 1, DesiredState::Group(group("G-2")), sent).await;
    world.send_as("E-1", 1, DesiredState::User(active("E-1", json!({}))), sent).await;
    for (kind, key) in
        [(ResourceKind::Group, "G-1"), (ResourceKind::Group, "G-2"), (ResourceKind::User, "E-1")]
    {
        world.settled(kind, key, 1).await;
    }
    let gone = |key: &str| DesiredState::Group(GroupResource { exists: false, ..group(key) });
    world.send_as("G-1", 2, gone("G-1"), sent).await;
    assert_eq!(world.settled(ResourceKind::Group, "G-1", 2).await.status.as_deref(), Some("in_sync"));
    world.send_as("G-2", 2, gone("G-2"), sent).await;
    let row = world.settled(ResourceKind::Group, "G-2", 2).await;
    assert_eq!(row.status.as_deref(), Some("held"));
    assert_eq!(world.held().await.items[0].wanted, "absent");
    // The account was switched off by hand at the target: an account that is off already loses no access.
    world.send_as("E-1", 2, off("E-1"), Sent { planned: true, ..sent }).await;
    world.settled(ResourceKind::User, "E-1", 2).await;
    let renamed = account(AccountState::Disabled, person("E-1", json!({ "title": "T" })));
    world.send_as("E-1", 3, DesiredState::User(renamed), sent).await;
    assert_eq!(world.settled(ResourceKind::User, "E-1", 3).await.status.as_deref(), Some("in_sync"));
    let deleted = account(AccountState::Deleted, person("E-1", json!({})));
    world.send_as("E-1", 4, DesiredState::User(deleted), sent).await;
    assert_eq!(world.settled(ResourceKind::User, "E-1", 4).await.status.as_deref(), Some("held"));
    assert!(world.user("E-1").is_some());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_protected_loses_nothing_before_a_human_said_so() {
    let world = World::start().await;
    let keys = world.people(1).await;
    let protected = |state| {
        DesiredState::User(DesiredAccount {
            protected: true,
            ..account(state, person(&keys[0], json!({ "title": "T" })))
        })
    };
    let planned = Sent { planned: true, ..Sent::guarded(GUARD) };
    world.send_as(&keys[0], 2, protected(AccountState::Deleted), planned).await;
    let row = world.settled(ResourceKind::User, &keys[0], 2).await;
    assert_eq!(row.status.as_deref(), Some("held"), "a plan does not help");
    assert_eq!(world.held().await.items[0].by, HeldBy::Protected);
    assert!(world.user(&keys[0]).unwrap().active);
    assert_eq!(world.decide_held(Some(&[&keys[0]]), true).await.decided, 1);
    world.until("it is gone", async || world.user(&keys[0]).is_none()).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_that_a_later_decision_took_away_is_not_given_back_by_an_older_database_of_the_mapper() {
    let world = World::start().await;
    let keys = world.people(2).await;
    let outdated = Sent { needs_approval: true, ..Sent::guarded(GUARD) };
    let with_title = |key: &str, title: &str| DesiredState::User(active(key, json!({ "title": title })));
    for key in &keys {
        world.send_as(key, 2, off(key), Sent::guarded(GUARD)).await;
        world.settled(ResourceKind::User, key, 2).await;
        world.send_as(key, 3, with_title(key, "A"), outdated).await;
        let row = world.settled(ResourceKind::User, key, 3).await;
        assert_eq!(row.status.as_deref(), Some("held"));
    }
    assert!(world.held().await.items.iter().all(|held| held.by == HeldBy::Outdated));
    // Neither another value nor a policy ends the hold; a departure does.
    world
        .send_as(&keys[0], 4, with_title(&keys[0], "B"), Sent { planned: true, ..Sent::guarded(GUARD) })
        .await;
    let row = world.settled(ResourceKind::User, &keys[0], 4).await;
    assert_eq!(row.status.as_deref(), Some("held"));
    world.send_as(&keys[1], 4, off(&keys[1]), Sent::guarded(GUARD)).await;
    let row = world.settled(ResourceKind::User, &keys[1], 4).await;
    assert_eq!(row.status.as_deref(), Some("in_sync"));
    assert_eq!(world.usable(&keys), 0);
    // A rejection does not end it either: the next value needs approval again.
    assert_eq!(world.decide_held(Some(&[&keys[0]]), false).await.decided, 1);
    world.send_as(&keys[0], 5, with_title(&keys[0], "C"), Sent::guarded(GUARD)).await;
    let row = world.settled(ResourceKind::User, &keys[0], 5).await;
    assert_eq!((row.status.as_deref(), world.usable(&keys)), (Some("held"), 0));
    assert_eq!(world.decide_held(Some(&[&keys[0]]), true).await.decided, 1);
    world.until("an operator approved it", async || world.usable(&keys) == 1).await;
    // A change that gives no new access to a person who has access is not held.
    world.send_as(&keys[0], 6, with_title(&keys[0], "D"), outdated).await;
    let row = world.settled(ResourceKind::User, &keys[0], 6).await;
    assert_eq!(row.status.as_deref(), Some("in_sync"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_protected_is_not_let_through_together_with_those_whom_the_guard_holds() {
    let world = World::start().await;
    let keys = world.people(GUARD.deletions as usize + 2).await;
    let strict = Sent::guarded(GUARD);
    world.pause(true).await;
    let protected =
        DesiredAccount { protected: true, ..account(AccountState::Disabled, person(&keys[0], json!({}))) };
    world.send_as(&keys[0], 2, DesiredState::User(protected), strict).await;
    for key in &keys[1..] {
        world.send_as(key, 2, off(key), strict).await;
    }
    for key in &keys {
        world.until("it is known", async || world.row(ResourceKind::User, key).await.revision == 2).await;
    }
    world.pause(false).await;
    world.until("all are held", async || world.held().await.items.len() == keys.len()).await;
    let held = world.held().await.items;
    let of =
        |by| held.iter().filter(|held| held.by == by).map(|held| held.subject.clone()).collect::<Vec<_>>();
    assert_eq!(of(HeldBy::Protected), [keys[0].clone()]);
    assert_eq!(of(HeldBy::Guard).len(), keys.len() - 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_to_a_target_that_is_paused() {
    let world = World::start().await;
    let keys = world.people(1).await;
    assert!(!world.pause(true).await.was_paused);
    world.until("the pause shows", async || world.circuit().await == "paused by ann: ticket 7").await;
    let before = world.sandbox.ledger().len();
    world.send_as(&keys[0], 2, off(&keys[0]), Sent::guarded(GUARD)).await;
    world
        .until("the command is taken", async || world.row(ResourceKind::User, &keys[0]).await.revision == 2)
        .await;
    assert_eq!(world.row(ResourceKind::User, &keys[0]).await.status.as_deref(), Some("pending"));
    assert_eq!(world.sandbox.ledger().len(), before);
    assert!(world.pause(false).await.was_paused);
    world.settled(ResourceKind::User, &keys[0], 2).await;
    assert!(!world.user(&keys[0]).unwrap().active);
    for outcome in ["paused", "resumed"] {
        world
            .told(outcome, |record| {
                record.subject == format!("target:{TARGET}")
                    && matches!(&record.fact, Fact::Paused { outcome: told, who, .. } if told == outcome && who == "ann")
            })
            .await;
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_where_too_many_fail_is_paused() {
    let world = World::start().await;
    let guard = RemovalGuard { failures: 2, ..GUARD };
    let refused = world.sandbox.faults().inject(FaultRule::new(InjectedFault::status(400)).method("POST"));
    for n in 0..3 {
        let key = format!("E-{n}");
        world.send_as(&key, 1, DesiredState::User(active(&key, json!({}))), Sent::guarded(guard)).await;
        world.settled(ResourceKind::User, &key, 1).await;
    }
    world
        .until("it is paused", async || world.circuit().await.contains("quarantine: 3 resources failed"))
        .await;
    world.sandbox.faults().remove(refused);
    let before = world.sandbox.ledger().len();
    world.send_as("E-9", 1, DesiredState::User(active("E-9", json!({}))), Sent::guarded(guard)).await;
    world.until("it is taken", async || world.row(ResourceKind::User, "E-9").await.revision == 1).await;
    assert_eq!(world.sandbox.ledger().len(), before);
    world.pause(false).await;
    world.settled(ResourceKind::User, "E-9", 1).await;
    assert!(world.user("E-9").is_some());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_that_are_too_many_are_told_together_with_how_many_there_are() {
    let world = World::start().await;
    let keys: Vec<String> = (0..8).map(|n| format!("E-{n}")).collect();
    for key in &keys {
        world.want(key, 1, DesiredState::User(active(key, json!({})))).await;
    }
    for key in &keys[..6] {
        world.send_as(key, 2, off(key), Sent::guarded(GUARD)).await;
    }
    world
        .until("it is told", async || {
            let told = "SELECT subject FROM writer_resources WHERE status = 'held' AND last_error LIKE '6 of 8 accounts%'";
            !world.query(told).await.is_empty()
        })
        .await;
    world.stop().await;
}

/// The number of rounds of the race between counting and sending.
const ROUNDS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_more_lose_access_than_the_guard_allows_however_fast_they_come() {
    let world = World::start().await;
    for round in 0..ROUNDS {
        let keys: Vec<String> = (0..8).map(|n| format!("R-{round}-{n}")).collect();
        for key in &keys {
            world.send_as(key, 1, DesiredState::User(active(key, json!({}))), Sent::guarded(GUARD)).await;
        }
        for key in &keys {
            world.settled(ResourceKind::User, key, 1).await;
        }
        world.execute("DELETE FROM writer_removals").await; // ends the window of the previous round
        for key in &keys[..6] {
            world.send_as(key, 2, off(key), Sent::guarded(GUARD)).await;
        }
        for key in &keys[..6] {
            world.settled(ResourceKind::User, key, 2).await;
        }
        let off = keys.len() - world.usable(&keys);
        assert!(off <= 5, "round {round}: {off} were switched off, and five may be");
        assert_eq!(world.decide_held(None, false).await.decided, 6 - off as u64, "the others are held");
    }
    world.stop().await;
}
