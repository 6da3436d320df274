//! Drift is found and corrected for the attributes that the policy owns; other differences are reported and left alone.

use lifecycle::{
    AccountState, Actor, DesiredState, DifferenceKind, ReconcileRequest, ReconcileState, Reconciliation,
    ReconciliationRequest, RemovalGuard, ResourceKind, verbs,
};
use sandbox::{FaultRule, InjectedFault};
use scim::{RequestRateLimit, TargetProfile};
use serde_json::{Value, json};

use crate::world::{Sent, TARGET, World, account, active, group, name_of, person};

impl World {
    pub(crate) async fn reconcile(&self, dry_run: bool) -> Reconciliation {
        self.reconcile_as(dry_run, None).await
    }

    async fn reconcile_as(&self, dry_run: bool, gone_max: Option<u64>) -> Reconciliation {
        let actor = Actor { who: "ann".to_owned(), why: "ticket 7".to_owned() };
        let request = ReconcileRequest { target: TARGET.to_owned(), dry_run, gone_max, cancel: false, actor };
        let _: Reconciliation = self.ask::<verbs::ReconcileVerb>(&request).await.unwrap();
        self.until("the comparison ends", async || {
            self.reconciliation().await.state != ReconcileState::Running
        })
        .await;
        self.reconciliation().await
    }

    pub(crate) async fn reconciliation(&self) -> Reconciliation {
        let request = ReconciliationRequest { target: TARGET.to_owned() };
        self.ask::<verbs::ReconciliationVerb>(&request).await.unwrap()
    }

    /// Changes an account at the target without Usher.
    pub(crate) async fn meddle(&self, key: &str, operations: Value) {
        let id = self.user(key).unwrap().id;
        self.patch_user(&id, operations).await;
    }
}

