//! What is at a target and was not created by Usher is linked by a declared rule, or by an operator.

use lifecycle::{
    AccountState, Actor, DesiredAccount, DesiredState, EvidenceReply, EvidenceRequest, GroupResource, HeldBy,
    OrphanAction, OrphanPolicy, RemovalGuard, ReplayReply, ResolveConflictRequest, ResourceKind, WaitingFor,
    verbs,
};
use serde_json::json;

use crate::world::{TARGET, World, account, active, group, methods, name_of, person};

const MAIL: &str = "emails[type eq \"work\"].value";
const ADMIN: &str = "admin@example.com";

/// Returns the state of a person who asks for the administrator's account.
fn asks(state: AccountState) -> DesiredState {
    let attributes = person("C-1", json!({ "userName": "ADMIN@example.com", "displayName": "Mallory" }));
    DesiredState::User(account(state, attributes))
}

/// Starts a world whose target declares no adoption, with the accounts and the group that are there already.
async fn confirming(database: store::testing::TestDatabase) -> (World, String, String) {
    let mut world = World::over(database, "").await;
    world.restart_as(|target| target.adoption = writer::AdoptionConfig::default()).await;
    let admin =
        world.seed(json!({ "userName": ADMIN, "displayName": "Break-glass tenant admin", "active": true }));
    world.want("E-9", 1, DesiredState::User(active("E-9", json!({})))).await;
    let admins = world.sandbox.seed_group(json!({ "displayName": "Tenant Admins" })).unwrap();
    (world, admin, admins)
}

impl World {
    async fn waits_for(&self, person: &str) -> WaitingFor {
        let people = vec![person.to_owned()];
        let request = EvidenceRequest { target: TARGET.to_owned(), people, memberships: Vec::new() };
        let reply: EvidenceReply = self.ask::<verbs::EvidenceVerb>(&request).await.unwrap();
        assert_eq!(reply.accounts[0].off, None);
        reply.accounts[0].waiting.clone().unwrap().reason
    }

