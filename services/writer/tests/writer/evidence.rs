//! Nothing counts as off before the target shows it, and nothing counts as gone before it is proven.

use lifecycle::{AccountState, DesiredAccount, DesiredState, RemovalGuard, ResourceKind};
use sandbox::{FaultRule, InjectedFault};
use serde_json::json;

use crate::world::{Sent, World, account, active, methods, name_of, person};

fn joiner(key: &str) -> DesiredState {
    DesiredState::User(active(key, json!({})))
}

fn off(key: &str) -> DesiredState {
    DesiredState::User(account(AccountState::Disabled, person(key, json!({}))))
}

fn deleted(key: &str, days: Option<u32>) -> DesiredState {
    let account = account(AccountState::Deleted, person(key, json!({})));
    DesiredState::User(DesiredAccount { delete_grace_days: days, ..account })
}

impl World {
    /// Returns the evidence that the person's account is off.
    async fn evidence(&self, key: &str) -> Option<String> {
        let sql =
            format!("SELECT off_evidence, off_evidence_at FROM writer_resources WHERE subject = '{key}'");
        let row = self.query(&sql).await.remove(0);
        let (what, at): (Option<String>, Option<i64>) =
            (row.try_get("", "off_evidence").unwrap(), row.try_get("", "off_evidence_at").unwrap());
        assert_eq!(what.is_some(), at.is_some_and(|at| at > 1_700_000_000_000_000));
        what
    }

    async fn joined(&self, count: usize) -> Vec<String> {
        let keys: Vec<String> = (0..count).map(|n| format!("E-{n:02}")).collect();
        for key in &keys {
            self.send(key, 1, joiner(key)).await;
        }
        for key in &keys {
            self.settled(ResourceKind::User, key, 1).await;
        }
        keys
    }