fn of(report: &Reconciliation, difference: DifferenceKind) -> Vec<(Option<&str>, &[String])> {
    let found = report.found.iter().filter(|found| found.difference == difference);
    let mut all: Vec<_> = found.map(|found| (found.subject.as_deref(), found.what.as_slice())).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_is_reported_and_made_right_and_what_is_not_ours_is_left_alone() {
    for paging in ["index", "cursor", "none"] {
        let profile = format!(r#"{{ "name": "{paging}", "paging": "{paging}", "page_size": 3 }}"#);
        drift(TargetProfile::parse(&profile, paging).unwrap()).await;
    }
}

async fn drift(profile: TargetProfile) {
    let world = World::of_profile(&profile).await;
    let keys: Vec<String> = (0..8).map(|n| format!("E-{n}")).collect();
    for key in &keys {
        world.send(key, 1, DesiredState::User(active(key, json!({ "title": "Clerk" })))).await;
    }
    world.send("G-1", 1, DesiredState::Group(group("G-1"))).await;
    for key in &keys {
        world.settled(ResourceKind::User, key, 1).await;
    }
    world
        .send(
            "E-3",
            2,
            DesiredState::User(account(AccountState::Disabled, person("E-3", json!({ "title": "Clerk" })))),
        )
        .await;
    world.settled(ResourceKind::User, "E-3", 2).await;
    world.settled(ResourceKind::Group, "G-1", 1).await;
    world.members("G-1", 1, &[("E-0", true), ("E-1", true), ("E-2", true)]).await;
    world
        .until("the members are there", async || world.sandbox.state().groups["G-1"].members.len() == 3)
        .await;
    world.settled(ResourceKind::Group, "G-1", 1).await;
    world.members("G-1", 2, &[("E-2", false)]).await;
    world.until("one less", async || world.sandbox.state().groups["G-1"].members.len() == 2).await;
    world.settled(ResourceKind::Group, "G-1", 1).await;

    let report = world.reconcile(true).await;
    assert_eq!(report.state, ReconcileState::Finished, "{:?}", report.error);
    assert_eq!((report.counts.read, report.counts.in_sync), (9, 9), "{report:#?}");

    // An administrator has changed the accounts at the target.
    world.meddle("E-1", json!([{ "op": "replace", "path": "title", "value": "Boss" }])).await;
    world.meddle("E-2", json!([{ "op": "replace", "path": "nickName", "value": "theirs" }])).await;
    world.meddle("E-3", json!([{ "op": "replace", "path": "active", "value": true }])).await;
    world.meddle("E-4", json!([{ "op": "replace", "path": "active", "value": false }])).await;
    let gone = world.user("E-5").unwrap().id;
    world.delete_user(&gone).await;
    let stranger =
        world.seed(json!({ "userName": "stranger@example.net", "externalId": "X-1", "active": true }));
    let group_id = world.sandbox.state().groups["G-1"].id.clone();
    let id = |key: &str| world.user(key).unwrap().id;
    let (lost, back) = (id("E-0"), id("E-2"));
    let meddled = json!([
        { "op": "remove", "path": format!("members[value eq \"{lost}\"]"), "value": null },
        { "op": "add", "path": "members", "value": [{ "value": back }, { "value": stranger }] },
    ]);
    world.patch_group(&group_id, meddled).await;

    let before = world.sandbox.ledger().len();
    let report = world.reconcile(true).await;
    let sent = world.sandbox.ledger().since(before, 1_000);
    assert!(sent.iter().all(|entry| &*entry.method == "GET"), "a dry run changes nothing: {sent:?}");
    let drifted = of(&report, DifferenceKind::Drifted);
    let expected = [("E-1", "title"), ("E-3", "active"), ("E-4", "active")];
    let told: Vec<(&str, &str)> =
        drifted.iter().map(|(key, what)| (key.unwrap(), what[0].as_str())).collect();
    assert_eq!(told, expected);
    assert_eq!(of(&report, DifferenceKind::Gone), [(Some("E-5"), &[][..])]);
    assert_eq!(of(&report, DifferenceKind::Orphan), [(None, &[][..])]);
    assert_eq!((report.counts.members_missing, report.counts.members_extra, report.counts.queued), (1, 1, 0));
    assert_eq!(report.attributes["active"], 2);

    let report = world.reconcile(false).await;
    assert_eq!(report.counts.queued, 5, "{report:#?}");
    let right = async || {
        let state = world.sandbox.state();
        let user = |key: &str| state.users.get(&name_of(key));
        let members = &state.groups["G-1"].members;
        user("E-5").is_some_and(|user| user.active)
            && !user("E-3").unwrap().active
            && user("E-4").unwrap().active
            && world.attributes("E-1")["title"] == "Clerk"
            && members.contains(&name_of("E-0"))
            && !members.contains(&name_of("E-2"))
    };
    world.until("it is right again", right).await;
    for key in &keys {
        world.settled(ResourceKind::User, key, if key == "E-3" { 2 } else { 1 }).await;
    }
    world.settled(ResourceKind::Group, "G-1", 1).await;
    assert_eq!(world.attributes("E-2")["nickName"], "theirs", "no policy owns it");
    let state = world.sandbox.state();
    assert!(
        state.users["stranger@example.net"].active
            && state.groups["G-1"].members.contains("stranger@example.net")
    );
    let report = world.reconcile(false).await;
    assert_eq!((report.counts.drifted, report.counts.gone, report.counts.orphans), (0, 0, 1), "{report:#?}");
    assert_eq!((report.counts.members_missing, report.counts.members_extra, report.counts.queued), (0, 0, 0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_be_taken_away_counts_for_the_guard() {
    let profile =
        TargetProfile { rate: RequestRateLimit::default(), ..TargetProfile::builtin("generic").unwrap() };
    let world = World::of_profile(&profile).await;
    let sent = Sent::guarded(RemovalGuard {
        deletions: 2,
        percent: 100,
        window_hours: 24,
        hard_deletions: 1_000,
        failures: 1_000,
    });
    let off = |key: &str| DesiredState::User(account(AccountState::Disabled, person(key, json!({}))));
    for n in 0..4 {
        let key = format!("E-{n}");
        world.send_as(&key, 1, DesiredState::User(active(&key, json!({}))), sent).await;
        world.settled(ResourceKind::User, &key, 1).await;
        world.send_as(&key, 2, off(&key), Sent { planned: true, ..sent }).await;
        world.settled(ResourceKind::User, &key, 2).await;
        world.meddle(&key, json!([{ "op": "replace", "path": "active", "value": true }])).await;
    }
    world.reconcile(false).await;
    let settled = async || {
        let mut statuses = Vec::new();
        for n in 0..4 {
            statuses.push(world.row(ResourceKind::User, &format!("E-{n}")).await.status.unwrap());
        }
        statuses.iter().all(|status| status == "in_sync" || status == "held")
    };
    world.until("everything is settled or held", settled).await;
    let usable = (0..4).filter(|n| world.user(&format!("E-{n}")).unwrap().active).count();
    assert_eq!(usable, 4, "all four are held");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comparison_that_was_never_made_or_cannot_be_ended_is_refused_with_the_way() {
    let world = World::start().await;
    let request = ReconciliationRequest { target: TARGET.to_owned() };
    let refused: Result<Reconciliation, _> = world.ask::<verbs::ReconciliationVerb>(&request).await;
    assert!(refused.unwrap_err().to_string().contains("usher reconcile crm"));
    let actor = Actor { who: "ann".to_owned(), why: "ticket 7".to_owned() };
    let cancel =
        ReconcileRequest { target: TARGET.to_owned(), dry_run: false, gone_max: None, cancel: true, actor };
    let refused: Result<Reconciliation, _> = world.ask::<verbs::ReconcileVerb>(&cancel).await;
    assert!(refused.unwrap_err().to_string().contains("no reconciliation of"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_has_lost_everybody_waits_for_a_human() {
    let world = World::start().await;
    let keys: Vec<String> = (0..12).map(|n| format!("E-{n}")).collect();
    for key in &keys {
        world.want(key, 1, DesiredState::User(active(key, json!({})))).await;
    }
    for key in &keys {
        let id = world.user(key).unwrap().id;
        world.delete_user(&id).await;
    }
    let before = world.sandbox.ledger().len();
    let report = world.reconcile(false).await;
    assert_eq!(report.state, ReconcileState::Failed);
    assert!(report.error.as_deref().is_some_and(|error| error.contains("12 of 12")), "{report:?}");
    assert_eq!(report.counts.queued, 0);
    let sent = world.sandbox.ledger().since(before, 100);
    assert!(sent.iter().all(|entry| &*entry.method == "GET"), "{sent:?}");

    // Another number than the one that was shown is not believed either.
    let report = world.reconcile_as(false, Some(11)).await;
    assert_eq!((report.state, report.counts.queued), (ReconcileState::Failed, 0));
    assert!(report.error.as_deref().is_some_and(|error| error.contains("--allow-gone 12")), "{report:?}");
    let report = world.reconcile_as(false, Some(12)).await;
    assert_eq!((report.state, report.counts.gone), (ReconcileState::Finished, 12));
    world.until("all are there again", async || world.sandbox.state().users.len() == 12).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_cannot_be_read_does_not_end_the_comparison() {
    let world = World::start().await;
    for key in ["E-1", "E-2"] {
        world.want(key, 1, DesiredState::User(active(key, json!({})))).await;
    }
    for key in ["G-1", "G-2"] {
        world.want(key, 1, DesiredState::Group(group(key))).await;
        world.members(key, 1, &[("E-1", true), ("E-2", true)]).await;
    }
    let members = |key: &str| world.sandbox.state().groups[key].members.len();
    world.until("all are in", async || members("G-1") == 2 && members("G-2") == 2).await;
    let state = world.sandbox.state();
    let (first, second) = (state.groups["G-1"].id.clone(), state.groups["G-2"].id.clone());
    let refused = FaultRule::new(InjectedFault::status(400)).method("GET").path(format!("/Groups/{first}"));
    world.sandbox.faults().inject(refused);
    let nobody = json!([{ "op": "remove", "path": "members" }]);
    world.patch_group(&second, nobody).await;
    let report = world.reconcile(false).await;
    assert_eq!(report.state, ReconcileState::Finished, "{report:?}");
    assert_eq!(of(&report, DifferenceKind::Unreadable).len(), 1, "{report:?}");
    world.until("the other is made right", async || members("G-2") == 2).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_account_with_somebodys_key_is_told_as_a_duplicate_of_them_and_left_alone() {
    let world = World::start().await;
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    let linked = world.user("E-1").unwrap().id;
    let second = json!({ "userName": "second@example.com", "externalId": "E-1", "active": true });
    let second = world.seed(second);
    world.seed(json!({ "userName": "nobody@example.com", "active": true }));
    let report = world.reconcile(false).await;
    assert_eq!(
        (report.counts.duplicates, report.counts.orphans, report.counts.queued),
        (1, 1, 0),
        "{report:?}"
    );
    let what = [format!("linked to {linked}")];
    assert_eq!(of(&report, DifferenceKind::Duplicate), [(Some("E-1"), &what[..])]);
    assert!(report.found.iter().any(|found| found.remote_id.as_ref() == Some(&second)), "{report:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_target_does_not_keep_is_said_and_not_written_for_ever() {
    let world = World::start().await;
    let wanted =
        |state, title: &str| DesiredState::User(account(state, person("E-1", json!({ "title": title }))));
    world.want("E-1", 1, wanted(AccountState::Active, "Clerk")).await;
    // This simulates a target that changes the value back.
    let undo = async |title: &str| {
        world.meddle("E-1", json!([{ "op": "replace", "path": "title", "value": title }])).await;
    };
    let compared = async || {
        let report = world.reconcile(false).await;
        world.settled(ResourceKind::User, "E-1", world.row(ResourceKind::User, "E-1").await.revision).await;
        (report.counts.drifted, report.counts.unkept, report.counts.queued)
    };
    for _ in 0..2 {
        undo("Boss").await;
        assert_eq!(compared().await, (1, 0, 1));
        assert_eq!(world.attributes("E-1")["title"], "Clerk");
    }
    undo("Boss").await;
    assert_eq!(compared().await, (0, 1, 0), "it was written twice, and is as before again");
    assert_eq!(compared().await, (0, 1, 0));
    assert_eq!(world.attributes("E-1")["title"], "Boss");

    undo("Chief").await;
    assert_eq!(compared().await, (1, 0, 1), "something else is there");
    world.want("E-1", 2, wanted(AccountState::Active, "Head")).await;
    assert_eq!(compared().await, (0, 0, 0));
    undo("Chief").await;
    assert_eq!(compared().await, (1, 0, 1), "something else is wanted");

    world.want("E-1", 3, wanted(AccountState::Disabled, "Head")).await;
    for _ in 0..4 {
        world.meddle("E-1", json!([{ "op": "replace", "path": "active", "value": true }])).await;
        assert_eq!(compared().await, (1, 0, 1), "a leaver is switched off each time");
        assert!(!world.user("E-1").unwrap().active);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_members_of_a_group_that_drifted_are_compared_in_the_same_run() {
    let world = World::start().await;
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    world.want("G-1", 1, DesiredState::Group(group("G-1"))).await;
    world.members("G-1", 1, &[("E-1", true)]).await;
    world.until("a member", async || world.sandbox.state().groups["G-1"].members.len() == 1).await;
    world.settled(ResourceKind::Group, "G-1", 1).await;
    let id = world.sandbox.state().groups["G-1"].id.clone();
    let meddling = json!([
        { "op": "remove", "path": "members" },
        { "op": "replace", "path": "displayName", "value": "Renamed" },
    ]);
    world.patch_group(&id, meddling).await;
    let report = world.reconcile(false).await;
    assert_eq!((report.counts.drifted, report.counts.members_missing), (1, 1), "{report:?}");
    world
        .until("both are right again", async || {
            world.sandbox.state().groups.get("G-1").is_some_and(|group| group.members.len() == 1)
        })
        .await;
    world.stop().await;
}
