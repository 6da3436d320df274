//! Tests of putting policies in force: refusals, facts, interruptions and several replicas.

use std::collections::BTreeSet;
use std::time::Duration;

use bus::{Consumer, FactBatch, StreamName};
use lifecycle::{
    AccountState, Actor, Event, Fact, MapperStatus, OrphanAction, PolicyRequest, ProvisionReply,
    ProvisionRequest, ResourceKind, verbs,
};
use store::testing::{sqlite_database, test_databases};

use crate::operators::{apply, ask, narrowed, plan};
use crate::world::{EVERYBODY, World, event, group, joined};

const PEOPLE: usize = 450;
const ASK: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(60);

fn titled(title: &str) -> String {
    let mapping = format!("  mappings:\n    - {{ target: title, constant: {title} }}\n");
    EVERYBODY.replacen("  mappings:\n", &mapping, 1)
}

async fn versions(world: &World, target: &str) -> Vec<(i64, String)> {
    let request = PolicyRequest { target: target.to_owned(), version: None };
    match ask::<verbs::PolicyVersionsVerb>(world, &request).await {
        Ok(known) => known.versions.into_iter().map(|version| (version.version, version.who)).collect(),
        Err(_) => Vec::new(),
    }
}

/// Returns whether all people are evaluated; `false` while a mapper that was just started does not answer.
async fn everybody_is_evaluated(world: &World) -> bool {
    let status = world.bus.ask::<verbs::MapperStatusVerb>(&(), ASK).await;
    status.is_ok_and(|status| status.to_evaluate == 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_is_not_finished_or_was_interrupted_is_not_applied() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world.send(&[joined("E-1", 1, "Sales")]).await;
    world.settle().await;
    let (id, _) = plan(&mut world, &titled("Staff"), None).await;
    let heard_of = |micros: i64| format!("UPDATE mapper_plans SET state = 'running', heartbeat = {micros}");
    world.execute(&heard_of(i64::MAX)).await;
    let early = apply(&world, &id, None, "x").await.unwrap_err();
    assert!(early.contains("wait"), "{early}");
    world.execute(&heard_of(0)).await;
    let interrupted = apply(&world, &id, None, "x").await.unwrap_err();
    assert!(interrupted.contains("plan again"), "{interrupted}");
    assert_eq!(versions(&world, "crm").await, [(1, "file".to_owned())]);
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_is_applied_twice_at_once_makes_one_version_and_the_journal_says_whose() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.start_mapper().await;
        let mut journal: Consumer<FactBatch> = world.bus.consume(StreamName::Journal, "test").await.unwrap();
        world.send(&[joined("E-1", 1, "Sales")]).await;
        world.settle().await;
        let (id, _) = plan(&mut world, &titled("Staff"), None).await;
        let outcomes = tokio::join!(apply(&world, &id, None, "titles"), apply(&world, &id, None, "titles"));
        let done = [&outcomes.0, &outcomes.1].into_iter().flatten().count();
        assert!(done >= 1, "{outcomes:?}");
        for refused in [outcomes.0, outcomes.1].into_iter().filter_map(Result::err) {
            assert!(refused.contains("plan again"), "{refused}");
        }
        let told = [(2, "alice".to_owned()), (1, "file".to_owned())];
        assert_eq!(versions(&world, "crm").await, told);
        let mut applied = Vec::new();
        while applied.len() < told.len() {
            let batch = tokio::time::timeout(PATIENCE, journal.next_batch(500));
            for delivery in batch.await.expect("the journal tells of both").unwrap() {
                for record in delivery.body.clone().unwrap() {
                    if let Fact::PolicyApplied { version, who, why, .. } = record.fact {
                        applied.push((record.subject, version, who, why));
                    }
                }
                delivery.ack().await;
            }
        }
        let by = |version, who: &str, why: &str| {
            ("policy:crm".to_owned(), version, who.to_owned(), why.to_owned())
        };
        assert_eq!(applied, [by(1, "file", "crm.yaml"), by(2, "alice", "titles")]);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_with_different_folders_do_not_undo_one_another() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join("crm.yaml"), titled("Staff")).unwrap();
        world.start_mapper_with(other.path()).await;
        world
            .until("the newer file is in force", async |world| {
                versions(world, "crm").await.first().is_some_and(|(version, _)| *version >= 2)
            })
            .await;
        // Targets are processed in order of their names, so each replica has checked `crm` again by then.
        world.write_second_policy(&EVERYBODY.replace("crm", "vpn"));
        world.until("the first has looked again", async |w| !versions(w, "vpn").await.is_empty()).await;
        std::fs::write(other.path().join("third.yaml"), EVERYBODY.replace("crm", "wiki")).unwrap();
        world.until("the second has looked again", async |w| !versions(w, "wiki").await.is_empty()).await;
        assert_eq!(versions(&world, "crm").await.len(), 2);
        world.write_policy(&titled("Folk"));
        world.until("an edit wins", async |w| versions(w, "crm").await.len() == 3).await;
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_that_is_interrupted_half_way_is_finished_by_another_mapper_and_commands_nothing_twice()
{
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let people: Vec<Event> = (0..PEOPLE).map(|n| joined(&format!("E-{n:03}"), 1, "HR")).collect();
        world.send(&people).await;
        world.settle().await;
        let before = world.commands.len();
        let (id, made) = plan(&mut world, &titled("Staff"), None).await;
        assert_eq!(made.users.update, u64::try_from(PEOPLE).unwrap());
        apply(&world, &id, None, "titles").await.unwrap();
        let begun = "SELECT count(*) AS n FROM mapper_desired WHERE version = 2";
        world.until("the evaluation begins", async |w| w.count(begun).await > 0).await;
        world.stop_mappers().await;
        world.start_mapper().await;
        world.start_mapper().await;
        world.until("everybody is evaluated", async |world| everybody_is_evaluated(world).await).await;
        world.settle().await;
        let news = &world.commands[before..];
        let revisions: BTreeSet<(&str, i64)> =
            news.iter().map(|command| (command.subject.as_str(), command.revision)).collect();
        assert_eq!((news.len(), revisions.len()), (PEOPLE, PEOPLE));
        assert_eq!(world.count("SELECT count(*) AS n FROM mapper_desired WHERE version <> 2").await, 0);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_a_late_batch_decided_by_policies_of_before_is_decided_about_again() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world.send(&[joined("E-1", 1, "HR")]).await;
    world.settle().await;
    let (id, _) = plan(&mut world, &titled("Staff"), None).await;
    apply(&world, &id, None, "titles").await.unwrap();
    world.until("E-1 is evaluated", async |world| everybody_is_evaluated(world).await).await;
    world.settle().await;
    world.execute("UPDATE mapper_identities SET evaluated_with = 'as before'").await;
    assert!(!everybody_is_evaluated(&world).await);
    world.until("E-1 is evaluated again", async |world| everybody_is_evaluated(world).await).await;
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_provisioned_even_if_a_person_has_the_same_key() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world.send(&[joined("X-1", 1, "HR"), group("X-1", 1, "SEC-A")]).await;
    world.settle().await;
    world
        .send(&[event(
            lifecycle::EventKind::GroupUpserted,
            "X-1",
            2,
            serde_json::json!({ "displayName": "SEC-B" }),
        )])
        .await;
    world.settle().await;
    let last = world.last_resources();
    let provision = async |kind| -> ProvisionReply {
        let actor = Actor { who: "alice".to_owned(), why: "look".to_owned() };
        let request = ProvisionRequest { target: "crm".to_owned(), kind, subject: "X-1".to_owned(), actor };
        ask::<verbs::MapperProvisionVerb>(&world, request).await.unwrap()
    };
    for kind in [ResourceKind::User, ResourceKind::Group] {
        let revision = last[&("crm".to_owned(), kind, "X-1".to_owned())].0;
        assert_eq!(provision(kind).await, ProvisionReply { queued: false, revision });
    }
    assert_eq!(world.state("X-1"), Some(AccountState::Active));
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_loosens_its_own_guard_is_held_against_the_one_in_force() {
    let strict = EVERYBODY.replacen("guard: { percent: 100 }", "guard: { deletions: 5 }", 1);
    let mut world = World::running(sqlite_database(), &strict).await;
    let people: Vec<_> =
        (0..30).map(|n| joined(&format!("E-{n:02}"), 1, if n < 15 { "Sales" } else { "HR" })).collect();
    world.send(&people).await;
    world.settle().await;
    // `narrowed` allows everything, and takes access from fifteen people.
    let (id, made) = plan(&mut world, &narrowed(), None).await;
    assert_eq!(made.guard[0].threshold, "guard.deletions: 5", "{made:?}");
    let refused = apply(&world, &id, None, "x").await.unwrap_err();
    assert!(refused.contains("--allow-deletes 15"), "{refused}");
    world.write_policy(&narrowed());
    world
        .until("the file is held", async |world| {
            let status: MapperStatus = ask::<verbs::MapperStatusVerb>(world, ()).await.unwrap();
            status.held_files.first().is_some_and(|held| held.why.contains("--allow-deletes 15"))
        })
        .await;
    assert_eq!(world.state("E-01"), Some(AccountState::Active));
    // Loosening the guard is a separate step, and so is the change that it allows.
    for text in [EVERYBODY.to_owned(), narrowed()] {
        let (id, made) = plan(&mut world, &text, None).await;
        assert_eq!(made.guard, []);
        apply(&world, &id, None, "step by step").await.unwrap();
    }
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_version_tells_the_writer_what_becomes_of_accounts_of_nobody() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-1", 1, "Sales")]).await;
        world.settle().await;
        let disabling = "users:\n  orphans: { action: disable, except: [\"admin@*\"] }\n";
        let (id, _) = plan(&mut world, &EVERYBODY.replacen("users:\n", disabling, 1), None).await;
        apply(&world, &id, None, "clean up").await.unwrap();
        world.until("both versions are told", async |world| world.rules.len() == 2).await;
        let said = |number: usize| {
            let command = &world.rules[number];
            let orphans = command.orphans.clone().unwrap();
            (command.revision, orphans.action, orphans.except)
        };
        assert_eq!(said(0), (1, OrphanAction::Report, Vec::new()));
        assert_eq!(said(1), (2, OrphanAction::Disable, vec!["admin@*".to_owned()]));
        world.stop_mappers().await;
    }
}
