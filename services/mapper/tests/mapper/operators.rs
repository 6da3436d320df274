//! Tests of the control verbs of operators: plans, policies and their versions, explanations.

use std::borrow::Borrow;
use std::time::Duration;

use bus::ControlFailure;
use lifecycle::{
    AccountState, Actor, ApplyReply, ApplyRequest, DesiredState, EventKind, ExplainRequest, ExplainedPerson,
    MapperStatus, OperatorVerb, PlanId, PlanRequest, PlanState, PlanStatus, PolicyPlan, PolicyRequest,
    PolicyText, PolicyVersions, ProvisionReply, ProvisionRequest, ResourceKind, verbs,
};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};

use crate::world::{EVERYBODY, World, group, joined, members};

pub(crate) const ASK: Duration = Duration::from_secs(10);
/// `EVERYBODY` without people of Sales.
const WITHOUT_SALES: &str = "users:\n  scope: { any: [{ all: ['not department EQUALS \"Sales\"'] }] }\n";

pub(crate) async fn ask<V: OperatorVerb>(
    world: &World,
    question: impl Borrow<V::Request>,
) -> Result<V::Reply, String> {
    match world.bus.ask::<V>(question.borrow(), ASK).await {
        Ok(answer) => Ok(answer),
        Err(ControlFailure::Refused { error, .. }) => Err(error.message),
        Err(other) => panic!("{other}"),
    }
}

fn actor(why: &str) -> Actor {
    Actor { who: "alice".to_owned(), why: why.to_owned() }
}

async fn begin(world: &World, policy: &str, person: Option<&str>) -> PlanId {
    let request = PlanRequest {
        policy: policy.to_owned(),
        file: "new.yaml".to_owned(),
        person: person.map(str::to_owned),
        changes_max: 10_000,
        actor: actor("plan"),
    };
    ask::<verbs::PlanVerb>(world, request).await.unwrap().id
}

/// Returns a finished plan.
pub(crate) async fn plan(world: &mut World, policy: &str, person: Option<&str>) -> (PlanId, PolicyPlan) {
    let id = begin(world, policy, person).await;
    let asked = id.clone();
    world
        .until("the plan is finished", async move |world| {
            let status: PlanStatus = ask::<verbs::PlanStatusVerb>(world, &asked).await.unwrap();
            assert_ne!(status.state, PlanState::Failed, "{status:?}");
            status.state == PlanState::Finished
        })
        .await;
    let status: PlanStatus = ask::<verbs::PlanStatusVerb>(world, &id).await.unwrap();
    (id, status.plan.unwrap())
}

pub(crate) async fn apply(
    world: &World,
    plan: &PlanId,
    allow: Option<u64>,
    why: &str,
) -> Result<ApplyReply, String> {
    ask::<verbs::ApplyVerb>(
        world,
        ApplyRequest { plan: plan.clone(), allow_deletes: allow, allow_grants: None, actor: actor(why) },
    )
    .await
}

pub(crate) fn narrowed() -> String {
    EVERYBODY.replacen("users:\n", WITHOUT_SALES, 1)
}

