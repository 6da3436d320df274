use sea_orm::{ConnectionTrait, Statement};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;

use crate::lease::{self, TableLease};
use crate::outbox::{self, OutboxLane};
use crate::quarantine::{self, ItemPage, QuarantineReason, QuarantinedItem};
use crate::{ListPosition, Store, testing};

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
        lease::create_leases(manager, "test").await?;
        outbox::create_outbox(manager, "test").await?;
        outbox::add_lanes(manager, "test").await?;
        quarantine::create_quarantine(manager, "test").await
    }
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        quarantine::drop_quarantine(manager, "test").await?;
        outbox::remove_lanes(manager, "test").await?;
        outbox::drop_outbox(manager, "test").await?;
        lease::drop_leases(manager, "test").await
    }
}

async fn waiting(store: &Store, lane: OutboxLane, before: OffsetDateTime) -> Vec<String> {
    let rows = outbox::stale_rows(store.reader(), "test", lane, before, None).await.unwrap();
    rows.into_iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn an_outbox_row_is_there_exactly_from_commit_to_delete() {
    for database in testing::test_databases() {
        let store = Store::open::<Migrator>(&database.url).await.unwrap();
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
        let later = now + time::Duration::seconds(1);

        let dropped = store.begin().await.unwrap();
        outbox::put_row(&dropped, "test", OutboxLane::Commands, "a", now, "[]".into()).await.unwrap();
        dropped.rollback().await.unwrap();
        assert!(waiting(&store, OutboxLane::Commands, later).await.is_empty(), "{}", database.name);

        let kept = store.begin().await.unwrap();
        outbox::put_row(&kept, "test", OutboxLane::Commands, "b", now, "[1]".into()).await.unwrap();
        kept.commit().await.unwrap();
        assert!(waiting(&store, OutboxLane::Commands, now).await.is_empty(), "not older than itself");
        assert!(waiting(&store, OutboxLane::Facts, later).await.is_empty(), "a lane of its own");
        assert_eq!(waiting(&store, OutboxLane::Commands, later).await, ["b"]);

        outbox::delete_rows(store.writer(), "test", &["b".into()]).await.unwrap();
        assert!(waiting(&store, OutboxLane::Commands, later).await.is_empty(), "{}", database.name);
    }
}

#[tokio::test]
async fn every_page_of_the_outbox_is_found_once_and_what_is_set_aside_on_none() {
    for database in testing::test_databases() {
        let store = Store::open::<Migrator>(&database.url).await.unwrap();
        let now = OffsetDateTime::UNIX_EPOCH;
        let later = now + time::Duration::seconds(1);
        let tx = store.begin().await.unwrap();
        for n in 0..100 {
            outbox::put_row(&tx, "test", OutboxLane::Facts, &format!("{n:03}"), now, "[1]".into())
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        outbox::mark_aside(store.writer(), "test", "007", "too large").await.unwrap();
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = outbox::stale_rows(store.reader(), "test", OutboxLane::Facts, later, after.as_ref())
                .await
                .unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            found.extend(page.into_iter().map(|row| row.id));
        }
        assert_eq!(found.len(), 99, "{}", database.name);
        let backlog = outbox::lane_backlog(store.reader(), "test", OutboxLane::Facts).await.unwrap();
        assert_eq!((backlog.rows, backlog.bytes, backlog.oldest), (99, 99 * 3, Some(0)));
        let aside = outbox::set_aside(store.reader(), "test", None, 10).await.unwrap();
        assert_eq!((aside[0].id.as_str(), aside[0].cause.as_str()), ("007", "too large"));
        assert!(outbox::get_set_aside(store.reader(), "test", "008").await.unwrap().is_none());
        assert!(outbox::get_set_aside(store.reader(), "test", "007").await.unwrap().is_some());
        assert!(outbox::take_back(store.writer(), "test", "007").await.unwrap());
        assert_eq!(outbox::count_set_aside(store.reader(), "test").await.unwrap(), 0);
    }
}

/// Reads all rows that are set aside, two at a time, as the list of several services does.
async fn pages_set_aside(store: &Store, mut after: Option<ListPosition>) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let page = outbox::set_aside(store.reader(), "test", after.as_ref(), 2).await.unwrap();
        let Some(last) = page.last() else { return found };
        let (at, service, id) = (last.created_at, "test".to_owned(), last.id.clone());
        after = Some(ListPosition { is_departure: false, at, service, id });
        found.extend(page.into_iter().map(|row| row.id));
    }
}

#[tokio::test]
async fn what_is_set_aside_is_read_page_by_page_also_from_a_position_of_another_service() {
    for database in testing::test_databases() {
        let store = Store::open::<Migrator>(&database.url).await.unwrap();
        let tx = store.begin().await.unwrap();
        for (n, second) in [(0, 0), (1, 0), (2, 0), (3, 1), (4, 2)] {
            let at = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(second);
            let id = format!("{n}");
            outbox::put_row(&tx, "test", OutboxLane::Facts, &id, at, "[1]".into()).await.unwrap();
        }
        tx.commit().await.unwrap();
        for n in 0..5 {
            outbox::mark_aside(store.writer(), "test", &n.to_string(), "too large").await.unwrap();
        }
        assert_eq!(pages_set_aside(&store, None).await, ["0", "1", "2", "3", "4"], "{}", database.name);
        let at_zero = |service: &str, id: &str| {
            let (service, id) = (service.to_owned(), id.to_owned());
            Some(ListPosition { is_departure: false, at: 0, service, id })
        };
        let from = async |service: &str, id: &str| pages_set_aside(&store, at_zero(service, id)).await;
        assert_eq!(from("test", "1").await, ["2", "3", "4"], "its own position");
        assert_eq!(from("other", "9").await, ["0", "1", "2", "3", "4"], "its rows come after");
        assert_eq!(from("zzz", "0").await, ["3", "4"], "its rows come before");
    }
}

