//! Queries of dead letters.

use sea_orm::sea_query::{Cond, ExprTrait};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select,
};
use serde_json::Value;
use store::{Store, StoreError};

use super::page::{PageCursor, PageRequest, RowPage, cut_page};
use crate::rows::dead_letter::{self, Column, Model};

/// Filter of a list of dead letters.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeadFilter {
    pub(crate) target: Option<String>,
    pub(crate) state: Option<&'static str>,
    pub(crate) operation: Option<String>,
}

/// A dead letter with its outcome.
#[derive(Debug)]
pub(crate) struct DeadRow {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) target: String,
    pub(crate) kind: String,
    pub(crate) subject: String,
    pub(crate) member_of: Option<String>,
    pub(crate) revision: i64,
    pub(crate) operation: String,
    pub(crate) class: String,
    pub(crate) error: String,
    pub(crate) attempts: i32,
    pub(crate) exchange: Option<Value>,
    pub(crate) failures: Option<Value>,
    pub(crate) at_micros: i64,
    pub(crate) closed: Option<ClosedLetter>,
}

/// The replay or discard of a dead letter.
#[derive(Debug)]
pub(crate) struct ClosedLetter {
    pub(crate) at_micros: i64,
    pub(crate) by: String,
    pub(crate) why: String,
    pub(crate) outcome: String,
}

/// Reads a page of dead letters, newest first.
pub(crate) async fn dead_letters(
    store: &Store,
    filter: &DeadFilter,
    page: &PageRequest,
) -> Result<RowPage<DeadRow>, StoreError> {
    let mut query =
        dead_letters_with_details().order_by_desc(Column::At).order_by_desc(Column::Id).limit(page.limit + 1);
    if let Some(state) = filter.state {
        query = query.filter(Column::State.eq(state));
    }
    if let Some(target) = &filter.target {
        query = query.filter(Column::Target.eq(target));
    }
    if let Some(operation) = &filter.operation {
        query = query.filter(Column::Operation.eq(operation));
    }
    if let Some(after) = &page.after {
        let same_instant = Column::At.eq(after.at).and(Column::Id.lt(&after.id));
        query = query.filter(Cond::any().add(Column::At.lt(after.at)).add(same_instant));
    }
    let failed = StoreError::statement("read dead letters");
    let rows = query.all(store.reader()).await.map_err(&failed)?;
    let position = |row: &Model| PageCursor { at: row.at.unwrap_or_default(), step: 0, id: row.id.clone() };
    cut_page(rows, page.limit, dead_row, position).map_err(&failed)
}

/// Reads a dead letter by its id.
pub(crate) async fn dead_letter(store: &Store, id: &str) -> Result<Option<DeadRow>, StoreError> {
    let failed = StoreError::statement("read a dead letter");
    let query = dead_letters_with_details().filter(Column::Id.eq(id));
    let row = query.one(store.reader()).await.map_err(&failed)?;
    row.map(dead_row).transpose().map_err(&failed)
}

/// An open dead letter with the columns by which it is grouped.
#[derive(Debug, FromQueryResult)]
pub(crate) struct OpenLetter {
    pub(crate) id: String,
    pub(crate) at_micros: i64,
    pub(crate) target: String,
    pub(crate) kind: String,
    pub(crate) operation: String,
    pub(crate) class: String,
    pub(crate) error: String,
}

/// Reads the oldest open dead letters, of one target or of all.
pub(crate) async fn all_open_letters(
    store: &Store,
    target: Option<&str>,
    max: u64,
) -> Result<Vec<OpenLetter>, StoreError> {
    let mut query = open_letters_oldest_first()
        .columns([Column::Id, Column::Target, Column::Kind, Column::Operation, Column::Class, Column::Error])
        .column_as(Column::At, "at_micros")
        .limit(max);
    if let Some(target) = target {
        query = query.filter(Column::Target.eq(target));
    }
    let rows = query.into_model::<OpenLetter>().all(store.reader()).await;
    rows.map_err(StoreError::statement("read open dead letters"))
}

/// Returns the ids of the oldest open dead letters of a target, and whether there are more than `max`.
pub(crate) async fn open_letters(
    store: &Store,
    target: &str,
    max: usize,
) -> Result<(Vec<String>, bool), StoreError> {
    let query = open_letters_oldest_first()
        .column(Column::Id)
        .filter(Column::Target.eq(target))
        .limit(max as u64 + 1)
        .into_tuple::<String>();
    let mut ids = query.all(store.reader()).await.map_err(StoreError::statement("read open dead letters"))?;
    let more = ids.len() > max;
    ids.truncate(max);
    Ok((ids, more))
}

/// Selects open dead letters, without columns yet.
fn open_letters_oldest_first() -> Select<dead_letter::Entity> {
    dead_letter::Entity::find()
        .select_only()
        .filter(Column::State.eq("open"))
        .order_by_asc(Column::At)
        .order_by_asc(Column::Id)
}

/// Selects dead letters. Rows that only a closing fact wrote are left out, because they have no details yet.
fn dead_letters_with_details() -> Select<dead_letter::Entity> {
    dead_letter::Entity::find().filter(Column::Target.is_not_null())
}

fn dead_row(row: Model) -> Result<DeadRow, DbErr> {
    let json = |text: Option<String>| -> Result<Option<Value>, DbErr> {
        let json = text.map(|text| serde_json::from_str(&text)).transpose();
        json.map_err(|error| DbErr::Json(error.to_string()))
    };
    let closed = row.closed_at.map(|at_micros| ClosedLetter {
        at_micros,
        by: row.closed_by.unwrap_or_default(),
        why: row.why.unwrap_or_default(),
        outcome: row.outcome.unwrap_or_default(),
    });
    Ok(DeadRow {
        id: row.id,
        state: row.state,
        target: row.target.unwrap_or_default(),
        kind: row.kind.unwrap_or_default(),
        subject: row.subject.unwrap_or_default(),
        member_of: row.member_of,
        revision: row.revision.unwrap_or_default(),
        operation: row.operation.unwrap_or_default(),
        class: row.class.unwrap_or_default(),
        error: row.error.unwrap_or_default(),
        attempts: row.attempts.unwrap_or_default(),
        exchange: json(row.exchange)?,
        failures: json(row.failures)?,
        at_micros: row.at.unwrap_or_default(),
        closed,
    })
}
