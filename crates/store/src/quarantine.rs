//! The quarantine: messages and rows that a service could not read or store. They are set aside with their payload, so
//! that nothing behind them waits and they can be retried.
//!
//! Each service has its own table, `<service>_quarantine`. Departures are listed first: a departure that waits here is
//! a leaver who keeps access.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, QueryResult};
use sea_orm_migration::prelude::{ColumnDef, SchemaManager, Table};

use crate::{ListPosition, Store, StoreError, cut_to_limit};

/// The maximum number of characters of a cause that are stored.
const CAUSE_CHARS_MAX: usize = 1_000;

/// The reason that an item was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuarantineReason {
    /// The item cannot be read.
    Unreadable,
    /// A newer version wrote the item; that version can read it.
    NewerVersion,
    /// The database refuses the content.
    NotStored,
    /// The sender used the same id before, for other content.
    IdReused,
    /// The stored state of the item's subject cannot be read.
    StateUnreadable,
}

impl QuarantineReason {
    const ALL: [Self; 5] =
        [Self::Unreadable, Self::NewerVersion, Self::NotStored, Self::IdReused, Self::StateUnreadable];

    /// Returns the name in tables, metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::NewerVersion => "newer_version",
            Self::NotStored => "not_stored",
            Self::IdReused => "id_reused",
            Self::StateUnreadable => "state_unreadable",
        }
    }

    fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name).unwrap_or(Self::NotStored)
    }
}

/// An item that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedItem {
    /// The id within its service: `EVENTS/12` for a message, `mapper_identities/E-1` for a row.
    pub id: String,
    /// The stream that the item came from; empty for a row.
    pub stream: String,
    /// The sequence in the stream.
    pub sequence: i64,
    /// The time at which the item was set aside, in microseconds since the Unix epoch.
    pub at: i64,
    /// The reason, by kind.
    pub reason: QuarantineReason,
    /// The reason in words, without the content.
    pub cause: String,
    /// The person, group or target that the item is about, if that is known.
    pub subject: String,
    /// The kind of the item: the type of an event, the name of a fact.
    pub kind: String,
    /// `true` if the item would remove access.
    pub is_departure: bool,
    /// The payload, as it was received.
    pub payload: Vec<u8>,
}

impl QuarantinedItem {
    /// Returns an item for the message `sequence` of `stream`. Its other fields are empty until they are known.
    pub fn message(stream: &str, sequence: u64, reason: QuarantineReason, at: i64) -> Self {
        Self {
            id: format!("{stream}/{sequence}"),
            stream: stream.to_owned(),
            sequence: i64::try_from(sequence).unwrap_or(i64::MAX),
            at,
            reason,
            cause: String::new(),
            subject: String::new(),
            kind: String::new(),
            is_departure: false,
            payload: Vec::new(),
        }
    }
}

/// The size of the quarantine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuarantineCount {
    /// The number of all items.
    pub items: u64,
    /// The number of departures among them.
    pub departures: u64,
}

/// Returns the name of the service's quarantine table.
fn quarantine_table(service: &str) -> Alias {
    Alias::new(format!("{service}_quarantine"))
}

/// The columns of the quarantine, in the order in which they are written.
const COLUMNS: [&str; 10] =
    ["id", "stream", "sequence", "at", "reason", "cause", "subject", "kind", "departure", "payload"];

/// Creates the service's quarantine; for use in a migration.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn create_quarantine(manager: &SchemaManager<'_>, service: &str) -> Result<(), sea_orm::DbErr> {
    let text = |name: &str| ColumnDef::new(Alias::new(name)).text().not_null().take();
    let number = |name: &str| ColumnDef::new(Alias::new(name)).big_integer().not_null().take();
    let statement = Table::create()
        .table(quarantine_table(service))
        .col(ColumnDef::new(Alias::new("id")).text().not_null().primary_key())
        .col(text("stream"))
        .col(number("sequence"))
        .col(number("at"))
        .col(text("reason"))
        .col(text("cause"))
        .col(text("subject"))
        .col(text("kind"))
        .col(ColumnDef::new(Alias::new("departure")).boolean().not_null())
        .col(ColumnDef::new(Alias::new("payload")).blob().not_null())
        .take();
    manager.create_table(statement).await
}

