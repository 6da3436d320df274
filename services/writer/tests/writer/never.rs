//! No request changes what is on the never list of a target, whatever is asked.

use lifecycle::{
    AccountState, Actor, DesiredState, GroupResource, HeldBy, OrphanAction, ReplayReply,
    ResolveConflictRequest, ResourceKind, TargetRemarkReason, verbs,
};
use sandbox::LedgerEntry;
use serde_json::json;

use crate::world::{TARGET, World, account, active, group, name_of, person};

const ADMIN: &str = "admin@example.com";

fn of(key: &str, name: &str, state: AccountState) -> DesiredState {
    DesiredState::User(account(state, person(key, json!({ "userName": name, "displayName": "Mallory" }))))
}

fn members_of(key: &str, exists: bool) -> DesiredState {
    let attributes = serde_json::from_value(json!({ "displayName": "tenant admins" })).unwrap();
    DesiredState::Group(GroupResource { exists, attributes, ..group(key) })
}

fn changes(sent: &[LedgerEntry]) -> Vec<String> {
    let changes = sent.iter().filter(|entry| &*entry.method != "GET");
    changes.map(|entry| format!("{} {}", entry.method, entry.path)).collect()
}

/// The accounts and the group that are on the list.
struct Listed {
    admin: String,
    admins: String,
}

impl World {
    /// Starts a world that links everything by name, with an administrator and a group of administrators.
    async fn with_admins(database: store::testing::TestDatabase, lines: &str) -> (Self, Listed) {
        let world = Self::over(database, lines).await;
        let admin = json!({ "userName": ADMIN, "displayName": "Break-glass", "active": true });
        let admin = world.seed(admin);
        let admins = world.sandbox.seed_group(json!({ "displayName": "Tenant Admins" })).unwrap();
        world.want("E-9", 1, DesiredState::User(active("E-9", json!({})))).await;
        (world, Listed { admin, admins })
    }

    /// Returns the changes that were sent since `before`.
    fn changed_since(&self, before: u64) -> Vec<String> {
        changes(&self.sandbox.ledger().since(before, 1_000))
    }

