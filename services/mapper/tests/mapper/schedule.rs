//! Tests of scheduled changes: listed, cancelled, and applied when their time has come.

use lifecycle::{
    AccountState, Actor, CancelScheduleReply, CancelScheduleRequest, Event, EventKind, ScheduleReply,
    ScheduleRequest, verbs,
};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};
use time::{Duration, OffsetDateTime};

use crate::operators::ask;
use crate::world::{EVERYBODY, World, event, joined};

/// Returns `event` with an effective date so many milliseconds from now.
fn in_ms(mut event: Event, ms: i64) -> Event {
    event.effective_at = OffsetDateTime::now_utc() + Duration::milliseconds(ms);
    event
}

const DAY: i64 = 24 * 3_600 * 1_000;

async fn schedule(world: &World, person: Option<&str>) -> ScheduleReply {
    let person = person.map(str::to_owned);
    let request = ScheduleRequest { person, limit: 100, ..ScheduleRequest::default() };
    ask::<verbs::ScheduleVerb>(world, request).await.unwrap()
}

async fn cancel(world: &World, what: &[&str]) -> CancelScheduleReply {
    let what = what.iter().map(|what| (*what).to_owned()).collect();
    let actor = Actor { who: "alice".to_owned(), why: "they stay".to_owned() };
    ask::<verbs::CancelScheduleVerb>(world, CancelScheduleRequest { what, actor }).await.unwrap()
}