/// Drops the service's quarantine; for use in a migration.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn drop_quarantine(manager: &SchemaManager<'_>, service: &str) -> Result<(), sea_orm::DbErr> {
    manager.drop_table(Table::drop().table(quarantine_table(service)).take()).await
}

/// Sets an item aside. An existing item with the id is not changed.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn put_item(
    connection: &impl ConnectionTrait,
    service: &str,
    item: &QuarantinedItem,
) -> Result<(), StoreError> {
    let cause: String = storable_text(&item.cause).chars().take(CAUSE_CHARS_MAX).collect();
    let id = stored_id(&item.id);
    let statement = Query::insert()
        .into_table(quarantine_table(service))
        .columns(COLUMNS.map(Alias::new))
        .values_panic([
            id.into(),
            item.stream.as_str().into(),
            item.sequence.into(),
            item.at.into(),
            item.reason.as_str().into(),
            cause.into(),
            storable_text(&item.subject).into(),
            item.kind.as_str().into(),
            item.is_departure.into(),
            item.payload.clone().into(),
        ])
        .on_conflict(OnConflict::column(Alias::new("id")).do_nothing().to_owned())
        .to_owned();
    connection.execute(&statement).await.map_err(StoreError::statement("set something aside"))?;
    Ok(())
}

/// The maximum number of characters of an id.
const ID_CHARS_MAX: usize = 256;

/// Returns the id under which an item is stored. The original id may be hostile, like the rest of the item; an id that
/// is too long for an index is cut.
pub fn stored_id(id: &str) -> String {
    storable_text(id).chars().take(ID_CHARS_MAX).collect()
}

/// Replaces U+0000, which PostgreSQL cannot store in text.
fn storable_text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Returns the items that are set aside: departures first, then the oldest first; at most `limit`.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn list_items(
    connection: &impl ConnectionTrait,
    service: &str,
    limit: u64,
) -> Result<Vec<QuarantinedItem>, StoreError> {
    list_items_after(connection, service, None, limit).await
}

/// Returns the items of [`list_items`] that come after a position.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn list_items_after(
    connection: &impl ConnectionTrait,
    service: &str,
    after: Option<&ListPosition>,
    limit: u64,
) -> Result<Vec<QuarantinedItem>, StoreError> {
    let mut statement = select_items(service);
    if let Some(after) = after {
        statement.cond_where(after.items_after(service));
    }
    let statement = statement
        .order_by(Alias::new("departure"), Order::Desc)
        .order_by(Alias::new("at"), Order::Asc)
        .order_by(Alias::new("id"), Order::Asc)
        .limit(limit)
        .to_owned();
    read_items(connection, &statement).await
}

/// A page of the items of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemPage {
    /// The items: departures first, then the oldest first.
    pub items: Vec<QuarantinedItem>,
    /// The cursor of the next page; `None` on the last one.
    pub next_cursor: Option<String>,
}

impl ItemPage {
    /// Reads at most `limit` items after a position. A limit of 0 reads none.
    ///
    /// # Errors
    /// Returns the error that the database reports.
    pub async fn read(
        store: &Store,
        service: &str,
        after: Option<&ListPosition>,
        limit: u64,
    ) -> Result<Self, StoreError> {
        if limit == 0 {
            return Ok(Self::default());
        }
        let mut items = list_items_after(store.reader(), service, after, limit + 1).await?;
        let more = cut_to_limit(&mut items, limit);
        let position = |item: &QuarantinedItem| ListPosition {
            is_departure: item.is_departure,
            at: item.at,
            service: service.to_owned(),
            id: item.id.clone(),
        };
        let next_cursor = items.last().filter(|_| more).map(|item| position(item).to_cursor());
        Ok(Self { items, next_cursor })
    }
}

