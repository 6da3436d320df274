//! After everything was restored, an account that is off at the target may be a leaver's: it stays off until a source has
//! made a statement about the person, or an operator has decided.

use lifecycle::{DesiredState, HeldBy, HeldResource, RemovalGuard, ResourceKind};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::world::{Sent, World, active};

/// The number of changes that the guard lets pass.
const GUARD: RemovalGuard =
    RemovalGuard { deletions: 2, percent: 100, window_hours: 24, hard_deletions: 50, failures: 1_000 };

fn on(key: &str) -> DesiredState {
    DesiredState::User(active(key, json!({})))
}

/// A command that carries a statement of a source of this moment.
fn stated() -> Sent {
    Sent { stated_at: Some(OffsetDateTime::now_utc()), ..Sent::guarded(GUARD) }
}

impl World {
    /// Starts a writer with accounts of these people.
    async fn with_people(keys: &[&str]) -> Self {
        let world = Self::start().await;
        for key in keys {
            world.send_as(key, 1, on(key), stated()).await;
            world.until("the account is there", async || world.user(key).is_some()).await;
        }
        world
    }

    /// Switches accounts off at the target, as if people had left since the backup.
    async fn switch_off_there(&self, keys: &[&str]) {
        for key in keys {
            self.meddle(key, json!([{ "op": "replace", "path": "active", "value": false }])).await;
        }
    }

    /// Restarts the writer on restored state, and resumes the target before a source has said anything.
    async fn resume_too_early(&mut self) {
        self.restart_trusting_no_stop().await;
        self.until("what gives access is paused", async || self.status().await.targets[0].paused.is_some())
            .await;
        self.until("it is verified", async || self.status().await.targets[0].unverified.is_none()).await;
        self.pause(false).await;
    }

    /// Waits until exactly these people are held because of the restore, and by nothing else.
    async fn held_as_restored(&self, expected: &[&str]) -> Vec<HeldResource> {
        self.until("they are held", async || {
            let found = self.held_by_subject().await;
            found.iter().map(|one| &*one.subject).eq(expected.iter().copied())
                && found.iter().all(|one| one.by == HeldBy::Restored)
        })
        .await;
        self.held_by_subject().await
    }

    async fn held_by_subject(&self) -> Vec<HeldResource> {
        let mut held = self.held_pages(100).await;
        held.sort_by(|one, other| one.subject.cmp(&other.subject));
        held
    }

    fn has_access(&self, key: &str) -> bool {
        self.user(key).is_some_and(|user| user.active)
    }
}

/// Returns the number of requests since `before` that switch an account on or create one.
fn grants(world: &World, before: u64) -> usize {
    let gives = |body: &str| {
        let body: Value = serde_json::from_str(body).unwrap();
        let operations = body["Operations"].as_array().cloned().unwrap_or_default();
        operations.iter().any(|one| one["path"] == "active" && one["value"] != false)
    };
    let entries = world.sandbox.ledger().since(before, 10_000);
    let creates = entries.iter().filter(|entry| &*entry.method == "POST" && &*entry.path == "/Users").count();
    creates + entries.iter().filter(|entry| entry.body.as_deref().is_some_and(gives)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_off_after_a_restore_stays_off_until_a_source_has_spoken_of_the_person() {
    let mut world = World::with_people(&["E-1", "E-2"]).await;
    world.switch_off_there(&["E-2"]).await;
    let before = world.sandbox.ledger().len();
    world.resume_too_early().await;

    world.reconcile(false).await;
    let held = world.held_as_restored(&["E-2"]).await;
    assert!(held[0].reason.contains("no source has said since"), "{held:?}");
    assert!(!held[0].decisions.is_empty(), "{held:?}");
    // A command without a statement, such as that of another policy, changes nothing about it.
    world
        .send_as("E-2", 2, DesiredState::User(active("E-2", json!({ "title": "Clerk" }))), Sent::default())
        .await;
    world
        .until("it is held again", async || world.held_pages(9).await.iter().any(|one| one.revision == 2))
        .await;
    world.held_as_restored(&["E-2"]).await;
    assert!(!world.has_access("E-2"));
    assert_eq!(grants(&world, before), 0);

    world.send_as("E-2", 3, on("E-2"), stated()).await;
    world.until("it is on", async || world.has_access("E-2")).await;
    world.held_as_restored(&[]).await;
    // From now on, drift of this account is corrected as always.
    world.switch_off_there(&["E-2"]).await;
    world.reconcile(false).await;
    world.until("it is on again", async || world.has_access("E-2")).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_decides_about_accounts_that_are_held_after_a_restore() {
    let mut world = World::with_people(&["E-1", "E-2", "E-3"]).await;
    world.switch_off_there(&["E-2", "E-3"]).await;
    let before = world.sandbox.ledger().len();
    world.resume_too_early().await;
    world.reconcile(false).await;
    world.held_as_restored(&["E-2", "E-3"]).await;

    assert_eq!(world.decide_held(Some(&["E-2"]), true).await.decided, 1);
    assert_eq!(world.decide_held(Some(&["E-3"]), false).await.decided, 1);
    world.until("it is on", async || world.has_access("E-2")).await;
    world.reconcile(false).await;
    world.held_as_restored(&[]).await;
    assert!(!world.has_access("E-3"));
    assert_eq!(grants(&world, before), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_gone_after_a_restore_is_not_created_again_before_a_source_has_spoken() {
    let mut world = World::with_people(&["E-1", "E-2"]).await;
    world.delete_user(&world.user("E-2").unwrap().id).await;
    let before = world.sandbox.ledger().len();
    world.resume_too_early().await;
    world.reconcile(false).await;
    world.held_as_restored(&["E-2"]).await;
    assert_eq!(grants(&world, before), 0);
    // Who joins does not wait for that.
    world.send_as("E-9", 1, on("E-9"), stated()).await;
    world.until("who joins has an account", async || world.has_access("E-9")).await;
    world.send_as("E-2", 2, on("E-2"), stated()).await;
    world.until("it is there again", async || world.has_access("E-2")).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_that_are_held_after_a_restore_do_not_count_for_the_guard_of_those_with_a_statement() {
    let people = ["E-1", "E-2", "E-3", "E-4", "E-5", "E-6"];
    let mut world = World::with_people(&people).await;
    world.switch_off_there(&people[..5]).await;
    world.resume_too_early().await;
    world.send_as("E-1", 2, on("E-1"), stated()).await;
    world.settled(ResourceKind::User, "E-1", 2).await;
    world.reconcile(false).await;
    world.held_as_restored(&people[1..5]).await;
    world.until("who has a statement is on", async || world.has_access("E-1")).await;
    world.stop().await;
}