fn with_grace() -> String {
    EVERYBODY.replacen("users:\n", "users:\n  leaver: { action: disable, deleteAfterDays: 30 }\n", 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_moment_is_listed_with_what_it_does_at_the_target_down_to_the_deletion_after_grace() {
    for database in test_databases() {
        let mut world = World::running(database, &with_grace()).await;
        let moves = event(EventKind::WorkerChanged, "E-1", 3, json!({ "department": "Sales" }));
        let leaves = event(EventKind::WorkerLeft, "E-1", 4, json!({}));
        let hired = joined("E-2", 5, "HR");
        world
            .send(&[joined("E-1", 1, "HR"), in_ms(moves, DAY), in_ms(leaves, 3 * DAY), in_ms(hired, 2 * DAY)])
            .await;
        world.settle().await;
        let reply = schedule(&world, None).await;
        let told: Vec<String> = reply
            .changes
            .iter()
            .map(|change| {
                let said = change.said.first();
                let word = said.map_or("", |said| said.employment.as_deref().unwrap_or("changes"));
                let effects = change.effects.iter();
                let effects: Vec<String> = effects
                    .map(|effect| format!("{}->{} {}", effect.from, effect.to, effect.changed.join(",")))
                    .collect();
                format!("{} {word} {}", change.person, effects.join(";"))
            })
            .collect();
        assert_eq!(
            told,
            [
                "E-1 changes active->active department",
                "E-1 leaves active->disabled ",
                "E-1  disabled->deleted ",
                "E-2 joins none->active ",
            ]
        );
        let grace = &reply.changes[2];
        assert_eq!(grace.at - reply.changes[1].at, Duration::days(30));
        assert!(grace.said.is_empty() && grace.effects[0].reason.contains("30 days of grace"), "{grace:?}");
        let said = &reply.changes[0].said[0];
        assert_eq!(
            (said.source.as_deref(), said.attributes.as_slice()),
            (Some("hr"), &["department".to_owned()][..])
        );
        assert!(said.event.is_some());
        let status: lifecycle::MapperStatus = ask::<verbs::MapperStatusVerb>(&world, ()).await.unwrap();
        assert_eq!(status.scheduled, 2);
        // By login name, until a certain time, and one person at a time.
        assert_eq!(schedule(&world, Some("E-2@example.org")).await.changes.len(), 1);
        let until = Some(OffsetDateTime::now_utc() + Duration::days(2) - Duration::HOUR);
        let request = ScheduleRequest { until, limit: 100, ..ScheduleRequest::default() };
        let soon: ScheduleReply = ask::<verbs::ScheduleVerb>(&world, request).await.unwrap();
        assert_eq!(soon.changes.len(), 1, "{soon:?}");
        let first = ScheduleRequest { limit: 1, ..ScheduleRequest::default() };
        let page: ScheduleReply = ask::<verbs::ScheduleVerb>(&world, &first).await.unwrap();
        assert_eq!(page.changes.len(), 3);
        let second = ScheduleRequest { cursor: page.next_cursor, ..first };
        let page: ScheduleReply = ask::<verbs::ScheduleVerb>(&world, second).await.unwrap();
        assert_eq!(page.changes.len(), 1);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_does_not_come_and_the_source_may_set_it_anew() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let leaves = in_ms(event(EventKind::WorkerLeft, "E-1", 4, json!({})), DAY);
        let (moves, at) = (event(EventKind::WorkerChanged, "E-2", 3, json!({ "department": "B" })), 2 * DAY);
        world.send(&[joined("E-1", 1, "HR"), joined("E-2", 1, "HR"), leaves.clone(), in_ms(moves, at)]).await;
        world.settle().await;
        let id = schedule(&world, Some("E-1")).await.changes[0].said[0].id.clone();
        let reply = cancel(&world, &[id.as_str(), "E-2", "nobody", "E-1"]).await;
        let people: Vec<&str> = reply.cancelled.iter().map(|done| done.person.as_str()).collect();
        assert_eq!(people, ["E-1", "E-2"]);
        let not: Vec<&str> = reply.not_cancelled.iter().map(|not| not.what.as_str()).collect();
        assert_eq!(not, ["nobody"], "E-1 was meant twice");
        assert_eq!(schedule(&world, None).await.changes, []);
        let again = cancel(&world, &[id.as_str(), "E-1"]).await;
        assert_eq!((again.cancelled.len(), again.not_cancelled.len()), (0, 2), "{again:?}");
        let status: lifecycle::MapperStatus = ask::<verbs::MapperStatusVerb>(&world, ()).await.unwrap();
        assert_eq!(status.scheduled, 0);
        // The same statement, made again after it was cancelled.
        let mut anew = event(EventKind::WorkerLeft, "E-1", 5, json!({}));
        anew.effective_at = leaves.effective_at;
        anew.time = OffsetDateTime::now_utc();
        world.send(&[anew]).await;
        world.settle().await;
        let reply = schedule(&world, Some("E-1")).await;
        assert_eq!(reply.changes.len(), 1);
        assert_ne!(reply.changes[0].said[0].id, id);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_due_while_no_mapper_ran_is_done_at_the_next_start_and_ends_as_the_last_of_it_says() {
    for database in test_databases() {
        let name = database.name;
        let mut world = World::running(database, EVERYBODY).await;
        let there = ["E-1", "E-2", "E-3"].map(|key| joined(key, 1, "HR"));
        world.send(&there).await;
        world.settle().await;
        let soon = 1_500;
        let change = |kind, key, said, ms| in_ms(event(kind, key, said, json!({})), ms);
        world
            .send(&[
                change(EventKind::WorkerLeft, "E-1", 10, soon),
                change(EventKind::WorkerLeft, "E-2", 11, soon + 1),
                change(EventKind::WorkerRehired, "E-2", 12, soon + 2),
                change(EventKind::WorkerLeft, "E-3", 13, 60 * 60 * 1_000),
            ])
            .await;
        world.settle().await;
        world.stop_mappers().await;
        let passed = OffsetDateTime::now_utc() + Duration::milliseconds(soon + 10);
        world.until("the moments have passed", async |_| OffsetDateTime::now_utc() > passed).await;
        assert_eq!(world.state("E-1"), Some(AccountState::Active), "{name}: nobody was there to see it");
        world.start_mapper().await;
        world
            .until("what came due is done", async |world| world.state("E-1") == Some(AccountState::Disabled))
            .await;
        world.settle().await;
        assert_eq!(world.state("E-2"), Some(AccountState::Active), "{name}");
        assert_eq!(world.state("E-3"), Some(AccountState::Active), "{name}: that is still to come");
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_that_mappings_look_at_is_nothing_that_is_scheduled() {
    let policy = EVERYBODY.replacen(
        "    - { target: department, source: department }\n",
        "    - { target: title, expression: 'Now()' }\n",
        1,
    );
    let mut world = World::running(sqlite_database(), &policy).await;
    world.send(&[joined("E-1", 1, "HR")]).await;
    world.settle().await;
    let due = "SELECT count(*) AS n FROM mapper_identities WHERE next_due_at IS NOT NULL";
    assert_eq!(world.count(due).await, 1);
    assert_eq!(schedule(&world, None).await.changes, []);
    let status: lifecycle::MapperStatus = ask::<verbs::MapperStatusVerb>(&world, ()).await.unwrap();
    assert_eq!(status.scheduled, 0);
    world.stop_mappers().await;
}
