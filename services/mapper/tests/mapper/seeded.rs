//! Tests of people who were off before obligations were introduced.

use std::time::Duration;

use lifecycle::{
    Event, EventKind, LeaverCause, LeaversReply, LeaversRequest, MapperStatus, ObligationState, verbs,
};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};

use crate::operators::ask;
use crate::world::{EVERYBODY, World, event, joined};

/// More than one page of the sweep.
const LEAVERS: usize = 230;
const LEAVERS_LISTED: i64 = 230;

impl World {
    /// Turns the database into one of the version before obligations. Mappers must be stopped.
    async fn forget_obligations(&self) {
        for table in ["mapper_obligations", "mapper_sweeps", "mapper_chain", "mapper_chain_heads"] {
            self.execute(&format!("DROP TABLE {table}")).await;
        }
        let later = "DELETE FROM mapper_migrations WHERE version LIKE '%_keep_obligations' \
            OR version LIKE '%_keep_sweeps' OR version LIKE '%_keep_membership_obligations'";
        self.execute(later).await;
        self.execute("UPDATE mapper_desired SET revision = 2, version = 0").await;
    }

    async fn open(&self) -> LeaversReply {
        let request = LeaversRequest { limit: 1_000, ..LeaversRequest::default() };
        ask::<verbs::LeaversVerb>(self, request).await.unwrap()
    }

    async fn answers(&self) -> bool {
        let asked: Result<MapperStatus, _> =
            self.bus.ask::<verbs::MapperStatusVerb>(&(), Duration::from_secs(5)).await;
        asked.is_ok()
    }

    async fn obligations(&mut self, state: &str) -> i64 {
        self.count(&format!("SELECT count(*) AS n FROM mapper_obligations WHERE state = '{state}'")).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_were_off_before_the_upgrade_have_an_obligation_after_it_and_only_one() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let key = |n: usize| format!("E-{n:03}");
        let everybody: Vec<Event> = (0..LEAVERS + 20).map(|n| joined(&key(n), 1, "HR")).collect();
        world.send(&everybody).await;
        world.settle().await;
        let left: Vec<Event> =
            (0..LEAVERS).map(|n| event(EventKind::WorkerLeft, &key(n), 2, json!({}))).collect();
        world.send(&left).await;
        world.settle().await;
        world.stop_mappers().await;
        world.forget_obligations().await;
        let before = world.commands.len();

        world.start_mapper().await;
        world.until("each is listed", async |world| world.obligations("open").await == LEAVERS_LISTED).await;
        let done = "SELECT count(*) AS n FROM mapper_sweeps WHERE done_at IS NOT NULL";
        world.until("the sweep is done", async |world| world.count(done).await == 1).await;
        let open = world.open().await.leavers;
        assert!(open.iter().all(|it| it.cause == LeaverCause::Left && it.revision == 2), "{:?}", open[0]);
        assert!(open.iter().all(|it| it.effective_at == left[0].effective_at && !it.overdue));
        assert_eq!(world.commands.len(), before, "nothing is asked for once more");

        // A second replica, and a restart, find it done.
        world.start_mapper().await;
        world.stop_mappers().await;
        world.start_mapper().await;
        world.until("it answers", async |world| world.answers().await).await;
        assert_eq!(world.obligations("open").await, LEAVERS_LISTED);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_the_policy_kept_before_the_upgrade_is_listed_as_kept_after_it() {
    let keeps = EVERYBODY.replacen("users:\n", "users:\n  leaver: { action: none }\n", 1);
    let mut world = World::running(sqlite_database(), &keeps).await;
    world.send(&[joined("E-1", 1, "HR"), joined("E-2", 1, "HR")]).await;
    world.settle().await;
    world.send(&[event(EventKind::WorkerLeft, "E-1", 2, json!({}))]).await;
    world.settle().await;
    world.stop_mappers().await;
    world.forget_obligations().await;
    world.start_mapper().await;
    world.until("it is listed", async |world| world.obligations("kept_by_policy").await == 1).await;
    assert_eq!(world.open().await.leavers[0].state, ObligationState::KeptByPolicy);
    world.stop_mappers().await;
}
