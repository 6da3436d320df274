//! Queries of dead letters.

use sea_orm::sea_query::{Cond, Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use serde_json::Value;
use store::{Store, StoreError};

use super::page::{PageCursor, PageRequest, RowPage, cut_page};
use crate::schema::DeadLetterTable;

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
    let mut statement = dead_select();
    statement
        .order_by(DeadLetterTable::At, Order::Desc)
        .order_by(DeadLetterTable::Id, Order::Desc)
        .limit(page.limit + 1);
    if let Some(state) = filter.state {
        statement.and_where(Expr::col(DeadLetterTable::State).eq(state));
    }
    if let Some(target) = &filter.target {
        statement.and_where(Expr::col(DeadLetterTable::Target).eq(target));
    }
    if let Some(operation) = &filter.operation {
        statement.and_where(Expr::col(DeadLetterTable::Operation).eq(operation));
    }
    if let Some(after) = &page.after {
        let same_instant =
            Expr::col(DeadLetterTable::At).eq(after.at).and(Expr::col(DeadLetterTable::Id).lt(&after.id));
        statement.cond_where(Cond::any().add(Expr::col(DeadLetterTable::At).lt(after.at)).add(same_instant));
    }
    let failed = StoreError::statement("read dead letters");
    let rows = store.reader().query_all(&statement).await.map_err(&failed)?;
    let position = |row: &QueryResult| {
        Ok(PageCursor { at: row.try_get("", "at")?, step: 0, id: row.try_get("", "id")? })
    };
    cut_page(rows, page.limit, dead_row, position).map_err(&failed)
}

/// Reads a dead letter by its id.
pub(crate) async fn dead_letter(store: &Store, id: &str) -> Result<Option<DeadRow>, StoreError> {
    let statement = dead_select().and_where(Expr::col(DeadLetterTable::Id).eq(id)).to_owned();
    let failed = StoreError::statement("read a dead letter");
    let row = store.reader().query_one(&statement).await.map_err(&failed)?;
    row.as_ref().map(dead_row).transpose().map_err(&failed)
}

/// An open dead letter with the columns by which it is grouped.
#[derive(Debug)]
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
    let mut statement = Query::select();
    statement
        .columns([
            DeadLetterTable::Id,
            DeadLetterTable::At,
            DeadLetterTable::Target,
            DeadLetterTable::Kind,
            DeadLetterTable::Operation,
            DeadLetterTable::Class,
            DeadLetterTable::Error,
        ])
        .from(DeadLetterTable::Table)
        .and_where(Expr::col(DeadLetterTable::State).eq("open"))
        .order_by(DeadLetterTable::At, Order::Asc)
        .order_by(DeadLetterTable::Id, Order::Asc)
        .limit(max);
    if let Some(target) = target {
        statement.and_where(Expr::col(DeadLetterTable::Target).eq(target));
    }
    let failed = StoreError::statement("read open dead letters");
    let rows = store.reader().query_all(&statement).await.map_err(&failed)?;
    let letter = |row: &QueryResult| {
        Ok(OpenLetter {
            id: row.try_get("", "id")?,
            at_micros: row.try_get("", "at")?,
            target: row.try_get("", "target")?,
            kind: row.try_get("", "kind")?,
            operation: row.try_get("", "operation")?,
            class: row.try_get("", "class")?,
            error: row.try_get("", "error")?,
        })
    };
    rows.iter().map(letter).collect::<Result<_, DbErr>>().map_err(&failed)
}

/// Returns the ids of the oldest open dead letters of a target, and whether there are more than `max`.
pub(crate) async fn open_letters(
    store: &Store,
    target: &str,
    max: usize,
) -> Result<(Vec<String>, bool), StoreError> {
    let statement = Query::select()
        .column(DeadLetterTable::Id)
        .from(DeadLetterTable::Table)
        .and_where(Expr::col(DeadLetterTable::State).eq("open"))
        .and_where(Expr::col(DeadLetterTable::Target).eq(target))
        .order_by(DeadLetterTable::At, Order::Asc)
        .order_by(DeadLetterTable::Id, Order::Asc)
        .limit(max as u64 + 1)
        .to_owned();
    let failed = StoreError::statement("read open dead letters");
    let rows = store.reader().query_all(&statement).await.map_err(&failed)?;
    let ids: Result<Vec<String>, DbErr> = rows.iter().take(max).map(|row| row.try_get("", "id")).collect();
    Ok((ids.map_err(&failed)?, rows.len() > max))
}

/// Selects dead letters. Rows that only a closing fact wrote are left out, because they have no details yet.
fn dead_select() -> SelectStatement {
    Query::select()
        .column(sea_orm::sea_query::Asterisk)
        .from(DeadLetterTable::Table)
        .and_where(Expr::col(DeadLetterTable::Target).is_not_null())
        .to_owned()
}

fn dead_row(row: &QueryResult) -> Result<DeadRow, DbErr> {
    let json = |column: &str| -> Result<Option<Value>, DbErr> {
        let text: Option<String> = row.try_get("", column)?;
        let json = text.map(|text| serde_json::from_str(&text)).transpose();
        json.map_err(|error| DbErr::Json(error.to_string()))
    };
    let closed_at: Option<i64> = row.try_get("", "closed_at")?;
    let closed = closed_at.map(|at_micros| closed_letter(row, at_micros)).transpose()?;
    Ok(DeadRow {
        id: row.try_get("", "id")?,
        state: row.try_get("", "state")?,
        target: row.try_get("", "target")?,
        kind: row.try_get("", "kind")?,
        subject: row.try_get("", "subject")?,
        member_of: row.try_get("", "member_of")?,
        revision: row.try_get("", "revision")?,
        operation: row.try_get("", "operation")?,
        class: row.try_get("", "class")?,
        error: row.try_get("", "error")?,
        attempts: row.try_get("", "attempts")?,
        exchange: json("exchange")?,
        failures: json("failures")?,
        at_micros: row.try_get("", "at")?,
        closed,
    })
}

fn closed_letter(row: &QueryResult, at_micros: i64) -> Result<ClosedLetter, DbErr> {
    Ok(ClosedLetter {
        at_micros,
        by: row.try_get("", "closed_by")?,
        why: row.try_get("", "why")?,
        outcome: row.try_get("", "outcome")?,
    })
}