fn title() -> String {
    EVERYBODY.replacen("  mappings:\n", "  mappings:\n    - { target: title, constant: Staff }\n", 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_keep_who_when_and_why_and_an_old_text_makes_a_new_version() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-1", 1, "Sales")]).await;
        world.settle().await;
        let (id, _) = plan(&mut world, &title(), None).await;
        let reply = apply(&world, &id, None, "titles").await.unwrap();
        assert_eq!((reply.version, reply.unchanged, reply.target.as_str()), (2, false, "crm"));
        let (id, _) = plan(&mut world, &title(), None).await;
        assert!(apply(&world, &id, None, "again").await.unwrap().unchanged);
        let (id, _) = plan(&mut world, EVERYBODY, None).await;
        assert_eq!(apply(&world, &id, None, "back").await.unwrap().version, 3);
        let asked = PolicyRequest { target: "crm".to_owned(), version: None };
        let versions: PolicyVersions = ask::<verbs::PolicyVersionsVerb>(&world, &asked).await.unwrap();
        let told: Vec<(i64, &str, &str)> =
            versions.versions.iter().map(|v| (v.version, v.who.as_str(), v.why.as_str())).collect();
        assert_eq!(told, [(3, "alice", "back"), (2, "alice", "titles"), (1, "file", "crm.yaml")]);
        let second = PolicyRequest { target: "crm".to_owned(), version: Some(2) };
        let text: PolicyText = ask::<verbs::PolicyVerb>(&world, &second).await.unwrap();
        assert_eq!(text.policy, title());
        let missing = PolicyRequest { target: "crm".to_owned(), version: Some(9) };
        assert!(ask::<verbs::PolicyVerb>(&world, &missing).await.unwrap_err().contains("it has 1 to 3"));
        let nobody = PolicyRequest { target: "nobody".to_owned(), version: None };
        assert!(ask::<verbs::PolicyVerb>(&world, &nobody).await.unwrap_err().contains("there is: crm"));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_whole_and_fresh_plan_within_its_guard_is_applied() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    let people: Vec<_> =
        (0..30).map(|n| joined(&format!("E-{n:02}"), 1, if n < 15 { "Sales" } else { "HR" })).collect();
    world.send(&people).await;
    world.settle().await;
    let unknown = apply(&world, &PlanId::fresh(), None, "x").await.unwrap_err();
    assert!(unknown.contains("plan again"), "{unknown}");
    let (of_one, only) = plan(&mut world, &narrowed(), Some("E-01")).await;
    assert_eq!((only.users.evaluated, only.users.disable), (1, 1));
    assert!(apply(&world, &of_one, None, "x").await.unwrap_err().contains("one person"));

    let strict = narrowed().replacen("guard: { percent: 100 }", "guard: { percent: 20 }", 1);
    let (id, made) = plan(&mut world, &strict, None).await;
    assert_eq!((made.users.disable, made.guard.len()), (15, 1));
    for allow in [None, Some(14)] {
        let refused = apply(&world, &id, allow, "x").await.unwrap_err();
        assert!(refused.contains("--allow-deletes 15") && refused.contains("guard.percent: 20"), "{refused}");
    }
    let (older, _) = plan(&mut world, &title(), None).await;
    apply(&world, &id, Some(15), "fewer").await.unwrap();
    let late = apply(&world, &older, None, "x").await.unwrap_err();
    assert!(late.contains("by alice (fewer)") && late.contains("plan again"), "{late}");
    let status: MapperStatus = ask::<verbs::MapperStatusVerb>(&world, ()).await.unwrap();
    assert_eq!((status.policies[0].version.version, status.policies[0].version.removals), (2, 15));
    world
        .until("those of Sales are disabled", async |w| w.state("E-01") == Some(AccountState::Disabled))
        .await;
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_creates_or_switches_on_more_than_the_guard_allows_waits_and_joiners_do_not() {
    let guarded = |text: &str| text.replacen("guard: { percent: 100 }", "guard: { deletions: 5 }", 1);
    let (few, all) = (guarded(&narrowed()), guarded(EVERYBODY));
    let mut world = World::running(sqlite_database(), &few).await;
    let people: Vec<_> =
        (0..30).map(|n| joined(&format!("E-{n:02}"), 1, if n < 20 { "Sales" } else { "HR" })).collect();
    world.send(&people).await;
    world.settle().await;
    assert_eq!(world.state("E-29"), Some(AccountState::Active), "the guard holds no joiner");

    world.write_policy(&all);
    world
        .until("the file is held", async |world| {
            let status: MapperStatus = ask::<verbs::MapperStatusVerb>(world, ()).await.unwrap();
            status.held_files.first().is_some_and(|held| held.why.contains("--allow-grants 20"))
        })
        .await;
    let (id, made) = plan(&mut world, &all, None).await;
    assert_eq!((made.users.create, made.guard.len(), made.grants_guard.is_empty()), (20, 0, false));
    let allowing = async |world: &World, id: &PlanId, allow_grants| -> Result<ApplyReply, String> {
        let request =
            ApplyRequest { plan: id.clone(), allow_deletes: None, allow_grants, actor: actor("all of them") };
        ask::<verbs::ApplyVerb>(world, request).await
    };
    for allow in [None, Some(19)] {
        let refused = allowing(&world, &id, allow).await.unwrap_err();
        assert!(refused.contains("--allow-grants 20") && refused.contains("guard.deletions: 5"), "{refused}");
    }
    allowing(&world, &id, Some(20)).await.unwrap();
    world.until("all have accounts", async |w| w.state("E-01") == Some(AccountState::Active)).await;

    // Accounts that are switched on again count like those that are created.
    let (id, _) = plan(&mut world, &few, None).await;
    apply(&world, &id, Some(20), "fewer").await.unwrap();
    world.until("they are off", async |w| w.state("E-01") == Some(AccountState::Disabled)).await;
    world.settle().await;
    let (id, made) = plan(&mut world, &all, None).await;
    assert_eq!((made.users.enable, made.grants()), (20, 20));
    let refused = apply(&world, &id, None, "back").await.unwrap_err();
    assert!(refused.contains("--allow-grants 20"), "{refused}");
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_change_wins_wherever_it_was_made_and_a_file_that_cuts_off_too_many_waits() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    let people: Vec<_> =
        (0..30).map(|n| joined(&format!("E-{n:02}"), 1, if n < 20 { "Sales" } else { "HR" })).collect();
    world.send(&people).await;
    world.settle().await;
    let version = async |world: &World| -> i64 {
        let status: MapperStatus = ask::<verbs::MapperStatusVerb>(world, ()).await.unwrap();
        status.policies[0].version.version
    };
    let (id, _) = plan(&mut world, &title(), None).await;
    assert_eq!(apply(&world, &id, None, "titles").await.unwrap().version, 2);
    let strict = narrowed().replacen("guard: { percent: 100 }", "guard: { deletions: 5 }", 1);
    world.write_policy(&strict);
    world
        .until("the file is held", async |world| {
            let status: MapperStatus = ask::<verbs::MapperStatusVerb>(world, ()).await.unwrap();
            status.held_files.first().is_some_and(|held| held.why.contains("--allow-deletes 20"))
        })
        .await;
    assert_eq!(
        version(&world).await,
        2,
        "what was applied stays in force, although the folder says otherwise"
    );
    assert_eq!(world.state("E-01"), Some(AccountState::Active));
    world.write_policy("target: crm\nusers: nonsense\n");
    world
        .until("a wrong file is held", async |world| {
            let status: MapperStatus = ask::<verbs::MapperStatusVerb>(world, ()).await.unwrap();
            status.held_files.first().is_some_and(|held| held.why.contains("crm.yaml:2:"))
        })
        .await;
    world.write_policy(&narrowed());
    world.until("a file that may is taken", async |w| w.state("E-01") == Some(AccountState::Disabled)).await;
    assert_eq!(version(&world).await, 3);
    let status: MapperStatus = ask::<verbs::MapperStatusVerb>(&world, ()).await.unwrap();
    assert_eq!(status.policies[0].version.who, "file");
    assert_eq!(status.held_files, []);
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_mappers_that_see_the_same_file_make_one_version() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.start_mapper().await;
        world.send(&[joined("E-1", 1, "Sales")]).await;
        world.settle().await;
        for n in 2..5 {
            let text = EVERYBODY.replacen(
                "  mappings:\n",
                &format!("  mappings:\n    - {{ target: title, constant: T{n} }}\n"),
                1,
            );
            world.write_policy(&text);
            world
                .until("the file is in force", async move |world| {
                    let status: MapperStatus = ask::<verbs::MapperStatusVerb>(world, ()).await.unwrap();
                    status.policies[0].version.version >= n && status.to_evaluate == 0
                })
                .await;
            let status: MapperStatus = ask::<verbs::MapperStatusVerb>(&world, ()).await.unwrap();
            assert_eq!(status.policies[0].version.version, n);
        }
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_shows_what_is_known_and_what_decides() {
    let mut world = World::running(sqlite_database(), &narrowed()).await;
    let mut odd = joined("E-2", 1, "HR");
    odd.attributes.insert("userPrincipalName".to_owned(), json!("Zoë_O'B%x\"y@example.org"));
    let mut nested = members(EventKind::GroupMemberAdded, "G-1", 3, &["E-1", "E-2"]);
    nested.subject = "G-1".to_owned();
    world.send(&[joined("E-1", 1, "Sales"), odd, group("G-1", 2, "SEC-VPN"), nested]).await;
    world.settle().await;
    let explain = async |world: &World, subject: &str| -> Result<ExplainedPerson, String> {
        let request = ExplainRequest { subject: subject.to_owned(), target: "crm".to_owned() };
        ask::<verbs::ExplainVerb>(world, request).await
    };
    let out = explain(&world, "E-1").await.unwrap();
    assert!(!out.in_scope && out.groups == ["SEC-VPN"], "{out:?}");
    assert_eq!((out.clauses[0].holds, out.clauses[0].saw.as_str()), (false, "\"Sales\""));
    for login in ["zoë_o'b%x\"y@example.org", "ZOË_O'B%X\"Y@EXAMPLE.ORG"] {
        // SQLite folds the case of ASCII only.
        if login.starts_with('z') {
            assert_eq!(explain(&world, login).await.unwrap().subject, "E-2", "{login}");
        }
    }
    assert!(explain(&world, "zoëxo'b%x\"y@example.org").await.is_err(), "`_` is no wildcard");
    let of_group = explain(&world, "G-1").await.unwrap();
    assert_eq!((of_group.kind, of_group.members_total, of_group.members.len()), (ResourceKind::Group, 2, 2));
    assert!(matches!(of_group.desired, Some(DesiredState::Group(group)) if group.exists));
    assert!(explain(&world, "nobody").await.unwrap_err().contains("nobody"));
    let request = ProvisionRequest {
        target: "crm".to_owned(),
        kind: ResourceKind::User,
        subject: "E-2".to_owned(),
        actor: actor("look"),
    };
    let key = ("crm".to_owned(), ResourceKind::User, "E-2".to_owned());
    let last = world.last_resources()[&key].0;
    let reply: ProvisionReply = ask::<verbs::MapperProvisionVerb>(&world, request).await.unwrap();
    assert_eq!((reply.queued, reply.revision), (false, last), "nothing changed, so nothing is commanded");
    world.stop_mappers().await;
}

/// Returns the counts of `usher leavers` for what was received but not decided.
pub(crate) async fn not_decided(world: &World) -> lifecycle::UndecidedCounts {
    let request = lifecycle::LeaversRequest { limit: 1, ..lifecycle::LeaversRequest::default() };
    ask::<verbs::LeaversVerb>(world, request).await.unwrap().not_decided
}
