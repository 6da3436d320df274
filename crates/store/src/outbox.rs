//! The outbox: what a transaction decided to publish, stored by that transaction.
//!
//! One row holds everything that one transaction publishes. It is deleted after the bus has stored the messages; a
//! row that is still there after a crash is published again, which is harmless because every consumer is idempotent.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, LikeExpr, Order, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult};
use sea_orm_migration::prelude::{ColumnDef, SchemaManager, Table};
use time::OffsetDateTime;

use crate::StoreError;

/// How many rows one look at left-over rows returns.
pub const STALE_ROWS_MAX: u64 = 100;

fn table(service: &str) -> Alias {
    Alias::new(format!("{service}_outbox"))
}

/// Creates the service's outbox; for use in its first migration.
///
/// # Errors
/// As the database reports them.
pub async fn create(manager: &SchemaManager<'_>, service: &str) -> Result<(), sea_orm::DbErr> {
    manager
        .create_table(
            Table::create()
                .table(table(service))
                .col(ColumnDef::new("id").string().not_null().primary_key())
                .col(ColumnDef::new("created_at").big_integer().not_null())
                .col(ColumnDef::new("messages").text().not_null())
                .take(),
        )
        .await
}

/// Drops the service's outbox; for use in its first migration.
///
/// # Errors
/// As the database reports them.
pub async fn drop(manager: &SchemaManager<'_>, service: &str) -> Result<(), sea_orm::DbErr> {
    manager.drop_table(Table::drop().table(table(service)).take()).await
}

/// Stores `messages` (an opaque text) under `id`, which must be new.
///
/// # Errors
/// As the database reports them.
pub async fn put(
    tx: &DatabaseTransaction,
    service: &str,
    id: &str,
    now: OffsetDateTime,
    messages: String,
) -> Result<(), StoreError> {
    let statement = Query::insert()
        .into_table(table(service))
        .columns(["id", "created_at", "messages"].map(Alias::new))
        .values_panic([id.into(), micros(now).into(), messages.into()])
        .to_owned();
    tx.execute(&statement).await.map_err(StoreError::statement("write the outbox"))?;
    Ok(())
}

/// Deletes rows whose messages are published.
///
/// # Errors
/// As the database reports them.
pub async fn delete(
    connection: &impl ConnectionTrait,
    service: &str,
    ids: &[String],
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let statement = Query::delete()
        .from_table(table(service))
        .and_where(Expr::col(Alias::new("id")).is_in(ids.iter().cloned()))
        .to_owned();
    connection.execute(&statement).await.map_err(StoreError::statement("clear the outbox"))?;
    Ok(())
}

/// Rows written before `older_than` (oldest first, at most [`STALE_ROWS_MAX`]), as `(id, messages)`.
///
/// # Errors
/// As the database reports them.
pub async fn stale(
    connection: &impl ConnectionTrait,
    service: &str,
    older_than: OffsetDateTime,
) -> Result<Vec<(String, String)>, StoreError> {
    let statement = Query::select()
        .columns(["id", "messages"].map(Alias::new))
        .from(table(service))
        .and_where(Expr::col(Alias::new("created_at")).lt(micros(older_than)))
        .order_by(Alias::new("created_at"), Order::Asc)
        .limit(STALE_ROWS_MAX)
        .to_owned();
    let read = StoreError::statement("read the outbox");
    let rows = connection.query_all(&statement).await.map_err(&read)?;
    rows.into_iter().map(|row| parcel(&row).map_err(&read)).collect()
}

/// Rows whose id begins with `subject` and a slash, oldest first, as `(id, messages)`: what is not known to be published
/// yet of something that is named in the ids of its rows.
///
/// # Errors
/// As the database reports them.
pub async fn of_subject(
    connection: &impl ConnectionTrait,
    service: &str,
    subject: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    let pattern = LikeExpr::new(format!("{}/%", escaped(subject))).escape('\\');
    let statement = Query::select()
        .columns(["id", "messages"].map(Alias::new))
        .from(table(service))
        .and_where(Expr::col(Alias::new("id")).like(pattern))
        .order_by(Alias::new("created_at"), Order::Asc)
        .limit(STALE_ROWS_MAX)
        .to_owned();
    let read = StoreError::statement("read the outbox");
    let rows = connection.query_all(&statement).await.map_err(&read)?;
    rows.into_iter().map(|row| parcel(&row).map_err(&read)).collect()
}

fn parcel(row: &QueryResult) -> Result<(String, String), DbErr> {
    Ok((row.try_get("", "id")?, row.try_get("", "messages")?))
}

/// For LIKE, as itself.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}
