use std::sync::Arc;
use std::time::Duration;

use lifecycle::{
    AccountState, AttributeMap, DesiredAccount, DesiredState, PolicyActions, RemovalGuard, ResourceKind,
};
use store::Store;

use super::*;
use crate::WriterMigrator;
use crate::lease::TargetLease;
use crate::rows::words::RowStatus;
use crate::rows::{ResourceKey, control, load_resources};

const TARGET: &str = "crm";
const TERM: Duration = Duration::from_secs(60);
const GUARD: RemovalGuard =
    RemovalGuard { deletions: 5, percent: 100, window_hours: 24, hard_deletions: 50, failures: 1_000 };

fn wanted(state: AccountState) -> DesiredState {
    DesiredState::User(DesiredAccount {
        state,
        attributes: AttributeMap::new(),
        on_create: AttributeMap::new(),
        clear: Vec::new(),
        references: std::collections::BTreeMap::new(),
        match_on: Vec::new(),
        assume_empty: false,
        actions: PolicyActions::default(),
        protected: false,
        delete_grace_days: None,
    })
}

/// Returns a target with a guard, and a lease on it.
async fn target(url: &str) -> (Store, TargetLease) {
    let store = Store::open::<WriterMigrator>(url).await.unwrap();
    let tx = store.begin().await.unwrap();
    control::set_guard(&tx, TARGET, GUARD).await.unwrap();
    tx.commit().await.unwrap();
    let lease = TargetLease::acquire(&store, TARGET, "ours", TERM).await.unwrap().unwrap();
    (store, lease)
}

/// Sets the desired state of the person's account.
async fn want(store: &Store, key: &str, revision: i64, state: AccountState) {
    let tx = store.begin().await.unwrap();
    let kind = ResourceKind::User;
    let found = load_resources(&tx, TARGET, kind, &[key.to_owned()], true).await.unwrap();
    let mut row = found.into_values().next().unwrap_or_else(|| {
        let mut row = resource::Model::new(TARGET, kind, key);
        row.remote_id = Some(format!("id-{key}"));
        row
    });
    let desired = wanted(state);
    row.desired_revision = revision;
    row.desired = serde_json::to_string(&desired).unwrap();
    row.count_change(&desired);
    row.enqueue(RowStatus::Pending, 0);
    save_resources(&tx, vec![row]).await.unwrap();
    tx.commit().await.unwrap();
}

/// Returns whether the guard lets the row be sent.
async fn may_go(store: &Store, lease: &TargetLease, key: &str, revision: i64) -> bool {
    let tx = store.begin().await.unwrap();
    let key: ResourceKey = (ResourceKind::User, key.to_owned());
    let asked = [(key.clone(), revision)];
    let noted = note_sending(&tx, lease, TARGET, &asked, &mut TransactionFacts::default()).await.unwrap();
    tx.commit().await.unwrap();
    noted.may_go.contains(&key)
}

async fn row(store: &Store, key: &str) -> resource::Model {
    let keys = [key.to_owned()];
    let found = load_resources(store.reader(), TARGET, ResourceKind::User, &keys, false).await.unwrap();
    found.into_values().next().unwrap()
}

#[tokio::test]
async fn a_removal_under_way_counts_although_the_person_is_back_by_now() {
    for database in store::testing::test_databases() {
        let (store, lease) = target(&database.url).await;
        for n in 0..5 {
            let key = format!("E-{n}");
            want(&store, &key, 2, AccountState::Disabled).await;
            assert!(may_go(&store, &lease, &key, 2).await);
            want(&store, &key, 3, AccountState::Active).await;
        }
        want(&store, "E-5", 2, AccountState::Disabled).await;
        assert!(!may_go(&store, &lease, "E-5", 2).await, "{}: five are under way", database.name);
        let held = row(&store, "E-5").await;
        assert_eq!(*held.status(), RowStatus::Held);
        assert!(held.last_error.unwrap().starts_with("6 of 6 accounts"));
    }
}

#[tokio::test]
async fn what_the_last_owner_was_sending_counts_for_the_next_one_and_the_last_one_gets_no_more() {
    for database in store::testing::test_databases() {
        let (store, lost) = target(&database.url).await;
        for n in 0..6 {
            want(&store, &format!("E-{n}"), 2, AccountState::Disabled).await;
        }
        let last = "E-5";
        let tx = store.begin().await.unwrap();
        let mut parked =
            load_resources(&tx, TARGET, ResourceKind::User, &[last.to_owned()], true).await.unwrap();
        let parked_row = parked.get_mut(last).unwrap();
        parked_row.rest(RowStatus::InSync);
        save_resources(&tx, parked.into_values().collect()).await.unwrap();
        tx.commit().await.unwrap();
        for n in 0..5 {
            assert!(may_go(&store, &lost, &format!("E-{n}"), 2).await);
        }
        lost.release(&store).await.unwrap();
        let lease = TargetLease::acquire(&store, TARGET, "theirs", TERM).await.unwrap().unwrap();
        want(&store, last, 3, AccountState::Disabled).await;
        assert!(!may_go(&store, &lost, last, 3).await, "{}: the lease is lost", database.name);
        assert_eq!(*row(&store, last).await.status(), RowStatus::Pending, "and nothing is decided under it");
        assert!(!may_go(&store, &lease, last, 3).await, "{}: five are in doubt", database.name);
        assert_eq!(*row(&store, last).await.status(), RowStatus::Held);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_get_permission_than_the_guard_allows_however_many_ask_at_once() {
    for database in store::testing::test_databases() {
        let (store, lease) = target(&database.url).await;
        let (store, lease) = (Arc::new(store), Arc::new(lease));
        let mut asking = tokio::task::JoinSet::new();
        for n in 0..12 {
            let (store, lease) = (Arc::clone(&store), Arc::clone(&lease));
            asking.spawn(async move {
                let key = format!("E-{n:02}");
                want(&store, &key, 2, AccountState::Disabled).await;
                may_go(&store, &lease, &key, 2).await
            });
        }
        let given = asking.join_all().await.into_iter().filter(|given| *given).count();
        assert!(given <= 5, "{}: {given} of 12", database.name);
    }
}