    async fn is_linked(&self, key: &str) -> bool {
        let sql =
            format!("SELECT subject FROM writer_resources WHERE subject = '{key}' AND remote_id IS NOT NULL");
        !self.query(&sql).await.is_empty()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_shows_it_off_is_evidence_and_a_bare_success_is_read_back() {
    let world = World::start().await;
    world.joined(1).await;
    assert_eq!(world.evidence("E-00").await, None);
    let (_, sent) = world.want("E-00", 2, off("E-00")).await;
    assert_eq!(methods(&sent), ["PATCH", "GET"], "the answer shows it, and there is no other account");
    assert_eq!(world.evidence("E-00").await.as_deref(), Some("answer"));
    world.want("E-00", 3, joiner("E-00")).await;
    assert_eq!(world.evidence("E-00").await, None, "it is on");

    let bare = world.sandbox.faults().inject(FaultRule::new(InjectedFault::EmptyBody).method("PATCH"));
    let (_, sent) = world.want("E-00", 4, off("E-00")).await;
    assert_eq!(methods(&sent), ["PATCH", "GET", "GET"], "a success without a body is a claim");
    assert_eq!(world.evidence("E-00").await.as_deref(), Some("read_back"));
    world.sandbox.faults().remove(bare);

    world.want("E-00", 5, deleted("E-00", None)).await;
    assert_eq!(world.evidence("E-00").await.as_deref(), Some("read_back"), "the first is kept");
    assert!(world.user("E-00").is_none());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leavers_of_a_target_that_shows_an_empty_tenant_stay_open_and_are_off_once_it_is_back() {
    let world = World::start().await;
    let keys = world.joined(12).await;
    // A resource that was visible a moment before proves nothing about the target as it is now.
    let title = DesiredState::User(active(&keys[11], json!({ "title": "T" })));
    world.want(&keys[11], 2, title).await;
    world.sandbox.faults().inject(FaultRule::new(InjectedFault::status(404)).path("/Users/"));
    world.sandbox.faults().inject(FaultRule::new(InjectedFault::EmptyList).path("/Users").method("GET"));
    for key in &keys[..8] {
        world.send(key, 2, off(key)).await;
    }
    world.until("grants are paused", async || world.circuit().await.contains("cannot be proven gone")).await;
    for key in &keys[..8] {
        let row = world.row(ResourceKind::User, key).await;
        assert!(matches!(row.status.as_deref(), Some("pending" | "retrying")), "{key}: {row:?}");
        assert!(world.is_linked(key).await, "{key}: the link is kept");
        assert_eq!(world.evidence(key).await, None, "{key}");
    }
    // Changes that give access wait for an operator; leavers do not.
    world.send("N-1", 1, joiner("N-1")).await;
    world.sandbox.faults().clear();
    for key in &keys[..8] {
        world.settled(ResourceKind::User, key, 2).await;
        assert!(!world.user(key).unwrap().active, "{key}");
        assert_eq!(world.evidence(key).await.as_deref(), Some("answer"), "{key}");
    }
    assert_eq!(world.row(ResourceKind::User, "N-1").await.status.as_deref(), Some("pending"));
    world.pause(false).await;
    world.settled(ResourceKind::User, "N-1", 1).await;
    assert!(world.user("N-1").is_some());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_was_deleted_by_hand_is_absent_once_another_one_was_visible() {
    let world = World::start().await;
    let keys = world.joined(2).await;
    let id = world.user(&keys[0]).unwrap().id;
    world.delete_user(&id).await;
    let (row, _) = world.want(&keys[0], 2, off(&keys[0])).await;
    assert_eq!(row.status.as_deref(), Some("in_sync"));
    assert_eq!(world.evidence(&keys[0]).await.as_deref(), Some("gone_proven"));
    assert!(!world.is_linked(&keys[0]).await);
    // The same holds for a person who never had an account.
    let (row, _) = world.want("N-1", 1, off("N-1")).await;
    assert_eq!(row.status.as_deref(), Some("in_sync"));
    assert_eq!(world.evidence("N-1").await.as_deref(), Some("no_account_proven"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quarantine_stops_what_gives_access_and_no_switch_off() {
    let world = World::start().await;
    let keys = world.joined(2).await;
    let guard = RemovalGuard { failures: 2, ..RemovalGuard::default() };
    world.sandbox.faults().inject(FaultRule::new(InjectedFault::status(400)).method("POST"));
    for n in 0..3 {
        let key = format!("X-{n}");
        world.send_as(&key, 1, joiner(&key), Sent::guarded(guard)).await;
        world.settled(ResourceKind::User, &key, 1).await;
    }
    world.until("it is paused", async || world.circuit().await.contains("quarantine")).await;
    world.sandbox.faults().clear();
    world.send_as("X-9", 1, joiner("X-9"), Sent::guarded(guard)).await;
    world.send_as(&keys[0], 2, off(&keys[0]), Sent::guarded(guard)).await;
    world.send_as(&keys[1], 2, deleted(&keys[1], None), Sent::guarded(guard)).await;
    world.until("both are off", async || keys.iter().all(|key| !world.user(key).unwrap().active)).await;
    assert_eq!(world.row(ResourceKind::User, "X-9").await.status.as_deref(), Some("pending"));
    assert!(world.user(&keys[1]).is_some(), "nothing is deleted meanwhile");
    world.pause(false).await;
    world.settled(ResourceKind::User, "X-9", 1).await;
    world.until("it is deleted", async || world.user(&keys[1]).is_none()).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_deleted_when_its_grace_is_over_since_it_was_seen_off_and_not_before() {
    let world = World::start().await;
    let keys = world.joined(2).await;
    let (row, sent) = world.want(&keys[0], 2, deleted(&keys[0], Some(30))).await;
    assert_eq!(methods(&sent), ["PATCH", "GET"], "it is switched off, and there is no other account");
    assert!(row.error.unwrap().starts_with("to be deleted on "), "and says when it will be deleted");
    assert!(!world.user(&keys[0]).unwrap().active);
    // A repeated departure neither restarts the grace nor ends it.
    let (_, sent) = world.want(&keys[0], 3, deleted(&keys[0], Some(30))).await;
    assert_eq!(methods(&sent), Vec::<String>::new());
    let day = 86_400_000_000_i64;
    let back = format!(
        "UPDATE writer_resources SET off_evidence_at = off_evidence_at - {0}, delete_at = delete_at - {0} WHERE subject = 'E-00'",
        31 * day
    );
    world.execute(&back).await;
    world.until("it is deleted", async || world.user(&keys[0]).is_none()).await;
    // A person who is back within the grace keeps the account.
    world.want(&keys[1], 2, deleted(&keys[1], Some(30))).await;
    world.want(&keys[1], 3, joiner(&keys[1])).await;
    assert!(world.user(&keys[1]).unwrap().active);
    let due = world.query("SELECT subject FROM writer_resources WHERE delete_at IS NOT NULL").await;
    assert!(due.is_empty());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_was_there_before_is_never_deleted() {
    let world = World::start().await;
    world.seed(json!({ "userName": name_of("E-1"), "active": true }));
    world.want("E-1", 1, joiner("E-1")).await;
    let (row, _) = world.want("E-1", 2, deleted("E-1", None)).await;
    assert_eq!(row.status.as_deref(), Some("in_sync"));
    assert!(row.error.unwrap().contains("adopted"));
    assert!(!world.user("E-1").unwrap().active);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletions_have_a_limit_of_their_own_that_counts_from_the_first() {
    let world = World::start().await;
    let keys = world.joined(3).await;
    let guard = RemovalGuard { hard_deletions: 1, ..RemovalGuard::default() };
    for key in &keys {
        world.send_as(key, 2, off(key), Sent::guarded(guard)).await;
        world.settled(ResourceKind::User, key, 2).await;
    }
    let mut statuses = Vec::new();
    for key in &keys {
        world.send_as(key, 3, deleted(key, None), Sent::guarded(guard)).await;
        statuses.push(world.settled(ResourceKind::User, key, 3).await.status.unwrap());
    }
    assert_eq!(statuses, ["in_sync", "held", "held"]);
    assert!(world.row(ResourceKind::User, &keys[1]).await.error.unwrap().contains("guard.hardDeletions: 1"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comparison_that_would_switch_on_more_than_the_guard_allows_is_held() {
    let world = World::start().await;
    let guard = RemovalGuard { deletions: 5, percent: 100, ..RemovalGuard::default() };
    let keys = world.joined(8).await;
    for (n, key) in keys.iter().enumerate() {
        let title = json!({ "title": format!("T{n}") });
        world.send_as(key, 2, DesiredState::User(active(key, title)), Sent::guarded(guard)).await;
        world.settled(ResourceKind::User, key, 2).await;
    }
    for key in &keys[..6] {
        let id = world.user(key).unwrap().id;
        world.patch_user(&id, json!([{ "op": "replace", "path": "active", "value": false }])).await;
    }
    world.reconcile(false).await;
    world
        .until("they are held", async || {
            let held = "SELECT subject FROM writer_resources WHERE status = 'held' AND last_error LIKE '6 of 8 accounts and groups would have been switched on again%'";
            world.query(held).await.len() == 6
        })
        .await;
    assert!(keys[..6].iter().all(|key| !world.user(key).unwrap().active));
    // A person who is back, by an event, is let through once there is room.
    world.execute("UPDATE writer_resources SET status = 'rejected', held = NULL WHERE status = 'held'").await;
    world.send_as(&keys[0], 3, joiner(&keys[0]), Sent { planned: true, ..Sent::guarded(guard) }).await;
    world.settled(ResourceKind::User, &keys[0], 3).await;
    assert!(world.user(&keys[0]).unwrap().active);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_cannot_be_stored_is_set_aside_and_all_others_are_kept() {
    for database in store::testing::test_databases() {
        let world = World::over(database, "").await;
        let keys = world.joined(4).await;
        // This database refuses every result for one of the subjects.
        let refuse = match world.is_sqlite() {
            true => {
                "CREATE TRIGGER refuse BEFORE UPDATE ON writer_resources WHEN NEW.subject = 'X-1' AND NEW.applied_revision > 0 \
                     BEGIN SELECT RAISE(ABORT, 'not this one'); END"
            }
            false => {
                "ALTER TABLE writer_resources ADD CONSTRAINT refuse CHECK (subject <> 'X-1' OR applied_revision = 0)"
            }
        };
        world.execute(refuse).await;
        world.send("X-1", 1, joiner("X-1")).await;
        for key in &keys {
            world.send(key, 2, off(key)).await;
        }
        for key in &keys {
            world.settled(ResourceKind::User, key, 2).await;
            assert!(!world.user(key).unwrap().active, "{key}");
        }
        let row = world.settled(ResourceKind::User, "X-1", 1).await;
        assert_eq!(row.status.as_deref(), Some("dead"));
        assert!(row.error.unwrap().starts_with("its result cannot be stored"));
        world.stop().await;
    }
}