/// Returns the departures among the items that are about one of `subjects`.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn departures_of(
    connection: &impl ConnectionTrait,
    service: &str,
    subjects: &[String],
) -> Result<Vec<QuarantinedItem>, StoreError> {
    let mut found = Vec::new();
    for chunk in subjects.chunks(crate::ROWS_PER_STATEMENT_MAX) {
        let statement = select_items(service)
            .and_where(Expr::col(Alias::new("departure")).eq(true))
            .and_where(
                Expr::col(Alias::new("subject")).is_in(chunk.iter().map(|subject| storable_text(subject))),
            )
            .order_by(Alias::new("at"), Order::Asc)
            .to_owned();
        found.extend(read_items(connection, &statement).await?);
    }
    Ok(found)
}

/// Returns the item `id`.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn get_item(
    connection: &impl ConnectionTrait,
    service: &str,
    id: &str,
) -> Result<Option<QuarantinedItem>, StoreError> {
    let statement = select_items(service).and_where(Expr::col(Alias::new("id")).eq(id)).to_owned();
    Ok(read_items(connection, &statement).await?.into_iter().next())
}

/// Returns a query for items with all columns.
fn select_items(service: &str) -> SelectStatement {
    Query::select().columns(COLUMNS.map(Alias::new)).from(quarantine_table(service)).to_owned()
}

async fn read_items(
    connection: &impl ConnectionTrait,
    statement: &SelectStatement,
) -> Result<Vec<QuarantinedItem>, StoreError> {
    let failed = StoreError::statement("read what is set aside");
    let rows = connection.query_all(statement).await.map_err(&failed)?;
    rows.iter().map(|row| item_of(row).map_err(&failed)).collect()
}

fn item_of(row: &QueryResult) -> Result<QuarantinedItem, sea_orm::DbErr> {
    let reason: String = row.try_get("", "reason")?;
    Ok(QuarantinedItem {
        id: row.try_get("", "id")?,
        stream: row.try_get("", "stream")?,
        sequence: row.try_get("", "sequence")?,
        at: row.try_get("", "at")?,
        reason: QuarantineReason::of(&reason),
        cause: row.try_get("", "cause")?,
        subject: row.try_get("", "subject")?,
        kind: row.try_get("", "kind")?,
        is_departure: row.try_get("", "departure")?,
        payload: row.try_get("", "payload")?,
    })
}

/// Counts the items that are set aside.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn count_items(
    connection: &impl ConnectionTrait,
    service: &str,
) -> Result<QuarantineCount, StoreError> {
    let failed = StoreError::statement("count what is set aside");
    let mut counts = [0; 2];
    for (index, count) in counts.iter_mut().enumerate() {
        let mut statement = Query::select()
            .expr_as(Expr::col(Alias::new("id")).count(), Alias::new("n"))
            .from(quarantine_table(service))
            .to_owned();
        if index == 1 {
            statement.and_where(Expr::col(Alias::new("departure")).eq(true));
        }
        let row = connection.query_one(&statement).await.map_err(&failed)?;
        let n: Option<i64> = row.map(|row| row.try_get("", "n")).transpose().map_err(&failed)?;
        *count = n.and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
    }
    let [items, departures] = counts;
    Ok(QuarantineCount { items, departures })
}

/// Removes the item `id` after it is resolved.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn remove_item(
    connection: &impl ConnectionTrait,
    service: &str,
    id: &str,
) -> Result<(), StoreError> {
    let statement = Query::delete()
        .from_table(quarantine_table(service))
        .and_where(Expr::col(Alias::new("id")).eq(id))
        .to_owned();
    connection.execute(&statement).await.map_err(StoreError::statement("forget what was set aside"))?;
    Ok(())
}
