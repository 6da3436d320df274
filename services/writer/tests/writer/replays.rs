//! Many dead letters retried in an operation that runs in the background.

use lifecycle::{
    Actor, CancelReplayRequest, DesiredState, Fact, ReplayId, ReplayRun, ReplayRuns, ReplayRunsRequest,
    ReplayState, StartReplayRequest, verbs,
};
use sandbox::{FaultRule, InjectedFault};
use serde_json::json;
use store::testing::TestDatabase;

use crate::world::{TARGET, World, active};

fn actor() -> Actor {
    Actor { who: "ann".to_owned(), why: "ticket 7".to_owned() }
}

fn of_target(per_second: Option<u32>) -> StartReplayRequest {
    StartReplayRequest { ids: None, target: Some(TARGET.to_owned()), group: None, per_second, actor: actor() }
}

/// Starts a world with this number of people that could not be created before, and can be now.
async fn with_letters(count: usize) -> World {
    with_letters_in(store::testing::sqlite_database(), count).await
}

async fn with_letters_in(database: TestDatabase, count: usize) -> World {
    let world = World::over(database, "").await;
    let refused =
        InjectedFault::Status { status: 400, retry_after: None, scim_type: None, after_work: false };
    let rule = world.sandbox.faults().inject(FaultRule::new(refused).method("POST"));
    for n in 0..count {
        world.want(&format!("E-{n}"), 1, DesiredState::User(active(&format!("E-{n}"), json!({})))).await;
    }
    world.sandbox.faults().remove(rule);
    assert_eq!(open(&world).await, count);
    world
}

async fn open(world: &World) -> usize {
    world.query("SELECT id FROM writer_dead WHERE state = 'open'").await.len()
}

async fn run(world: &World, id: &ReplayId) -> ReplayRun {
    let request = ReplayRunsRequest { id: Some(id.clone()), ..ReplayRunsRequest::default() };
    let runs: ReplayRuns = world.ask::<verbs::ReplayRunsVerb>(&request).await.unwrap();
    runs.items.into_iter().next().unwrap()
}

async fn finished(world: &World, id: &ReplayId) -> ReplayRun {
    world.until("it is finished", async || run(world, id).await.state == ReplayState::Finished).await;
    run(world, id).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_letters_of_a_group_are_tried_again_with_who_and_why_and_a_second_time_nothing_is() {
    for database in store::testing::test_databases() {
        all_of_a_group(with_letters_in(database, 3).await).await;
    }
}

async fn all_of_a_group(world: World) {
    let group = format!("{TARGET}/user/create/permanent/400");
    let wanted = StartReplayRequest { target: None, group: Some(group.clone()), ..of_target(None) };
    let begun: ReplayRun = world.ask::<verbs::StartReplayVerb>(&wanted).await.unwrap();
    assert_eq!((begun.total, begun.group.as_deref()), (3, Some(&*group)));
    let ended = finished(&world, &begun.id).await;
    assert_eq!((ended.done, ended.outcomes), (3, [("queued".to_owned(), 3)].into()));
    assert_eq!((ended.who.as_str(), ended.why.as_str()), ("ann", "ticket 7"));
    for n in 0..3 {
        world.until("the account is there", async || world.user(&format!("E-{n}")).is_some()).await;
    }
    for outcome in ["started", "finished"] {
        world
            .told("the operation", |record| {
                matches!(&record.fact, Fact::ReplayRun { outcome: is, who, total: 3, .. } if is == outcome && who == "ann")
            })
            .await;
    }
    world
        .told("each letter", |record| matches!(&record.fact, Fact::Replayed { who, .. } if who == "ann"))
        .await;

    let again: ReplayRun = world.ask::<verbs::StartReplayVerb>(&wanted).await.unwrap();
    assert_eq!(finished(&world, &again.id).await.total, 0);
    let runs: ReplayRuns = world.ask::<verbs::ReplayRunsVerb>(&ReplayRunsRequest::default()).await.unwrap();
    let ids: Vec<_> = runs.items.into_iter().map(|run| run.id).collect();
    assert_eq!(ids, [again.id.clone(), begun.id.clone()], "the newest first");
    let mut request = ReplayRunsRequest { limit: Some(1), ..ReplayRunsRequest::default() };
    for id in [again.id, begun.id] {
        let page: ReplayRuns = world.ask::<verbs::ReplayRunsVerb>(&request).await.unwrap();
        assert_eq!(page.items.iter().map(|run| &run.id).collect::<Vec<_>>(), [&id], "page by page");
        request.cursor = page.next_cursor;
    }
    assert_eq!(request.cursor, None, "there are no more");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cancelled_leaves_the_letters_that_were_not_tried_yet() {
    // One letter a second: the cancellation comes long before the last one.
    let world = with_letters(50).await;
    let begun: ReplayRun = world.ask::<verbs::StartReplayVerb>(&of_target(Some(1))).await.unwrap();
    world.until("it has begun", async || run(&world, &begun.id).await.done > 0).await;
    let cancel = CancelReplayRequest { id: begun.id.clone(), actor: actor() };
    let ended: ReplayRun = world.ask::<verbs::CancelReplayVerb>(&cancel).await.unwrap();
    assert_eq!(ended.state, ReplayState::Cancelled);
    let done = usize::try_from(ended.done).unwrap();
    assert!((1..50).contains(&done), "{done}");
    world
        .told(
            "that it was cancelled",
            |record| matches!(&record.fact, Fact::ReplayRun { outcome, .. } if outcome == "cancelled"),
        )
        .await;
    assert_eq!(open(&world).await, 50 - done);
    let left = world.query("SELECT letter FROM writer_replay_letters").await;
    assert!(left.is_empty(), "no replica continues it");
    let again: Result<ReplayRun, _> = world.ask::<verbs::CancelReplayVerb>(&cancel).await;
    assert!(again.unwrap_err().to_string().contains("is not under way"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_replica_left_undone_is_carried_on() {
    for database in store::testing::test_databases() {
        carried_on(with_letters_in(database, 2).await).await;
    }
}

async fn carried_on(world: World) {
    let id = ReplayId::fresh();
    // A replica that was killed after the first of three letters leaves this state.
    world
        .execute(&format!(
            "INSERT INTO writer_replays (id, state, total, done, outcomes, who, why, started_at, runner, runner_until) \
             VALUES ('{id}', 'running', 3, 1, '{{\"superseded\": 1}}', 'ann', 'ticket 7', 0, 'gone', 1)"
        ))
        .await;
    world
        .execute(&format!(
            "INSERT INTO writer_replay_letters (replay, letter) SELECT '{id}', id FROM writer_dead"
        ))
        .await;
    let ended = finished(&world, &id).await;
    assert_eq!(ended.done, 3);
    assert_eq!(ended.outcomes, [("queued".to_owned(), 2), ("superseded".to_owned(), 1)].into());
    assert_eq!(open(&world).await, 0);
    world.stop().await;
}
