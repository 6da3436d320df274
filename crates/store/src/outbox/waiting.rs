//! Reads rows that wait to be published.

use sea_orm::sea_query::{Alias, Cond, Expr, ExprTrait, LikeExpr, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use time::OffsetDateTime;

use super::{OutboxLane, OutboxRow, outbox_column, outbox_table, unix_micros};
use crate::StoreError;

/// The number of rows on one page.
pub const ROWS_PER_PAGE: u64 = 16;

/// The backlog of one lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxBacklog {
    /// The number of rows that wait.
    pub rows: i64,
    /// The size of their messages in bytes.
    pub bytes: i64,
    /// The time at which the oldest row was written, in microseconds since the Unix epoch.
    pub oldest: Option<i64>,
}

/// Returns one page of the waiting rows of `lane` that were written before `older_than`, oldest first, starting after `after`.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn stale_rows(
    connection: &impl ConnectionTrait,
    service: &str,
    lane: OutboxLane,
    older_than: OffsetDateTime,
    after: Option<&OutboxRow>,
) -> Result<Vec<OutboxRow>, StoreError> {
    let mut statement = waiting_rows(service, lane);
    statement
        .columns(["id", "created_at", "messages"].map(Alias::new))
        .and_where(outbox_column("created_at").lt(unix_micros(older_than)))
        .order_by(Alias::new("created_at"), Order::Asc)
        .order_by(Alias::new("id"), Order::Asc)
        .limit(ROWS_PER_PAGE);
    if let Some(after) = after {
        let same_moment = Cond::all()
            .add(outbox_column("created_at").eq(after.created_at))
            .add(outbox_column("id").gt(after.id.as_str()));
        statement
            .cond_where(Cond::any().add(outbox_column("created_at").gt(after.created_at)).add(same_moment));
    }
    read_rows(connection, &statement).await
}

/// Returns a query for the rows of `lane` that wait.
fn waiting_rows(service: &str, lane: OutboxLane) -> SelectStatement {
    Query::select()
        .from(outbox_table(service))
        .and_where(outbox_column("set_aside").is_null())
        .and_where(outbox_column("lane").eq(lane.rank()))
        .to_owned()
}

/// Returns the backlog of `lane`.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn lane_backlog(
    connection: &impl ConnectionTrait,
    service: &str,
    lane: OutboxLane,
) -> Result<OutboxBacklog, StoreError> {
    let mut statement = waiting_rows(service, lane);
    let bytes = Expr::cust("CAST(COALESCE(SUM(size), 0) AS BIGINT)");
    statement
        .expr_as(outbox_column("id").count(), Alias::new("n"))
        .expr_as(bytes, Alias::new("bytes"))
        .expr_as(outbox_column("created_at").min(), Alias::new("oldest"));
    let failed = StoreError::statement("count the outbox");
    let row = connection.query_one(&statement).await.map_err(&failed)?;
    let Some(row) = row else { return Ok(OutboxBacklog::default()) };
    let counts = || -> Result<OutboxBacklog, DbErr> {
        Ok(OutboxBacklog {
            rows: row.try_get("", "n")?,
            bytes: row.try_get("", "bytes")?,
            oldest: row.try_get("", "oldest")?,
        })
    };
    counts().map_err(failed)
}

/// Returns departures and commands that are not known to be published, oldest first, at most `limit`. For rows that are
/// set aside, the cause is included.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn unpublished(
    connection: &impl ConnectionTrait,
    service: &str,
    limit: u64,
) -> Result<Vec<(OutboxRow, Option<String>)>, StoreError> {
    let statement = Query::select()
        .columns(["id", "created_at", "messages", "set_aside"].map(Alias::new))
        .from(outbox_table(service))
        .and_where(outbox_column("lane").is_in([OutboxLane::Departures.rank(), OutboxLane::Commands.rank()]))
        .order_by(Alias::new("lane"), Order::Asc)
        .order_by(Alias::new("created_at"), Order::Asc)
        .limit(limit)
        .to_owned();
    let failed = StoreError::statement("read the outbox");
    let row = |row: QueryResult| -> Result<(OutboxRow, Option<String>), DbErr> {
        let cause = row.try_get("", "set_aside")?;
        let (id, created_at) = (row.try_get("", "id")?, row.try_get("", "created_at")?);
        Ok((OutboxRow { id, created_at, messages: row.try_get("", "messages")? }, cause))
    };
    let rows = connection.query_all(&statement).await.map_err(&failed)?;
    rows.into_iter().map(|found| row(found).map_err(&failed)).collect()
}

/// Returns the waiting rows whose id begins with `subject` and a slash, oldest first. These are the messages about
/// `subject` that are not yet known to be published.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn of_subject(
    connection: &impl ConnectionTrait,
    service: &str,
    subject: &str,
) -> Result<Vec<OutboxRow>, StoreError> {
    const ROWS_MAX: u64 = 100;
    let pattern = LikeExpr::new(format!("{}/%", escape_like(subject))).escape('\\');
    let statement = Query::select()
        .columns(["id", "created_at", "messages"].map(Alias::new))
        .from(outbox_table(service))
        .and_where(outbox_column("id").like(pattern))
        .and_where(outbox_column("set_aside").is_null())
        .order_by(Alias::new("created_at"), Order::Asc)
        .limit(ROWS_MAX)
        .to_owned();
    read_rows(connection, &statement).await
}

pub(super) async fn read_rows(
    connection: &impl ConnectionTrait,
    statement: &SelectStatement,
) -> Result<Vec<OutboxRow>, StoreError> {
    let failed = StoreError::statement("read the outbox");
    let row = |row: QueryResult| -> Result<OutboxRow, DbErr> {
        Ok(OutboxRow {
            id: row.try_get("", "id")?,
            created_at: row.try_get("", "created_at")?,
            messages: row.try_get("", "messages")?,
        })
    };
    let rows = connection.query_all(statement).await.map_err(&failed)?;
    rows.into_iter().map(|found| row(found).map_err(&failed)).collect()
}

/// Escapes `text` for LIKE, so that it matches itself.
pub(super) fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
