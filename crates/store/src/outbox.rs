//! The outbox: the messages that a transaction must publish, stored by that transaction.
//!
//! The messages of one transaction are stored in one row for each [`OutboxLane`], so that facts never delay a command.
//! A row is deleted after the bus has stored its messages. A row that still exists after a crash is published again,
//! which is harmless because every consumer is idempotent. Messages that can never be published are set aside with
//! their cause: they stay in the table, where they are listed, and do not count among the waiting rows.

mod columns;

use sea_orm::sea_query::{Alias, Cond, Expr, ExprTrait, LikeExpr, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult};
use time::OffsetDateTime;

use crate::{ListPosition, StoreError};
pub use columns::{add_lanes, create_outbox, drop_outbox, remove_lanes};

/// The number of rows on one page.
pub const ROWS_PER_PAGE: u64 = 16;
/// The lane of an outbox row. Each lane is published independently, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutboxLane {
    /// Messages that remove access.
    Departures,
    /// All other messages that require an action.
    Commands,
    /// Facts that report what happened.
    Facts,
}

impl OutboxLane {
    /// All lanes, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Departures, Self::Commands, Self::Facts];

    /// Returns the name in metrics and API answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Departures => "departures",
            Self::Commands => "commands",
            Self::Facts => "facts",
        }
    }

    fn rank(self) -> i32 {
        match self {
            Self::Departures => 0,
            Self::Commands => 1,
            Self::Facts => 2,
        }
    }

    fn of_rank(rank: i32) -> Self {
        Self::ALL.into_iter().find(|lane| lane.rank() == rank).unwrap_or(Self::Facts)
    }
}

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

async fn read_rows(
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
fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Returns the time in microseconds since the Unix epoch.
fn unix_micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}