#[tokio::test]
async fn the_quarantine_is_read_page_by_page_with_departures_first() {
    for database in testing::test_databases() {
        let store = Store::open::<Migrator>(&database.url).await.unwrap();
        for (sequence, at, is_departure) in
            [(1, 5, false), (2, 5, false), (3, 9, true), (4, 9, true), (5, 1, false)]
        {
            let mut item = QuarantinedItem::message("S", sequence, QuarantineReason::Unreadable, at);
            item.is_departure = is_departure;
            quarantine::put_item(store.writer(), "test", &item).await.unwrap();
        }
        for limit in 1..=5 {
            let (mut found, mut cursor) = (Vec::new(), None);
            loop {
                let after = cursor.as_deref().map(|text| ListPosition::parse(text).unwrap());
                let page = ItemPage::read(&store, "test", after.as_ref(), limit).await.unwrap();
                found.extend(page.items.into_iter().map(|item| item.sequence));
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(found, [3, 4, 5, 1, 2], "{} by {limit}", database.name);
        }
        assert_eq!(ItemPage::read(&store, "test", None, 0).await.unwrap(), ItemPage::default());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_together_on_an_empty_database_all_open_it() {
    let Some(database) = testing::postgres_database() else { return };
    let opened = (0..8).map(|_| {
        let url = database.url.clone();
        tokio::spawn(async move { Store::open::<Migrator>(&url).await.map(drop) })
    });
    for opened in opened.collect::<Vec<_>>() {
        opened.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_in_words_for_an_operator() {
    for database in testing::test_databases() {
        let store = Store::open::<Migrator>(&database.url).await.unwrap();
        let newer = "INSERT INTO test_migrations (version, applied_at) VALUES ('m0999_later', 1)";
        store.writer().execute_unprepared(newer).await.unwrap();
        let error = Store::open::<Migrator>(&database.url).await.unwrap_err().to_string();
        assert!(error.contains("newer version of Usher") && error.contains("m0999_later"), "{error}");
        assert!(error.contains("restore the database"), "{error}");
    }
}

#[tokio::test]
async fn a_second_row_with_the_same_key_is_a_conflict() {
    for database in testing::test_databases() {
        let store = Store::open::<Migrator>(&database.url).await.unwrap();
        let now = OffsetDateTime::UNIX_EPOCH;
        let first = store.begin().await.unwrap();
        outbox::put_row(&first, "test", OutboxLane::Commands, "a", now, "[]".into()).await.unwrap();
        first.commit().await.unwrap();
        let second = store.begin().await.unwrap();
        let error =
            outbox::put_row(&second, "test", OutboxLane::Commands, "a", now, "[]".into()).await.unwrap_err();
        assert!(error.is_conflict(), "{}: {error:?}", database.name);
    }
}

#[tokio::test]
async fn sqlite_commits_are_durable_and_the_url_never_leaks() {
    let database = testing::sqlite_database();
    let store = Store::open::<Migrator>(&database.url).await.unwrap();
    let statement = Statement::from_string(store.backend(), "PRAGMA synchronous");
    let row = store.writer().query_one_raw(statement).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<i32>(0).unwrap(), 2, "FULL");

    let error = Store::connect("mysql://root:hunter2@localhost/x").await.unwrap_err();
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_transaction_that_was_left_open_does_not_keep_its_locks() {
    let Some(database) = testing::postgres_database() else { return };
    let store = Store::open::<Migrator>(&database.url).await.unwrap();
    let show = Statement::from_string(store.backend(), "SHOW idle_in_transaction_session_timeout");
    let mut open = Vec::new();
    for _ in 0..4 {
        let tx = store.begin().await.unwrap();
        let row = tx.query_one_raw(show.clone()).await.unwrap().unwrap();
        assert_eq!(row.try_get_by_index::<String>(0).unwrap(), "4s", "on every connection");
        open.push(tx);
    }
}

#[tokio::test]
async fn what_waits_of_one_subject_is_found_by_its_name() {
    for database in testing::test_databases() {
        let store = Store::open::<Migrator>(&database.url).await.unwrap();
        let now = OffsetDateTime::UNIX_EPOCH;
        let tx = store.begin().await.unwrap();
        for id in ["a_/1", "a_/2", "ab/1", "a_", "A_/1"] {
            outbox::put_row(&tx, "test", OutboxLane::Commands, id, now, id.into()).await.unwrap();
        }
        tx.commit().await.unwrap();
        let found = outbox::of_subject(store.reader(), "test", "a_").await.unwrap();
        let ids: Vec<&str> =
            found.iter().map(|row| row.id.as_str()).filter(|id| !id.starts_with('A')).collect();
        assert_eq!(ids, ["a_/1", "a_/2"], "{}", database.name);
    }
}

#[tokio::test]
async fn one_owner_at_a_time_holds_a_lease_and_an_old_one_cannot_renew_it() {
    for database in testing::test_databases() {
        let store = Store::open::<Migrator>(&database.url).await.unwrap();
        let term = std::time::Duration::from_secs(60);
        let take = async |name: &str, owner: &str, term| {
            TableLease::acquire(&store, "test", name, owner, term).await.unwrap()
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
