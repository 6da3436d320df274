//! One replica at a time does the work of a lease.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use sea_orm_migration::prelude::*;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use store::Store;
use store::lease::{TableLease, create_leases, drop_leases};
use store::ownership::{HeldLease, LeasedWork, OwnershipTerms, run_owned};
use store::testing::{self, TestDatabase};

struct LeaseMigrator;

#[async_trait::async_trait]
impl MigratorTrait for LeaseMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(CreateLeases)]
    }
}

struct CreateLeases;

impl MigrationName for CreateLeases {
    fn name(&self) -> &str {
        "create_leases"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateLeases {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_leases(manager, "test").await
    }
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_leases(manager, "test").await
    }
}

/// What the work of a replica does, as it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Begun,
    Over { was_held: bool },
    Dropped,
}

/// Reports that work was dropped.
struct DroppedWork<'w>(&'w ReportingWork);

impl Drop for DroppedWork<'_> {
    fn drop(&mut self) {
        let _ = self.0.seen.send(Seen::Dropped);
    }
}

/// Work that does nothing but report that it runs.
struct ReportingWork {
    seen: UnboundedSender<Seen>,
    /// `true` if it ends when its lease does.
    ends: bool,
}

impl LeasedWork for ReportingWork {
    async fn work(&self, lease: &HeldLease) {
        let _ = self.seen.send(Seen::Begun);
        lease.over().await;
        let _ = self.seen.send(Seen::Over { was_held: lease.is_held() });
        if !self.ends {
            let _dropped = DroppedWork(self);
            std::future::pending().await
        }
    }
}

/// A replica that runs the work.
struct TestReplica {
    seen: UnboundedReceiver<Seen>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

fn terms_of(replica: &str, length: Duration) -> OwnershipTerms {
    OwnershipTerms {
        service: "test",
        name: "hr".to_owned(),
        replica: replica.to_owned(),
        length,
        renew_every: Duration::from_millis(20),
        claim_every: Duration::from_millis(20),
        ending_max: Duration::from_secs(60),
    }
}

impl TestReplica {
    fn start(store: &Store, terms: OwnershipTerms, ends: bool) -> Self {
        let (sender, seen) = mpsc::unbounded_channel();
        let (store, stop) = (store.clone(), CancellationToken::new());
        let (work, stopped) = (ReportingWork { seen: sender, ends }, stop.clone());
        let running = tokio::spawn(async move { run_owned(&store, &terms, &work, stopped).await });
        Self { seen, stop, running }
    }

    async fn sees(&mut self) -> Seen {
        self.seen.recv().await.expect("the replica runs")
    }

