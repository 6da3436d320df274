//! Tests of plans: they match the commands exactly, fit into an answer, and are deleted after a while.

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::{
    AccountState, Command, DesiredState, EventKind, PlanId, PlanState, PlannedAction, PlannedChange,
    PolicyActions, PolicyPlan, ResourceKind, verbs,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};
use store::testing::{sqlite_database, test_databases};

use crate::operators::{apply, ask, plan};
use crate::shuffle::histories;
use crate::world::{EVERYBODY, World, event, group, joined, members};

/// A policy consists of one of each.
const SCOPES: [&str; 6] = [
    "",
    "  scope: { any: [{ all: ['department EQUALS \"Sales\"'] }] }\n",
    "  scope: { any: [{ all: ['memberOf \"SEC-*\"'] }, { all: ['department EQUALS \"IT\"'] }] }\n",
    "  scope: { any: [{ all: [{ memberOf: G-1, nested: false }] }] }\n",
    "  scope: { any: [{ all: ['manager.department EQUALS \"IT\"'] }] }\n",
    "  outOfScope: keep\n  scope: { any: [{ all: ['not memberOf \"G-0\"'] }] }\n",
];
const MAPPINGS: [&str; 6] = [
    "",
    "    - { target: department, source: department }\n",
    "    - { target: department, expression: 'ToUpper([department])', onNull: skip }\n",
    "    - { target: title, source: manager.department, default: none }\n",
    "    - { target: manager, source: manager, reference: user }\n",
    "    - { target: title, constant: Staff, apply: onCreate }\n    - { target: department, constant: X }\n",
];
const RULES: [&str; 6] = [
    "",
    "  leaver: { action: delete }\n",
    "  leaver: { action: none }\n",
    "  actions: { update: false }\n",
    "  leaver: { action: none }\n  actions: { create: false }\n",
    "  actions: { disable: false, delete: false }\n",
];
const GROUPS: [&str; 5] = [
    "",
    "groups:\n  mappings: [{ target: displayName, source: displayName }]\n",
    "groups:\n  scope: { any: [{ all: ['displayName STARTS WITH \"SEC-\"'] }] }\n  mappings: [{ target: displayName, source: displayName }]\n",
    "groups:\n  scope: { any: [{ all: ['not memberOf \"G-2\"'] }] }\n  mappings: [{ target: displayName, expression: 'Join(\"\", \"x\", [displayName])' }]\n",
    "groups:\n  outOfScope: keep\n  actions: { delete: false }\n  scope: { any: [{ all: ['displayName STARTS WITH \"C\"'] }] }\n  mappings: [{ target: displayName, source: displayName }]\n",
];
const STEPS: usize = 12;

fn policies() -> impl Strategy<Value = Vec<String>> {
    let one = (0..SCOPES.len(), 0..MAPPINGS.len(), 0..RULES.len(), 0..GROUPS.len());
    let policies = prop::collection::vec(one, STEPS - 3);
    // At the end, people who have left get an account, lose it, and get it back if it still exists, so that every kind of
    // change occurs.
    policies.prop_map(|policies| {
        let last = [(0, 0, 2, 0), (0, 0, 1, 0), (0, 0, 4, 0)];
        policies.into_iter().chain(last).map(policy).collect()
    })
}

