//! Rows that cannot be published.

use sea_orm::sea_query::{Alias, Cond, ExprTrait, LikeExpr, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult};

use super::waiting::escape_like;
use super::{OutboxLane, OutboxRow, insert_row, outbox_column, outbox_table};
use crate::{ListPosition, StoreError};

/// A row that cannot be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The key of the row.
    pub id: String,
    /// The time at which the row was written, in microseconds since the Unix epoch.
    pub created_at: i64,
    /// The size of its messages in bytes.
    pub size: i64,
    /// The reason that it cannot be published.
    pub cause: String,
    /// The lane of the row.
    pub lane: OutboxLane,
}

/// Stores `messages` as set aside because of `cause`. Does nothing if a row with the id exists.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn put_aside(
    tx: &DatabaseTransaction,
    service: &str,
    lane: OutboxLane,
    row: &OutboxRow,
    cause: &str,
) -> Result<(), StoreError> {
    insert_row(tx, service, lane, &row.id, row.created_at, row.messages.clone(), Some(cause)).await
}

/// Sets a row aside without changing its messages.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn mark_aside(
    connection: &impl ConnectionTrait,
    service: &str,
    id: &str,
    cause: &str,
) -> Result<(), StoreError> {
    let statement = Query::update()
        .table(outbox_table(service))
        .value(Alias::new("set_aside"), cause)
        .and_where(outbox_column("id").eq(id))
        .to_owned();
    connection.execute(&statement).await.map_err(StoreError::statement("set aside a row of the outbox"))?;
    Ok(())
}

/// Returns a row that was set aside to the waiting rows. Returns `false` if there is none.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn take_back(
    connection: &impl ConnectionTrait,
    service: &str,
    id: &str,
) -> Result<bool, StoreError> {
    let statement = Query::update()
        .table(outbox_table(service))
        .value(Alias::new("set_aside"), Option::<String>::None)
        .and_where(outbox_column("id").eq(id))
        .and_where(outbox_column("set_aside").is_not_null())
        .to_owned();
    let failed = StoreError::statement("take back a row of the outbox");
    Ok(connection.execute(&statement).await.map_err(failed)?.rows_affected() > 0)
}

/// Returns the number of rows that are set aside.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn count_set_aside(connection: &impl ConnectionTrait, service: &str) -> Result<i64, StoreError> {
    let statement = Query::select()
        .from(outbox_table(service))
        .expr_as(outbox_column("id").count(), Alias::new("n"))
        .and_where(outbox_column("set_aside").is_not_null())
        .to_owned();
    let failed = StoreError::statement("count the outbox");
    let row = connection.query_one(&statement).await.map_err(&failed)?;
    row.map_or(Ok(0), |row| row.try_get("", "n")).map_err(failed)
}

/// Returns the rows that are set aside and come after a position, oldest first, at most `limit`.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn set_aside(
    connection: &impl ConnectionTrait,
    service: &str,
    after: Option<&ListPosition>,
    limit: u64,
) -> Result<Vec<SetAside>, StoreError> {
    let mut statement = select_set_aside(service);
    if let Some(after) = after {
        statement.cond_where(after.outbox_rows_after(service));
    }
    statement
        .order_by(Alias::new("created_at"), Order::Asc)
        .order_by(Alias::new("id"), Order::Asc)
        .limit(limit);
    read_set_aside(connection, &statement).await
}

/// Returns the row `id` if it is set aside.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn get_set_aside(
    connection: &impl ConnectionTrait,
    service: &str,
    id: &str,
) -> Result<Option<SetAside>, StoreError> {
    let mut statement = select_set_aside(service);
    statement.and_where(outbox_column("id").eq(id));
    Ok(read_set_aside(connection, &statement).await?.pop())
}

/// Returns the rows that are set aside and came of the row `id`: the row itself, or parts of it (`id.0` and so on).
///
/// # Errors
/// Returns the error that the database reports.
pub async fn set_aside_of(
    connection: &impl ConnectionTrait,
    service: &str,
    id: &str,
) -> Result<Vec<SetAside>, StoreError> {
    let parts = LikeExpr::new(format!("{}.%", escape_like(id))).escape('\\');
    let mut statement = select_set_aside(service);
    statement
        .cond_where(Cond::any().add(outbox_column("id").eq(id)).add(outbox_column("id").like(parts)))
        .order_by(Alias::new("created_at"), Order::Asc)
        .order_by(Alias::new("id"), Order::Asc);
    read_set_aside(connection, &statement).await
}

fn select_set_aside(service: &str) -> SelectStatement {
    Query::select()
        .columns(["id", "created_at", "size", "set_aside", "lane"].map(Alias::new))
        .from(outbox_table(service))
        .and_where(outbox_column("set_aside").is_not_null())
        .to_owned()
}

async fn read_set_aside(
    connection: &impl ConnectionTrait,
    statement: &SelectStatement,
) -> Result<Vec<SetAside>, StoreError> {
    let failed = StoreError::statement("read the outbox");
    let row = |row: QueryResult| -> Result<SetAside, DbErr> {
        Ok(SetAside {
            id: row.try_get("", "id")?,
            created_at: row.try_get("", "created_at")?,
            size: row.try_get("", "size")?,
            cause: row.try_get("", "set_aside")?,
            lane: OutboxLane::of_rank(row.try_get("", "lane")?),
        })
    };
    let rows = connection.query_all(statement).await.map_err(&failed)?;
    rows.into_iter().map(|found| row(found).map_err(&failed)).collect()
}
