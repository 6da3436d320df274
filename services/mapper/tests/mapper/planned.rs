//! Tests that a plan says exactly what is commanded when it is applied, for policies that differ in every part.

use lifecycle::{AccountState, DesiredState, EventKind, MapperStatus, PlannedAction, ResourceKind, verbs};
use serde_json::json;
use store::testing::sqlite_database;

use crate::operators::{apply, ask, narrowed, plan};
use crate::world::{EVERYBODY, World, event, group, joined, members};

/// Policies that differ in every part of a policy.
fn policies() -> Vec<String> {
    let scoped = |clause: &str| {
        EVERYBODY.replacen("users:\n", &format!("users:\n  scope: {{ any: [{{ all: [{clause}] }}] }}\n"), 1)
    };
    let mapped =
        |mapping: &str| EVERYBODY.replacen("  mappings:\n", &format!("  mappings:\n    - {mapping}\n"), 1);
    vec![
        EVERYBODY.to_owned(),
        narrowed(),
        scoped("'memberOf \"SEC-A*\"'"),
        scoped("'manager.department EQUALS \"Sales\"'"),
        scoped("'memberOf \"SEC-B\" directly'"),
        mapped("{ target: title, expression: 'Join(\"/\", [department], [country])' }"),
        mapped("{ target: title, source: country, onNull: skip }"),
        mapped("{ target: title, source: country, default: none, apply: onCreate }"),
        mapped("{ target: manager, source: manager, reference: user }"),
        EVERYBODY.replacen("groups:", "  leaver: { action: delete }\ngroups:", 1),
        EVERYBODY.replacen("groups:", "  outOfScope: keep\n  actions: { update: false }\ngroups:", 1),
        EVERYBODY.split("groups:").next().unwrap().to_owned(),
    ]
}

async fn company(world: &mut World, seed: usize) {
    let departments = ["Sales", "HR", "IT"];
    let mut events = Vec::new();
    for n in 0..40 {
        let mut person = joined(&format!("E-{n:02}"), 1, departments[(n + seed) % 3]);
        if !(n + seed).is_multiple_of(4) {
            person.attributes.insert("country".to_owned(), json!("CH"));
        }
        if n > 3 {
            person.attributes.insert("manager".to_owned(), json!(format!("E-{:02}", (n * seed) % 4)));
        }
        events.push(person);
    }
    for (key, name) in [("G-1", "SEC-A"), ("G-2", "SEC-B"), ("G-3", "Choir"), ("G-4", "SEC-AB")] {
        events.push(group(key, 2, name));
    }
    for n in 0..40 {
        let group = format!("G-{}", (n * seed) % 4 + 1);
        events.push(members(
            EventKind::GroupMemberAdded,
            &group,
            10 + i64::try_from(n).unwrap(),
            &[&format!("E-{n:02}")],
        ));
    }
    events.push(members(EventKind::GroupMemberAdded, "G-1", 60, &["G-2"]));
    for n in (seed..40).step_by(7) {
        events.push(event(EventKind::WorkerLeft, &format!("E-{n:02}"), 70, json!({})));
    }
    world.send(&events).await;
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_exactly_what_is_commanded_when_it_is_applied() {
    for (seed, database) in [1_usize, 2, 3].into_iter().zip(std::iter::repeat_with(sqlite_database)) {
        let mut world = World::running(database, EVERYBODY).await;
        company(&mut world, seed).await;
        let all = policies();
        for step in 0..all.len() {
            let text = &all[(step * 5 + seed) % all.len()];
            let before = world.last_resources();
            let (id, made) = plan(&mut world, text, None).await;
            assert_eq!(made.more, 0);
            apply(&world, &id, Some(1_000), "step").await.unwrap();
            world
                .until("everybody is evaluated", async |world| {
                    let status: MapperStatus = ask::<verbs::MapperStatusVerb>(world, ()).await.unwrap();
                    status.to_evaluate == 0
                })
                .await;
            world.settle().await;
            let after = world.last_resources();
            let planned: std::collections::BTreeMap<(ResourceKind, &str), &lifecycle::PlannedChange> =
                made.changes.iter().map(|change| ((change.kind, change.subject.as_str()), change)).collect();
            for (key, (_, now)) in &after {
                let was = before.get(key).map(|(_, desired)| desired);
                let change =
                    planned.get(&(key.1, key.2.as_str())).map_or(PlannedAction::None, |change| change.action);
                assert_eq!(
                    change,
                    action(was, now),
                    "seed {seed}, step {step}, {key:?}: {was:?} to {now:?}\n{text}"
                );
            }
            for change in planned.values().filter(|change| change.action != PlannedAction::None) {
                let key = ("crm".to_owned(), change.kind, change.subject.clone());
                assert!(after.contains_key(&key), "planned, and nothing came: {change:?}");
            }
            let (_, again) = plan(&mut world, text, None).await;
            assert!(!again.changes_anything(), "{again:?}");
        }
        world.stop_mappers().await;
    }
}

/// Returns the change at a target, computed without knowledge of the plan.
fn action(was: Option<&DesiredState>, now: &DesiredState) -> PlannedAction {
    let on = |desired: Option<&DesiredState>| match desired {
        Some(DesiredState::User(account)) => match account.state {
            AccountState::Active => Some(true),
            AccountState::Disabled => Some(false),
            AccountState::Deleted => None,
        },
        Some(DesiredState::Group(group)) => group.exists.then_some(true),
        _ => None,
    };
    match (on(was), on(Some(now))) {
        (None, Some(true)) => PlannedAction::Create,
        (None, _) => PlannedAction::None,
        (Some(_), None) => PlannedAction::Delete,
        (Some(true), Some(false)) => PlannedAction::Disable,
        (Some(false), Some(true)) => PlannedAction::Enable,
        _ if differs(was.expect("it was there"), now) => PlannedAction::Update,
        _ => PlannedAction::None,
    }
}

/// Returns whether the target would be sent other values.
fn differs(was: &DesiredState, now: &DesiredState) -> bool {
    match (was, now) {
        (DesiredState::User(was), DesiredState::User(now)) => {
            let sent = now.attributes.iter().any(|(path, value)| was.attributes.get(path) != Some(value))
                || now.references.iter().any(|(path, person)| was.references.get(path) != Some(person))
                || now
                    .clear
                    .iter()
                    .any(|path| was.attributes.contains_key(path) || was.references.contains_key(path));
            sent && now.actions.update
        }
        (DesiredState::Group(was), DesiredState::Group(now)) => {
            now.attributes.iter().any(|(path, value)| was.attributes.get(path) != Some(value))
                || now.clear.iter().any(|path| was.attributes.contains_key(path))
        }
        _ => false,
    }
}