    fn is_untouched(&self, name: &str, shown: &str) {
        let user = self.sandbox.state().users.get(name).cloned().unwrap();
        let attributes = serde_json::to_value(&user.attributes).unwrap();
        assert!(user.active && user.external_id.is_none(), "{user:?}");
        assert_eq!(attributes["displayName"], shown);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_match_is_held_with_both_sides_shown_until_an_operator_links_it_and_is_never_deleted() {
    for database in store::testing::test_databases() {
        let (mut world, admin, _) = confirming(database).await;
        for (revision, state) in
            [(1, AccountState::Active), (2, AccountState::Disabled), (3, AccountState::Deleted)]
        {
            let (row, sent) = world.want("C-1", revision, asks(state)).await;
            assert_eq!((row.status.as_deref(), row.remote_id), (Some("held"), None), "{state:?}");
            assert!(sent.iter().all(|entry| &*entry.method == "GET"), "{state:?}: {sent:?}");
            let held = world.held_pages(10).await;
            assert_eq!((held.len(), held[0].by), (1, HeldBy::Adoption));
            for part in [admin.as_str(), "Break-glass tenant admin", "C-1", "Mallory"] {
                assert!(held[0].reason.contains(part), "{part}: {}", held[0].reason);
            }
        }
        world.is_untouched(ADMIN, "Break-glass tenant admin");
        assert_eq!(world.waits_for("C-1").await, WaitingFor::Hold, "the departure is open");

        assert_eq!(world.decide_held(Some(&["C-1"]), true).await.decided, 1);
        let row = world.settled(ResourceKind::User, "C-1", 3).await;
        assert_eq!((row.status.as_deref(), row.remote_id.as_deref()), (Some("in_sync"), Some(&*admin)));
        assert!(row.error.unwrap().contains("stays disabled: adopted"));
        assert!(!world.sandbox.state().users[ADMIN].active, "linked, and off as the person is");

        world.restart_as(|target| target.delete_adopted = true).await;
        let (_, sent) = world.want("C-1", 4, asks(AccountState::Deleted)).await;
        assert!(
            methods(&sent).contains(&"DELETE".to_owned()),
            "the target's configuration allows it: {sent:?}"
        );
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_matches_gets_no_member_and_is_not_deleted() {
    for database in store::testing::test_databases() {
        let (world, _, admins) = confirming(database).await;
        world.want("C-3", 1, DesiredState::User(active("C-3", json!({})))).await;
        let before = world.sandbox.ledger().len();
        let wanted = |exists: bool| {
            let attributes = serde_json::from_value(json!({ "displayName": "tenant admins" })).unwrap();
            DesiredState::Group(GroupResource { exists, attributes, ..group("G-1") })
        };
        let (row, _) = world.want("G-1", 1, wanted(true)).await;
        assert_eq!(row.status.as_deref(), Some("held"));
        world.members("G-1", 2, &[("C-3", true)]).await;
        world.send("G-1", 3, wanted(false)).await;
        world
            .until("the deletion is held", async || {
                let row = world.row(ResourceKind::Group, "G-1").await;
                row.revision == 3 && row.status.as_deref() == Some("held") && row.remote_id.is_none()
            })
            .await;
        let sent = world.sandbox.ledger().since(before, 1_000);
        assert!(sent.iter().all(|entry| &*entry.method == "GET"), "{sent:?}");
        let group = world.sandbox.state().groups["Tenant Admins"].clone();
        assert!(group.members.is_empty() && group.id == admins, "{group:?}");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_match_by_a_second_attribute_is_held_like_one_by_the_first() {
    let (world, ..) = confirming(store::testing::sqlite_database()).await;
    let mail = json!([{ "type": "work", "value": "root@example.com" }]);
    world.seed(json!({ "userName": "root", "displayName": "Root", "emails": mail, "active": true }));
    let wanted = DesiredAccount {
        match_on: vec!["userName".to_owned(), MAIL.to_owned()],
        ..active("C-4", json!({ MAIL: "ROOT@example.com" }))
    };
    let (row, sent) = world.want("C-4", 1, DesiredState::User(wanted)).await;
    assert_eq!(row.status.as_deref(), Some("held"), "{row:?}");
    assert!(sent.iter().all(|entry| &*entry.method == "GET"), "{sent:?}");
    world.is_untouched("root", "Root");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_values_that_agree_are_linked_where_the_target_declares_it_and_one_is_held() {
    let (mut world, ..) = confirming(store::testing::sqlite_database()).await;
    world.restart_as(|target| target.adoption.users = writer::AdoptionRule::Automatic).await;
    let mail = json!([{ "type": "work", "value": "ann.lee@example.com" }]);
    let ann = world.seed(json!({ "userName": name_of("E-1"), "emails": mail, "active": true }));
    let wanted = active("E-1", json!({ MAIL: "Ann.Lee@example.com" }));
    let (row, _) = world.want("E-1", 1, DesiredState::User(wanted)).await;
    assert_eq!((row.status.as_deref(), row.remote_id), (Some("in_sync"), Some(ann)));
    let (row, _) = world.want("C-1", 1, asks(AccountState::Active)).await;
    assert_eq!(row.status.as_deref(), Some("held"), "only the name agrees");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_account_of_a_person_who_has_left_is_not_handed_to_another() {
    let (mut world, admin, _) = confirming(store::testing::sqlite_database()).await;
    world
        .restart_as(|target| target.adoption.users = writer::AdoptionRule::By(vec!["userName".to_owned()]))
        .await;
    world.want("C-1", 1, asks(AccountState::Active)).await;
    world.want("C-1", 2, asks(AccountState::Disabled)).await;
    let again = active("C-2", json!({ "userName": ADMIN, "displayName": "Second" }));
    let before = world.sandbox.ledger().len();
    world.send("C-2", 1, DesiredState::User(again)).await;
    world
        .until("it waits", async || world.held_pages(10).await.iter().any(|held| held.subject == "C-2"))
        .await;
    let sent = world.sandbox.ledger().since(before, 1_000);
    assert!(sent.iter().all(|entry| matches!(&*entry.method, "GET" | "POST")), "{sent:?}");
    let users = world.sandbox.state().users;
    assert!(users.values().any(|user| user.id == admin && !user.active), "{users:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_linked_already_stays_linked_and_what_carries_our_key_is_found_again() {
    for database in store::testing::test_databases() {
        let mut world = World::over(database, "").await;
        let old = world.seed(json!({ "userName": name_of("E-1"), "active": true }));
        world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
        let ours = world.seed(json!({ "userName": name_of("E-2"), "externalId": "E-2", "active": true }));
        world.restart_as(|target| target.adoption = writer::AdoptionConfig::default()).await;
        let (row, _) = world.want("E-1", 2, DesiredState::User(active("E-1", json!({ "title": "T" })))).await;
        assert_eq!((row.status.as_deref(), row.remote_id), (Some("in_sync"), Some(old)));
        assert_eq!(world.attributes("E-1")["title"], "T");
        let (row, _) = world.want("E-2", 1, DesiredState::User(active("E-2", json!({})))).await;
        assert_eq!((row.status.as_deref(), row.remote_id), (Some("in_sync"), Some(ours)));
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_links_a_held_match_one_by_one_and_the_preview_says_that_it_is_held() {
    let (world, admin, _) = confirming(store::testing::sqlite_database()).await;
    let preview = world.look("C-1", asks(AccountState::Active)).await.unwrap();
    assert_eq!((preview.matched.as_str(), preview.action.action.as_str()), ("found", "held"));
    world.want("C-1", 1, asks(AccountState::Active)).await;
    let request = ResolveConflictRequest {
        target: TARGET.to_owned(),
        kind: ResourceKind::User,
        subject: "C-1".to_owned(),
        remote_id: admin.clone(),
        revision: Some(1),
        actor: Actor { who: "ann".to_owned(), why: "it is theirs".to_owned() },
    };
    let _: ReplayReply = world.ask::<verbs::ResolveConflictVerb>(&request).await.unwrap();
    let row = world.settled(ResourceKind::User, "C-1", 1).await;
    assert_eq!((row.status.as_deref(), row.remote_id), (Some("in_sync"), Some(admin)));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_matches_are_tried_again_when_the_target_declares_an_adoption() {
    let (mut world, admin, _) = confirming(store::testing::sqlite_database()).await;
    world.want("C-1", 1, asks(AccountState::Active)).await;
    assert_eq!(world.held_pages(10).await.len(), 1);
    world
        .restart_as(|target| target.adoption.users = writer::AdoptionRule::By(vec!["userName".to_owned()]))
        .await;
    let row = world.settled_as("C-1", "in_sync").await;
    assert_eq!(row.remote_id, Some(admin));
    world.stop().await;
}

/// One row of the table of docs/adoption.md.
struct TableRow<'a> {
    line: &'a str,
    is_group: bool,
    external_id: &'a str,
    agree: &'a str,
    list: &'a str,
    adoption: &'a str,
    outcome: &'a str,
}

impl<'a> TableRow<'a> {
    fn read(line: &'a str) -> Self {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [kind, external_id, agree, list, adoption, outcome] = cells[..] else { panic!("{line}") };
        Self { line, is_group: kind == "group", external_id, agree, list, adoption, outcome }
    }

    fn key(number: usize) -> String {
        format!("T-{number}")
    }

    fn rule(&self) -> writer::AdoptionRule {
        let path = |name: &str| if name.trim() == "mail" { MAIL.to_owned() } else { name.trim().to_owned() };
        match self.adoption {
            "not set" => writer::AdoptionRule::default(),
            "automatic" => writer::AdoptionRule::Automatic,
            by => writer::AdoptionRule::By(by.strip_prefix("by ").unwrap().split(',').map(path).collect()),
        }
    }

    /// Puts the account or group of the row into the target.
    fn seed(&self, world: &World, key: &str) {
        let name = if self.is_group { key.to_owned() } else { name_of(key) };
        let mail = match self.agree {
            agree if agree.contains("same value") => name.clone(),
            _ => format!("mail-{name}"),
        };
        let mut there = json!({ (if self.is_group { "displayName" } else { "userName" }): name });
        match self.external_id {
            "none" => {}
            "another" => there["externalId"] = json!("old-hr-7"),
            _ => there["externalId"] = json!(key),
        }
        if self.is_group {
            world.sandbox.seed_group(there).unwrap();
        } else {
            there["active"] = json!(true);
            there["emails"] = json!([{ "type": "work", "value": mail }]);
            world.seed(there);
        }
    }

    /// Returns the state of the person or group that asks.
    fn asks(&self, key: &str) -> DesiredState {
        if self.is_group {
            return DesiredState::Group(group(key));
        }
        let mail = match self.agree {
            agree if agree.contains("same value") => name_of(key),
            agree if agree.contains("mail") => format!("mail-{}", name_of(key)),
            _ => "other@example.com".to_owned(),
        };
        DesiredState::User(active(key, json!({ MAIL: mail })))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_decision_table_of_the_page_holds() {
    let page = include_str!("../../../../docs/adoption.md");
    let section = page.split("### The decision table").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<TableRow> =
        section.lines().filter(|line| line.starts_with('|')).skip(2).map(TableRow::read).collect();
    assert!(rows.len() >= 20, "{}", rows.len());
    let mut world = World::start().await;
    world.want("E-9", 1, DesiredState::User(active("E-9", json!({})))).await;
    let except = rows.iter().enumerate().filter(|(_, row)| row.list == "orphans.except");
    let except = except.map(|(number, _)| name_of(&TableRow::key(number))).collect();
    world.except_names(except, OrphanAction::Report).await;
    for (number, row) in rows.iter().enumerate() {
        let key = TableRow::key(number);
        row.seed(&world, &key);
        world
            .restart_as(|target| {
                target.adoption = writer::AdoptionConfig { users: row.rule(), groups: row.rule() };
                target.never = writer::NeverConfig::default();
                if row.list == "never" {
                    target.never.user_names = vec![name_of(&key)];
                    target.never.groups = vec![key.clone()];
                }
            })
            .await;
        let before = world.sandbox.ledger().len();
        let (reply, _) = world.want(&key, 1, row.asks(&key)).await;
        let held = world.held_pages(100).await.into_iter().find(|held| held.subject == key);
        let outcome = match (reply.status.as_deref(), held.map(|held| held.by)) {
            (Some("in_sync"), None) if reply.remote_id.is_some() => "linked",
            (Some("held"), Some(HeldBy::Adoption)) => "held",
            (Some("held"), Some(HeldBy::Never)) => "never",
            (Some("conflict"), None) => "conflict",
            other => panic!("{}: {other:?}", row.line),
        };
        assert_eq!(outcome, row.outcome, "{}: {:?}", row.line, reply.error);
        let sent = world.sandbox.ledger().since(before, 1_000);
        let about = sent.iter().filter(|entry| &*entry.method != "GET").count();
        assert!(outcome == "linked" || about == 0, "{}: {sent:?}", row.line);
        // A row that is held is tried again when the rules change: it must not disturb the following ones.
        let _ = world.decide_held(Some(&[&key]), false).await;
    }
    world.stop().await;
}

impl World {
    /// Sends a policy whose rule for orphans excepts these names, and waits until it is in force.
    pub(crate) async fn except_names(&self, except: Vec<String>, action: OrphanAction) {
        let guard = RemovalGuard { deletions: 100, percent: 100, ..RemovalGuard::default() };
        let first = except[0].clone();
        self.say_of_orphans(1, OrphanPolicy { action, except }, guard).await;
        self.until("the rules are in force", async || {
            let rows = self.query("SELECT orphans FROM writer_controls").await;
            rows.iter()
                .any(|row| row.try_get::<String>("", "orphans").is_ok_and(|text| text.contains(&first)))
        })
        .await;
    }

    /// Waits until the person's row has this status.
    pub(crate) async fn settled_as(&self, subject: &str, status: &str) -> lifecycle::RowReply {
        self.until("the row has the status", async || {
            self.row(ResourceKind::User, subject).await.status.as_deref() == Some(status)
        })
        .await;
        self.row(ResourceKind::User, subject).await
    }
}
