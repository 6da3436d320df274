use sea_orm::{ConnectionTrait, Statement};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;

use crate::lease::{self, Lease};
use crate::{Store, outbox, testing};

struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(First)]
    }
    fn migration_table_name() -> DynIden {
        "test_migrations".into_iden()
    }
}

struct First;

impl MigrationName for First {
    fn name(&self) -> &str {
        "first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for First {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        lease::create(manager, "test").await?;
        outbox::create(manager, "test").await
    }
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        outbox::drop(manager, "test").await?;
        lease::drop(manager, "test").await
    }
}

#[tokio::test]
async fn an_outbox_row_is_there_exactly_from_commit_to_delete() {
    for database in testing::databases() {
        let store = Store::open::<Migrator>(&database.url).await.unwrap();
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
        let later = now + time::Duration::seconds(1);

        let dropped = store.begin().await.unwrap();
        outbox::put(&dropped, "test", "a", now, "[]".into()).await.unwrap();
        dropped.rollback().await.unwrap();
        assert!(outbox::stale(store.reader(), "test", later).await.unwrap().is_empty(), "{}", database.name);

        let kept = store.begin().await.unwrap();
        outbox::put(&kept, "test", "b", now, "[1]".into()).await.unwrap();
        kept.commit().await.unwrap();
        assert!(
            outbox::stale(store.reader(), "test", now).await.unwrap().is_empty(),
            "not older than itself"
        );
        assert_eq!(outbox::stale(store.reader(), "test", later).await.unwrap(), [("b".into(), "[1]".into())]);

        outbox::delete(store.writer(), "test", &["b".into()]).await.unwrap();
        assert!(outbox::stale(store.reader(), "test", later).await.unwrap().is_empty(), "{}", database.name);
    }
}

#[tokio::test]
async fn a_second_row_with_the_same_key_is_a_conflict() {
    for database in testing::databases() {
        let store = Store::open::<Migrator>(&database.url).await.unwrap();
        let now = OffsetDateTime::UNIX_EPOCH;
        let first = store.begin().await.unwrap();
        outbox::put(&first, "test", "a", now, "[]".into()).await.unwrap();
        first.commit().await.unwrap();
        let second = store.begin().await.unwrap();
        let error = outbox::put(&second, "test", "a", now, "[]".into()).await.unwrap_err();
        assert!(error.is_conflict(), "{}: {error:?}", database.name);
    }
}

#[tokio::test]
async fn sqlite_commits_are_durable_and_the_url_never_leaks() {
    let database = testing::sqlite();
    let store = Store::open::<Migrator>(&database.url).await.unwrap();
    let statement = Statement::from_string(store.backend(), "PRAGMA synchronous");
    let row = store.writer().query_one_raw(statement).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<i32>(0).unwrap(), 2, "FULL");

    let error = Store::connect("mysql://root:hunter2@localhost/x").await.unwrap_err();
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_transaction_that_was_left_open_does_not_keep_its_locks() {
    let Some(database) = testing::postgres() else { return };
    let store = Store::open::<Migrator>(&database.url).await.unwrap();
    let show = Statement::from_string(store.backend(), "SHOW idle_in_transaction_session_timeout");
    let mut open = Vec::new();
    for _ in 0..4 {
        let tx = store.begin().await.unwrap();
        let row = tx.query_one_raw(show.clone()).await.unwrap().unwrap();
        assert_eq!(row.try_get_by_index::<String>(0).unwrap(), "10s", "on every connection");
        open.push(tx);
    }
}

#[tokio::test]
async fn what_waits_of_one_subject_is_found_by_its_name() {
    for database in testing::databases() {
        let store = Store::open::<Migrator>(&database.url).await.unwrap();
        let now = OffsetDateTime::UNIX_EPOCH;
        let tx = store.begin().await.unwrap();
        for id in ["a_/1", "a_/2", "ab/1", "a_", "A_/1"] {
            outbox::put(&tx, "test", id, now, id.into()).await.unwrap();
        }
        tx.commit().await.unwrap();
        let found = outbox::of_subject(store.reader(), "test", "a_").await.unwrap();
        let ids: Vec<&str> =
            found.iter().map(|(id, _)| id.as_str()).filter(|id| !id.starts_with('A')).collect();
        assert_eq!(ids, ["a_/1", "a_/2"], "{}", database.name);
    }
}

#[tokio::test]
async fn one_owner_at_a_time_holds_a_lease_and_an_old_one_cannot_renew_it() {
    for database in testing::databases() {
        let store = Store::open::<Migrator>(&database.url).await.unwrap();
        let term = std::time::Duration::from_secs(60);
        let take = async |name: &str, owner: &str, term| {
            Lease::acquire(&store, "test", name, owner, term).await.unwrap()
        };
        let first = take("hr", "a", term).await.unwrap();
        assert_eq!(take("hr", "b", term).await, None, "{}", database.name);
        assert!(take("other", "b", term).await.is_some());
        assert!(first.renew(&store).await.unwrap());

        first.release(&store).await.unwrap();
        let second = take("hr", "b", std::time::Duration::ZERO).await.unwrap();
        assert!(!first.renew(&store).await.unwrap(), "{}", database.name);
        let third = take("hr", "a", term).await.expect("the term of the second is over");
        assert!(!second.renew(&store).await.unwrap() && third.renew(&store).await.unwrap());
        let restarted = take("hr", "a", term).await.expect("its own");
        assert!(!third.renew(&store).await.unwrap() && restarted.renew(&store).await.unwrap());
    }
}