    async fn end(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}

async fn opened(database: &TestDatabase) -> Store {
    Store::open::<LeaseMigrator>(&database.url).await.unwrap()
}

/// Returns the end of the lease as the database has it, in microseconds since the Unix epoch.
async fn lease_end(store: &Store) -> i64 {
    let row = store.reader().query_one_raw(sea_orm::Statement::from_string(
        store.backend(),
        "SELECT lease_until FROM test_leases WHERE name = 'hr'",
    ));
    row.await.unwrap().unwrap().try_get("", "lease_until").unwrap()
}

const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_second_replica_takes_over_when_the_lease_of_a_silent_one_ends() {
    for database in testing::test_databases() {
        let store = opened(&database).await;
        let length = Duration::from_millis(300);
        // A replica that was killed: it never renews.
        TableLease::acquire(&store, "test", "hr", "a", length).await.unwrap().unwrap();
        let ends = lease_end(&store).await;
        let mut second = TestReplica::start(&store, terms_of("b", LONG), true);
        assert_eq!(second.sees().await, Seen::Begun);
        assert!(store.now().await.unwrap() >= ends, "{}: it waits for the end", database.name);
        second.end().await;
    }
}

#[tokio::test]
async fn a_replica_that_renews_keeps_its_lease_and_hands_it_over_when_it_stops() {
    for database in testing::test_databases() {
        let store = opened(&database).await;
        let mut first = TestReplica::start(&store, terms_of("a", LONG), true);
        assert_eq!(first.sees().await, Seen::Begun);
        let before = lease_end(&store).await;
        let mut second = TestReplica::start(&store, terms_of("b", LONG), true);
        while lease_end(&store).await == before {
            tokio::task::yield_now().await;
        }
        assert!(second.seen.try_recv().is_err(), "{}: one at a time", database.name);
        first.end().await;
        assert_eq!(second.sees().await, Seen::Begun, "{}: long before the end of the term", database.name);
        second.end().await;
    }
}

#[tokio::test]
async fn a_lost_lease_stops_the_work_and_it_begins_again_when_the_lease_is_free() {
    for database in testing::test_databases() {
        let store = opened(&database).await;
        let mut first = TestReplica::start(&store, terms_of("a", LONG), true);
        assert_eq!(first.sees().await, Seen::Begun);
        // Its term is over as the database sees it, and another replica is faster than its renewal.
        let taken = loop {
            let expire = "UPDATE test_leases SET lease_until = 0 WHERE name = 'hr'";
            store.writer().execute_unprepared(expire).await.unwrap();
            if let Some(taken) = TableLease::acquire(&store, "test", "hr", "b", LONG).await.unwrap() {
                break taken;
            }
        };
        assert_eq!(first.sees().await, Seen::Over { was_held: false }, "{}", database.name);
        taken.release(&store).await.unwrap();
        assert_eq!(first.sees().await, Seen::Begun, "{}", database.name);
        first.end().await;
    }
}

#[tokio::test]
async fn work_stops_when_the_database_is_away_until_the_lease_ends() {
    let Some(mut database) = testing::postgres_database() else { return };
    let store = opened(&database).await;
    let mut first = TestReplica::start(&store, terms_of("a", Duration::from_secs(1)), true);
    assert_eq!(first.sees().await, Seen::Begun);
    database.kill();
    assert_eq!(first.sees().await, Seen::Over { was_held: false });
    database.restart();
    assert_eq!(first.sees().await, Seen::Begun, "it is claimed again");
    first.end().await;
}

#[tokio::test]
async fn work_that_does_not_end_is_dropped_and_its_lease_released() {
    let database = testing::sqlite_database();
    let store = opened(&database).await;
    let terms = OwnershipTerms { ending_max: Duration::ZERO, ..terms_of("a", LONG) };
    let mut first = TestReplica::start(&store, terms, false);
    assert_eq!(first.sees().await, Seen::Begun);
    first.end().await;
    let second = TableLease::acquire(&store, "test", "hr", "b", LONG).await.unwrap();
    assert!(second.is_some());
}

#[tokio::test]
async fn work_that_does_not_end_is_dropped_when_another_replica_has_its_lease() {
    for database in testing::test_databases() {
        let store = opened(&database).await;
        // Far longer than the test may take.
        let terms = OwnershipTerms { ending_max: LONG, ..terms_of("a", LONG) };
        let mut first = TestReplica::start(&store, terms, false);
        assert_eq!(first.sees().await, Seen::Begun);
        loop {
            let expire = "UPDATE test_leases SET lease_until = 0 WHERE name = 'hr'";
            store.writer().execute_unprepared(expire).await.unwrap();
            if TableLease::acquire(&store, "test", "hr", "b", LONG).await.unwrap().is_some() {
                break;
            }
        }
        assert_eq!(first.sees().await, Seen::Over { was_held: false }, "{}", database.name);
        assert_eq!(first.sees().await, Seen::Dropped, "{}", database.name);
        first.end().await;
    }
}

#[tokio::test]
async fn work_that_ends_by_itself_is_claimed_again() {
    struct ShortWork(Arc<tokio::sync::Semaphore>);
    impl LeasedWork for ShortWork {
        async fn work(&self, _: &HeldLease) {
            self.0.add_permits(1);
        }
    }
    let database = testing::sqlite_database();
    let store = opened(&database).await;
    let (runs, stop) = (Arc::new(tokio::sync::Semaphore::new(0)), CancellationToken::new());
    let (work, stopped) = (ShortWork(Arc::clone(&runs)), stop.clone());
    let running = tokio::spawn(async move { run_owned(&store, &terms_of("a", LONG), &work, stopped).await });
    runs.acquire_many(3).await.unwrap().forget();
    stop.cancel();
    running.await.unwrap();
}
