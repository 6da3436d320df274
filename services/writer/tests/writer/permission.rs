//! A permission covers what was shown: a plan what it contains, an order one person.

use lifecycle::{AccountState, DesiredAccount, DesiredState, HeldBy, RemovalGuard, ResourceKind};
use serde_json::json;

use crate::world::{Sent, World, account, active, person};

const GUARD: RemovalGuard =
    RemovalGuard { deletions: 3, percent: 100, window_hours: 24, hard_deletions: 50, failures: 1_000 };

fn sent() -> Sent {
    Sent::guarded(GUARD)
}

fn planned() -> Sent {
    Sent { planned: true, ..sent() }
}

fn off(key: &str, title: &str) -> DesiredState {
    DesiredState::User(account(AccountState::Disabled, person(key, json!({ "title": title }))))
}

fn on(key: &str, title: &str) -> DesiredState {
    DesiredState::User(active(key, json!({ "title": title })))
}

impl World {
    /// Asks for the same of everybody, and waits until each is settled.
    async fn ask_of_all(
        &self,
        keys: &[String],
        revision: i64,
        desired: impl Fn(&str) -> DesiredState,
        sent: Sent,
    ) {
        for key in keys {
            self.send_as(key, revision, desired(key), sent).await;
        }
        for key in keys {
            self.settled(ResourceKind::User, key, revision).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_carries_out_nothing_that_the_guard_held() {
    for database in store::testing::test_databases() {
        let world = World::over(database, "").await;
        let keys = world.people(8).await;
        world.ask_of_all(&keys, 2, |key| off(key, "A"), sent()).await;
        let on_before = world.usable(&keys);
        assert!(on_before >= 5, "the guard holds them");

        // A change of the mapping is applied. Its plan says that nobody loses access.
        world.ask_of_all(&keys, 3, |key| off(key, "B"), planned()).await;
        assert_eq!(world.usable(&keys), on_before);
        assert_eq!(usize::try_from(world.held().await.total).unwrap(), on_before);

        // Neither does deleting count as planned where switching off was held.
        let deleted = |key: &str| {
            let wanted = account(AccountState::Deleted, person(key, json!({})));
            DesiredState::User(DesiredAccount { delete_grace_days: Some(30), ..wanted })
        };
        world.ask_of_all(&keys, 4, deleted, planned()).await;
        assert_eq!(world.usable(&keys), on_before);

        // What a plan takes away itself is carried out.
        world.ask_of_all(&keys, 5, |key| on(key, "C"), sent()).await;
        let held = world.held().await.items;
        let back: Vec<String> =
            keys.iter().filter(|key| held.iter().all(|held| held.subject != **key)).cloned().collect();
        assert!(!back.is_empty());
        world.ask_of_all(&back, 6, |key| off(key, "C"), planned()).await;
        assert_eq!(world.usable(&back), 0);
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_switches_nobody_on_whose_return_is_held() {
    let world = World::start().await;
    let keys = world.people(8).await;
    world.ask_of_all(&keys, 2, |key| off(key, "A"), planned()).await;
    assert_eq!(world.usable(&keys), 0);
    world.ask_of_all(&keys, 3, |key| on(key, "A"), sent()).await;
    let on_before = world.usable(&keys);
    assert!(on_before <= 3, "the guard holds them");
    world.ask_of_all(&keys, 4, |key| on(key, "B"), planned()).await;
    assert_eq!(world.usable(&keys), on_before);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_carried_out_although_the_guard_holds_others_and_not_if_the_person_is_protected() {
    let world = World::start().await;
    let keys = world.people(9).await;
    let (boss, others) = keys.split_last().unwrap();
    world.ask_of_all(others, 2, |key| off(key, "A"), sent()).await;
    let held = world.held().await.items.remove(0).subject;
    let ordered = Sent { ordered: true, ..sent() };
    world.send_as(&held, 3, off(&held, "A"), ordered).await;
    let row = world.settled(ResourceKind::User, &held, 3).await;
    assert_eq!(row.status.as_deref(), Some("in_sync"));
    assert!(!world.user(&held).unwrap().active);

    let wanted = account(AccountState::Disabled, person(boss, json!({})));
    world.send_as(boss, 2, DesiredState::User(DesiredAccount { protected: true, ..wanted }), ordered).await;
    world.settled(ResourceKind::User, boss, 2).await;
    assert!(world.user(boss).unwrap().active);
    let by = world.held().await.items.into_iter().find(|held| held.subject == *boss).map(|held| held.by);
    assert_eq!(by, Some(HeldBy::Protected));

    // An order to switch off permits no deletion.
    let key = world.held().await.items.into_iter().find(|held| held.by == HeldBy::Guard).unwrap().subject;
    let deleted = DesiredState::User(account(AccountState::Deleted, person(&key, json!({}))));
    world.send_as(&key, 3, deleted, ordered).await;
    world.settled(ResourceKind::User, &key, 3).await;
    assert!(world.user(&key).is_some_and(|user| user.active));
    world.stop().await;
}