fn policy((scope, mapping, rule, group): (usize, usize, usize, usize)) -> String {
    format!(
        "target: crm\nguard: {{ percent: 100 }}\nusers:\n{}{}  mappings:\n    \
         - {{ target: userName, source: userPrincipalName }}\n{}{}",
        SCOPES[scope], RULES[rule], MAPPINGS[mapping], GROUPS[group]
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_planned_is_commanded_and_nothing_else() {
    let config = Config { rng_seed: RngSeed::Fixed(23), ..Config::default() };
    let mut runner = TestRunner::new(config);
    let (mut happened, mut memberships) = (BTreeSet::new(), 0);
    for database in test_databases().into_iter().chain([sqlite_database(), sqlite_database()]) {
        let name = database.name;
        let history = histories().new_tree(&mut runner).unwrap().current();
        let policies = policies().new_tree(&mut runner).unwrap().current();
        let mut world = World::running(database, &policies[0]).await;
        world.send(&history).await;
        world.settle().await;
        for (step, text) in policies.iter().enumerate() {
            let (before, told) = (world.last_resources(), world.commands.len());
            let (id, made) = plan(&mut world, text, None).await;
            assert_eq!(made.more, 0);
            happened.extend(made.changes.iter().map(|change| (change.kind.as_str(), change.action.as_str())));
            memberships += made.memberships;
            apply(&world, &id, Some(1_000), "step").await.unwrap();
            world.until("everybody is evaluated", async |world| is_evaluated(world).await).await;
            world.settle().await;
            let wrong = differences(&made, &before, &world.commands[told..]);
            assert!(wrong.is_empty(), "{name}, step {step}: {wrong:#?}\n{text}");
            let (_, again) = plan(&mut world, text, None).await;
            assert!(!again.changes_anything(), "{name}, step {step}: {again:#?}\n{text}");
        }
        world.stop_mappers().await;
    }
    for action in ["create", "adopt", "update", "enable", "disable", "delete"] {
        assert!(happened.contains(&("user", action)), "no history leads to {action}");
    }
    for action in ["create", "update", "delete"] {
        assert!(happened.contains(&("group", action)), "no history leads to {action} of a group");
    }
    assert!(memberships > 0);
}

async fn is_evaluated(world: &World) -> bool {
    let status: lifecycle::MapperStatus = ask::<verbs::MapperStatusVerb>(world, ()).await.unwrap();
    status.to_evaluate == 0
}

/// Returns the change of one account or group, computed from its commands without knowledge of the plan.
fn seen(was: Option<&DesiredState>, now: &DesiredState) -> (PlannedAction, BTreeSet<String>) {
    let on = |desired: &DesiredState| match desired {
        DesiredState::User(account) => match account.state {
            AccountState::Active => Some(true),
            AccountState::Disabled => Some(false),
            AccountState::Deleted => None,
        },
        DesiredState::Group(group) => group.exists.then_some(true),
        DesiredState::Membership { .. } => None,
    };
    let (values, clear, may): (_, _, PolicyActions) = match now {
        DesiredState::User(account) => (values(now), account.clear.clone(), account.actions),
        DesiredState::Group(group) => (values(now), group.clear.clone(), group.actions),
        DesiredState::Membership { .. } => panic!("no account and no group"),
    };
    let old = was.map(self::values).unwrap_or_default();
    let set =
        values.iter().filter(|(path, value)| old.get(*path) != Some(value)).map(|(path, _)| path.clone());
    let cleared = clear.into_iter().filter(|path| old.contains_key(path));
    let paths: BTreeSet<String> = if may.update { set.chain(cleared).collect() } else { BTreeSet::new() };
    let action = match (was.and_then(on), on(now)) {
        (None, Some(true)) if may.create => PlannedAction::Create,
        (None, Some(true)) => PlannedAction::Adopt,
        (None, _) => PlannedAction::None,
        (Some(_), None) => PlannedAction::Delete,
        (Some(true), Some(false)) => PlannedAction::Disable,
        (Some(false), Some(true)) if may.disable => PlannedAction::Enable,
        _ if paths.is_empty() => PlannedAction::None,
        _ => PlannedAction::Update,
    };
    match action {
        PlannedAction::Adopt if !may.update => (action, BTreeSet::new()),
        PlannedAction::Create => (action, values.into_keys().chain(on_create(now)).collect()),
        PlannedAction::Adopt => (action, values.into_keys().collect()),
        PlannedAction::Delete | PlannedAction::None => (action, BTreeSet::new()),
        _ => (action, paths),
    }
}

fn on_create(desired: &DesiredState) -> Vec<String> {
    match desired {
        DesiredState::User(account) => account.on_create.keys().cloned().collect(),
        DesiredState::Group(group) => group.on_create.keys().cloned().collect(),
        DesiredState::Membership { .. } => Vec::new(),
    }
}

fn values(desired: &DesiredState) -> BTreeMap<String, Value> {
    match desired {
        DesiredState::User(account) => {
            let references = account.references.iter().map(|(path, key)| (path.clone(), json!(key)));
            account.attributes.clone().into_iter().chain(references).collect()
        }
        DesiredState::Group(group) => group.attributes.clone().into_iter().collect(),
        DesiredState::Membership { .. } => BTreeMap::new(),
    }
}

/// Returns everything that was planned but not commanded, or commanded but not planned.
fn differences(
    made: &PolicyPlan,
    before: &BTreeMap<crate::world::Key, (i64, DesiredState)>,
    commands: &[Command],
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut planned: BTreeMap<(ResourceKind, &str), &PlannedChange> =
        made.changes.iter().map(|change| ((change.kind, change.subject.as_str()), change)).collect();
    let mut memberships = 0;
    let mut created = BTreeSet::new();
    for command in commands {
        let kind = command.desired.kind();
        if kind == ResourceKind::Membership {
            continue;
        }
        let key = ("crm".to_owned(), kind, command.subject.clone());
        let was = before.get(&key).map(|(_, desired)| desired);
        let (action, paths) = seen(was, &command.desired);
        if kind == ResourceKind::Group && action == PlannedAction::Create {
            created.insert(command.subject.as_str());
        }
        let change = planned.remove(&(kind, command.subject.as_str()));
        let told = change.map_or(PlannedAction::None, |change| change.action);
        let attributes = change.iter().flat_map(|change| &change.attributes);
        let told_paths: BTreeSet<String> =
            attributes.filter(|change| !change.released).map(|change| change.path.clone()).collect();
        let on_creation: BTreeSet<&str> = change
            .iter()
            .flat_map(|change| &change.attributes)
            .filter(|change| change.on_creation)
            .map(|change| change.path.as_str())
            .collect();
        let expected = match &command.desired {
            DesiredState::User(account) if action == PlannedAction::Create => {
                account.on_create.keys().map(String::as_str).collect()
            }
            _ => BTreeSet::new(),
        };
        if on_creation != expected {
            wrong.push(format!("planned {change:?} on creation, seen {expected:?}"));
        }
        if (told, &told_paths) != (action, &paths) {
            wrong.push(format!("planned {change:?}, seen {action:?} {paths:?} of {was:?} and {command:?}"));
        }
    }
    for change in planned.into_values().filter(|change| change.action != PlannedAction::None) {
        wrong.push(format!("planned, and nothing came: {change:?}"));
    }
    for command in commands {
        let DesiredState::Membership { edges } = &command.desired else { continue };
        if created.contains(command.subject.as_str()) {
            memberships += edges.iter().filter(|edge| edge.present && edge.member_is.is_person()).count();
        } else {
            wrong.push(format!("memberships of a group that was there: {command:?}"));
        }
    }
    if made.memberships != u64::try_from(memberships).unwrap() {
        wrong.push(format!("planned {} memberships, told {memberships}", made.memberships));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_one_is_about_that_one_alone_however_it_is_named() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let mut odd = joined("E-2", 1, "HR");
        odd.attributes.insert("userPrincipalName".to_owned(), json!("ZOË_100%@example.org"));
        world
            .send(&[
                joined("E-1", 1, "Sales"),
                odd,
                group("G-1", 1, "Choir"),
                members(EventKind::GroupMemberAdded, "G-1", 2, &["E-1", "E-2"]),
                group("G-2", 1, "Band"),
            ])
            .await;
        world.settle().await;
        let new = EVERYBODY
            .replacen("  mappings:\n", "  mappings:\n    - { target: title, constant: Staff }\n", 1)
            .replace("SEC-", "C");
        for name in ["E-2", "zoë_100%@EXAMPLE.org"] {
            let (_, made) = plan(&mut world, &new, Some(name)).await;
            let told: Vec<_> = made.changes.iter().map(|c| (c.subject.as_str(), c.action)).collect();
            assert_eq!(told, [("E-2", PlannedAction::Update)], "{name}");
            assert_eq!((made.users.evaluated, made.groups.evaluated), (1, 0));
        }
        for (key, action, memberships) in [("G-1", PlannedAction::Create, 2), ("G-2", PlannedAction::None, 0)]
        {
            let (_, made) = plan(&mut world, &new, Some(key)).await;
            let told: Vec<_> = made.changes.iter().map(|c| (c.subject.as_str(), c.action)).collect();
            assert_eq!((told.as_slice(), made.memberships), (&[(key, action)][..], memberships));
            assert_eq!((made.users.evaluated, made.groups.evaluated), (0, 1));
        }
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_whose_changes_do_not_fit_into_an_answer_lists_fewer_and_counts_all() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    let people: Vec<_> = (0..40).map(|n| joined(&format!("E-{n:02}"), 1, "HR")).collect();
    world.send(&people).await;
    world.settle().await;
    let long = format!("  mappings:\n    - {{ target: title, constant: \"{}\" }}\n", "x".repeat(50_000));
    let (_, made) = plan(&mut world, &EVERYBODY.replacen("  mappings:\n", &long, 1), None).await;
    assert_eq!(made.users.update, 40);
    assert!(made.more > 0 && !made.changes.is_empty());
    assert_eq!(u64::try_from(made.changes.len()).unwrap() + made.more, 40);
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_of_yesterday_and_all_but_the_newest_fifty_are_forgotten() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[event(EventKind::WorkerLeft, "E-1", 1, json!({}))]).await;
        world.settle().await;
        let (old, _) = plan(&mut world, EVERYBODY, None).await;
        world.execute("UPDATE mapper_plans SET created_at = created_at - 90000000000").await;
        let mut ids = Vec::new();
        for _ in 0..51 {
            ids.push(plan(&mut world, EVERYBODY, None).await.0);
        }
        let status = async |id: &PlanId| ask::<verbs::PlanStatusVerb>(&world, id).await;
        for gone in [&old, &ids[0]] {
            assert!(status(gone).await.unwrap_err().contains("plan again"));
        }
        for kept in [&ids[1], &ids[50]] {
            assert_eq!(status(kept).await.unwrap().state, PlanState::Finished);
        }
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mappings_that_fail_are_counted_and_words_hold_the_values() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    let people: Vec<_> = (0..5).map(|n| joined(&format!("E-{n}"), 1, "HR")).collect();
    world.send(&people).await;
    world.settle().await;
    let typo = EVERYBODY.replacen("source: userPrincipalName", "source: userPrincpalName", 1);
    let fails = EVERYBODY.replacen(
        "  mappings:\n",
        "  mappings:\n    - { target: title, expression: 'CDate([department])' }\n",
        1,
    );
    for (text, path, impossible) in [(typo, "userName", 5), (fails.clone(), "title", 0)] {
        let (_, made) = plan(&mut world, &text, None).await;
        assert_eq!(made.failures, BTreeMap::from([(path.to_owned(), 5)]), "{made:#?}");
        assert_eq!((made.newly_failing, made.users.impossible), (5, impossible));
        assert!(!made.changes_anything() && made.needs_a_look());
    }
    let (id, _) = plan(&mut world, &fails, None).await;
    apply(&world, &id, None, "as it is").await.unwrap();
    let (_, made) = plan(&mut world, &fails, None).await;
    assert_eq!((made.failures["title"], made.newly_failing, made.needs_a_look()), (5, 0, false));
    // A plan is shown to an operator, who can see the values of attributes anyway.
    let scoped = EVERYBODY.replacen(
        "users:\n",
        "users:\n  scope: { any: [{ all: ['userPrincipalName STARTS WITH \"x\"'] }] }\n",
        1,
    );
    let (_, made) = plan(&mut world, &scoped, None).await;
    let reason = &made.changes[0].reason;
    assert!(reason.contains("(seen: \"") && !reason.contains("<hidden>"), "{reason}");
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_found_by_their_login_before_there_is_an_account() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let mut named = joined("E-2", 1, "HR");
        named.attributes.insert("mail".to_owned(), json!("Zoë_100%@example.org"));
        world.send(&[joined("E-1", 1, "Sales"), named]).await;
        world.settle().await;
        let first = EVERYBODY.replacen("target: crm", "target: another", 1);
        let (_, made) = plan(&mut world, &first, Some("zoë_100%@EXAMPLE.org")).await;
        assert_eq!(
            (made.changes[0].subject.as_str(), made.changes[0].action),
            ("E-2", PlannedAction::Create)
        );
        assert_eq!(made.users.into_scope, 1, "nobody was in the scope of a policy that was not there");
        world.stop_mappers().await;
    }
}