    async fn held_by(&self, subject: &str) -> Vec<HeldBy> {
        let held = self.held_pages(50).await;
        held.into_iter().filter(|held| held.subject == subject).map(|held| held.by).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_on_the_list_is_neither_linked_nor_renamed_nor_disabled_nor_deleted_nor_joined() {
    for database in store::testing::test_databases() {
        let (mut world, Listed { admin, .. }) = World::with_admins(database, "").await;
        world
            .restart_as(|target| {
                target.never.user_names = vec!["ADMIN@*".to_owned()];
                target.never.groups = vec!["Tenant Admins".to_owned()];
                target.delete_adopted = true;
            })
            .await;
        let before = world.sandbox.ledger().len();
        let states = [AccountState::Active, AccountState::Disabled, AccountState::Deleted];
        for (revision, state) in (1..).zip(states) {
            let (row, _) = world.want("C-1", revision, of("C-1", "Admin@Example.com", state)).await;
            assert_eq!((row.status.as_deref(), row.remote_id), (Some("held"), None), "{state:?}");
            assert_eq!(world.held_by("C-1").await, [HeldBy::Never]);
        }
        world.want("G-1", 1, members_of("G-1", true)).await;
        world.members("G-1", 2, &[("E-9", true)]).await;
        world.send("G-1", 3, members_of("G-1", false)).await;
        world
            .until("the deletion is held", async || {
                let row = world.row(ResourceKind::Group, "G-1").await;
                row.revision == 3 && row.status.as_deref() == Some("held")
            })
            .await;
        assert_eq!(world.held_by("G-1").await, [HeldBy::Never]);
        assert_eq!(world.changed_since(before), Vec::<String>::new());
        assert!(world.remarks().await.contains(&TargetRemarkReason::NeverTouched));
        // An approval does not lift it. Switched off by hand, the account closes the departure when it is read.
        world.decide_held(Some(&["C-1"]), true).await;
        world.until("it is held again", async || !world.held_by("C-1").await.is_empty()).await;
        assert_eq!(world.changed_since(before), Vec::<String>::new());
        world.patch_user(&admin, json!([{ "op": "replace", "path": "active", "value": false }])).await;
        world.provision(ResourceKind::User, "C-1").await;
        let row = world.settled_as("C-1", "in_sync").await;
        assert!(row.remote_id.is_none() && row.error.unwrap().contains("is off at the target"));
        assert!(world.sandbox.state().users.contains_key(ADMIN));
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_linked_before_it_came_on_the_list_is_not_changed_any_more() {
    for database in store::testing::test_databases() {
        let (mut world, Listed { admin, admins }) = World::with_admins(database, "").await;
        world.want("C-1", 1, of("C-1", ADMIN, AccountState::Active)).await;
        world.want("G-1", 1, members_of("G-1", true)).await;
        world.members("G-1", 2, &[("E-9", true), ("C-1", true)]).await;
        world
            .until("they are members", async || {
                let groups = world.sandbox.state().groups;
                groups.values().any(|group| group.id == admins && group.members.len() == 2)
            })
            .await;
        world.restart_as(|target| target.never.ids = vec![admin.clone(), admins.clone()]).await;
        let before = world.sandbox.ledger().len();
        for (revision, state) in [(2, AccountState::Active), (3, AccountState::Disabled)] {
            let (row, _) = world.want("C-1", revision, of("C-1", "other@example.com", state)).await;
            assert_eq!(row.status.as_deref(), Some("held"), "{state:?}");
        }
        // A removal from the group, and one of the listed person from another group.
        world.members("G-1", 3, &[("E-9", false)]).await;
        world.until("the removal is held", async || !world.held_by("E-9").await.is_empty()).await;
        world.want("G-2", 1, DesiredState::Group(group("G-2"))).await;
        world.members("G-2", 2, &[("C-1", true)]).await;
        world.until("the addition is held", async || world.held_by("C-1").await.len() == 2).await;
        let changed = world.changed_since(before);
        assert!(changed.iter().all(|change| change == "POST /Groups"), "{changed:?}");

        world.restart_as(|target| target.never = writer::NeverConfig::default()).await;
        world.settled_as("C-1", "in_sync").await;
        world.until("everything is caught up", async || world.held_pages(10).await.is_empty()).await;
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn administrators_are_known_by_what_the_target_shows_at_the_moment_of_the_change() {
    for (method, database) in
        [("patch", store::testing::sqlite_database()), ("put", store::testing::sqlite_database())]
    {
        let lines = format!(
            "update_method: {method}\nadministrators: [{{ attribute: userType, values: [admin*] }}]\n"
        );
        let (mut world, Listed { admin, .. }) = World::with_admins(database, &lines).await;
        world.want("C-1", 1, of("C-1", ADMIN, AccountState::Active)).await;
        world.restart_as(|target| target.never.administrators = true).await;
        // Nothing has told Usher that the account became an administrator.
        world
            .patch_user(&admin, json!([{ "op": "add", "path": "userType", "value": "Administrator" }]))
            .await;
        let before = world.sandbox.ledger().len();
        let (row, _) = world.want("C-1", 2, of("C-1", ADMIN, AccountState::Disabled)).await;
        assert_eq!((row.status.as_deref(), world.held_by("C-1").await), (Some("held"), vec![HeldBy::Never]));
        assert_eq!(world.changed_since(before), Vec::<String>::new(), "{method}");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_account_gets_a_name_on_the_list_and_a_leaver_is_switched_off_all_the_same() {
    let (mut world, _) = World::with_admins(store::testing::sqlite_database(), "").await;
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    world.restart_as(|target| target.never.user_names = vec!["root*".to_owned()]).await;
    let before = world.sandbox.ledger().len();
    let (row, _) = world.want("C-1", 1, of("C-1", "root@example.com", AccountState::Active)).await;
    assert_eq!((row.status.as_deref(), row.remote_id), (Some("held"), None));
    let (row, _) = world.want("E-1", 2, of("E-1", "root-2@example.com", AccountState::Active)).await;
    assert_eq!(row.status.as_deref(), Some("held"));
    assert_eq!(world.changed_since(before), Vec::<String>::new());
    world.send("E-1", 3, of("E-1", "root-2@example.com", AccountState::Disabled)).await;
    world.until("the leaver is off", async || world.user("E-1").is_some_and(|user| !user.active)).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exceptions_of_the_rule_for_orphans_are_not_linked_either_and_no_one_is_swept_from_the_list() {
    let (mut world, Listed { admin, .. }) = World::with_admins(store::testing::sqlite_database(), "").await;
    world.except_names(vec!["ADMIN@example.com".to_owned()], OrphanAction::Delete).await;
    let before = world.sandbox.ledger().len();
    let (row, _) = world.want("C-1", 1, of("C-1", ADMIN, AccountState::Active)).await;
    assert_eq!(row.status.as_deref(), Some("held"));
    assert_eq!(world.held_by("C-1").await, [HeldBy::Never]);
    let request = ResolveConflictRequest {
        target: TARGET.to_owned(),
        kind: ResourceKind::User,
        subject: "C-1".to_owned(),
        remote_id: admin,
        revision: Some(1),
        actor: Actor { who: "ann".to_owned(), why: "theirs".to_owned() },
    };
    let refused: Result<ReplayReply, _> = world.ask::<verbs::ResolveConflictVerb>(&request).await;
    assert!(refused.unwrap_err().to_string().contains("orphans.except"));
    world.send("C-1", 2, of("C-1", "c-1@example.com", AccountState::Deleted)).await;
    world.settled(ResourceKind::User, "C-1", 2).await;

    world.seed(json!({ "userName": "svc-backup@example.com", "active": true }));
    world.restart_as(|target| target.never.user_names = vec!["svc-*".to_owned()]).await;
    world.reconcile(false).await;
    assert_eq!(world.changed_since(before), Vec::<String>::new());
    assert!(world.sandbox.state().users["svc-backup@example.com"].active);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_cannot_link_what_is_on_the_list() {
    let (mut world, Listed { admin, .. }) = World::with_admins(store::testing::sqlite_database(), "").await;
    world.restart_as(|target| target.never.ids = vec![admin.clone()]).await;
    world.seed(json!({ "userName": name_of("E-1"), "externalId": "old-hr-7", "active": true }));
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    let request = ResolveConflictRequest {
        target: TARGET.to_owned(),
        kind: ResourceKind::User,
        subject: "E-1".to_owned(),
        remote_id: admin,
        revision: Some(1),
        actor: Actor { who: "ann".to_owned(), why: "theirs".to_owned() },
    };
    let refused: Result<ReplayReply, _> = world.ask::<verbs::ResolveConflictVerb>(&request).await;
    assert!(refused.unwrap_err().to_string().contains("never list"));
    world.stop().await;
}
