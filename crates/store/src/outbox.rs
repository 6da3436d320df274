//! The outbox: the messages that a transaction must publish, stored by that transaction.
//!
//! The messages of one transaction are stored in one row for each [`OutboxLane`], so that facts never delay a command.
//! A row is deleted after the bus has stored its messages. A row that still exists after a crash is published again,
//! which is harmless because every consumer is idempotent. Messages that can never be published are set aside with
//! their cause: they stay in the table, where they are listed, and do not count among the waiting rows.

mod aside;
mod columns;
mod lane;
mod waiting;

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use time::OffsetDateTime;

use crate::StoreError;
pub use aside::{
    SetAside, count_set_aside, get_set_aside, mark_aside, put_aside, set_aside, set_aside_of, take_back,
};
pub use columns::{add_lanes, create_outbox, drop_outbox, remove_lanes};
pub use lane::OutboxLane;
use waiting::read_rows;
pub use waiting::{OutboxBacklog, ROWS_PER_PAGE, lane_backlog, of_subject, stale_rows, unpublished};

/// A row that waits to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// The key of the row.
    pub id: String,
    /// The time at which the row was written, in microseconds since the Unix epoch.
    pub created_at: i64,
    /// The messages, as an opaque text.
    pub messages: String,
}

/// Returns the name of the service's outbox table.
fn outbox_table(service: &str) -> Alias {
    Alias::new(format!("{service}_outbox"))
}

fn outbox_column(name: &str) -> Expr {
    Expr::col(Alias::new(name))
}

/// Stores `messages` (an opaque text) under `id`, which must be new.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn put_row(
    tx: &DatabaseTransaction,
    service: &str,
    lane: OutboxLane,
    id: &str,
    now: OffsetDateTime,
    messages: String,
) -> Result<(), StoreError> {
    insert_row(tx, service, lane, id, unix_micros(now), messages, None).await
}

/// Inserts a row. A row with a `cause` is set aside, and is not inserted if its id exists.
async fn insert_row(
    tx: &DatabaseTransaction,
    service: &str,
    lane: OutboxLane,
    id: &str,
    created_at: i64,
    messages: String,
    cause: Option<&str>,
) -> Result<(), StoreError> {
    let size = i64::try_from(messages.len()).unwrap_or(i64::MAX);
    let mut statement = Query::insert()
        .into_table(outbox_table(service))
        .columns(["id", "created_at", "messages", "lane", "size", "set_aside"].map(Alias::new))
        .values_panic([
            id.into(),
            created_at.into(),
            messages.into(),
            lane.rank().into(),
            size.into(),
            cause.map(str::to_owned).into(),
        ])
        .to_owned();
    if cause.is_some() {
        let there = sea_orm::sea_query::OnConflict::column(Alias::new("id")).do_nothing().to_owned();
        statement.on_conflict(there);
    }
    tx.execute(&statement).await.map_err(StoreError::statement("write the outbox"))?;
    Ok(())
}

/// Replaces the messages of a row with those that must still be published.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn replace_messages(
    tx: &DatabaseTransaction,
    service: &str,
    lane: OutboxLane,
    id: &str,
    messages: String,
) -> Result<(), StoreError> {
    let size = i64::try_from(messages.len()).unwrap_or(i64::MAX);
    let statement = Query::update()
        .table(outbox_table(service))
        .value(Alias::new("messages"), messages)
        .value(Alias::new("size"), size)
        .value(Alias::new("lane"), lane.rank())
        .and_where(outbox_column("id").eq(id))
        .to_owned();
    tx.execute(&statement).await.map_err(StoreError::statement("write the outbox"))?;
    Ok(())
}

/// Returns the row `id`, if there is one.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn get_row(
    connection: &impl ConnectionTrait,
    service: &str,
    id: &str,
) -> Result<Option<OutboxRow>, StoreError> {
    let statement = Query::select()
        .columns(["id", "created_at", "messages"].map(Alias::new))
        .from(outbox_table(service))
        .and_where(outbox_column("id").eq(id))
        .to_owned();
    Ok(read_rows(connection, &statement).await?.pop())
}

/// Deletes rows whose messages are published.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn delete_rows(
    connection: &impl ConnectionTrait,
    service: &str,
    ids: &[String],
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let statement = Query::delete()
        .from_table(outbox_table(service))
        .and_where(outbox_column("id").is_in(ids.iter().cloned()))
        .to_owned();
    connection.execute(&statement).await.map_err(StoreError::statement("clear the outbox"))?;
    Ok(())
}

/// Returns the time in microseconds since the Unix epoch.
fn unix_micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}
