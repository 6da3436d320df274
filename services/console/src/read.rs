//! Queries of the read model. Every list is a page: oldest or newest first, at most [`PAGE_MAX`] rows.

use sea_orm::sea_query::{Cond, Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use serde_json::{Map, Value};
use store::{Store, StoreError};

use crate::schema::{DeadLetterTable, LoginNameTable, TimelineTable};

/// Maximum number of rows per page.
pub(crate) const PAGE_MAX: u64 = 1_000;
/// Maximum number of decisions that are searched for one of the right kind.
const KINDS: u64 = 50;
/// Maximum number of requests shown with a dead letter.
const ATTEMPTS_MAX: u64 = 100;

/// The position after which a page begins; opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageCursor {
    at: i64,
    step: i16,
    id: String,
}

impl PageCursor {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let (at, step, id) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { at: at.parse().ok()?, step: step.parse().ok()?, id: id.to_owned() })
    }

    pub(crate) fn text(&self) -> String {
        format!("{}.{}.{}", self.at, self.step, self.id)
    }
}

/// The limit and start of a page.
#[derive(Debug, Clone)]
pub(crate) struct PageRequest {
    pub(crate) limit: u64,
    pub(crate) after: Option<PageCursor>,
}

/// The rows of a page, and the position of the next page if there is one.
#[derive(Debug)]
pub(crate) struct RowPage<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) next: Option<PageCursor>,
}

/// A fact of a timeline.
#[derive(Debug)]
pub(crate) struct TimelineEntry {
    pub(crate) at_micros: i64,
    pub(crate) service: String,
    pub(crate) trace_id: Option<String>,
    pub(crate) fact: Map<String, Value>,
}

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

/// Returns the key of the person or group that `wanted` names: a key (with or without `worker/` or `group/`), or a login name
/// in any case. A key is preferred. If two people had the login name, the one who had it last is returned.
pub(crate) async fn find_subject(store: &Store, wanted: &str) -> Result<Option<String>, StoreError> {
    let key = lifecycle::SubjectKey::key_of(wanted);
    for (table, column) in [("console_timeline", "subject"), ("console_people", "subject")] {
        let known = Query::select()
            .column(column)
            .from(table)
            .and_where(Expr::col(column).eq(key))
            .limit(1)
            .to_owned();
        if let Some(found) = first_text(store, &known).await? {
            return Ok(Some(found));
        }
    }
    let named = Query::select()
        .column(LoginNameTable::Subject)
        .from(LoginNameTable::Table)
        .and_where(Expr::col(LoginNameTable::UserName).eq(crate::projection::indexed_name(wanted)))
        .order_by(LoginNameTable::At, Order::Desc)
        .limit(1)
        .to_owned();
    first_text(store, &named).await
}

async fn first_text(store: &Store, statement: &SelectStatement) -> Result<Option<String>, StoreError> {
    let failed = StoreError::statement("look up a person");
    let row = store.reader().query_one(statement).await.map_err(&failed)?;
    row.map(|row| row.try_get_by_index(0)).transpose().map_err(&failed)
}

/// Returns the person's last known login name.
pub(crate) async fn user_name(store: &Store, subject: &str) -> Result<Option<String>, StoreError> {
    let statement = Query::select()
        .column(LoginNameTable::UserName)
        .from(LoginNameTable::Table)
        .and_where(Expr::col(LoginNameTable::Subject).eq(subject))
        .order_by(LoginNameTable::At, Order::Desc)
        .limit(1)
        .to_owned();
    first_text(store, &statement).await
}

/// Reads a page of a person's or group's timeline, oldest first.
pub(crate) async fn read_timeline(
    store: &Store,
    subject: &str,
    page: &PageRequest,
) -> Result<RowPage<TimelineEntry>, StoreError> {
    let mut statement = Query::select()
        .columns([TimelineTable::Id, TimelineTable::At, TimelineTable::Step, TimelineTable::Service])
        .columns([TimelineTable::TraceId, TimelineTable::Body])
        .from(TimelineTable::Table)
        .and_where(Expr::col(TimelineTable::Subject).eq(subject))
        .order_by(TimelineTable::At, Order::Asc)
        .order_by(TimelineTable::Step, Order::Asc)
        .order_by(TimelineTable::Id, Order::Asc)
        .limit(page.limit + 1)
        .to_owned();
    if let Some(after) = &page.after {
        let same_instant = || Expr::col(TimelineTable::At).eq(after.at);
        let same_step =
            Expr::col(TimelineTable::Step).eq(after.step).and(Expr::col(TimelineTable::Id).gt(&after.id));
        let later = Cond::any()
            .add(Expr::col(TimelineTable::At).gt(after.at))
            .add(same_instant().and(Expr::col(TimelineTable::Step).gt(after.step)))
            .add(same_instant().and(same_step));
        statement.cond_where(later);
    }
    let failed = StoreError::statement("read a timeline");
    let rows = store.reader().query_all(&statement).await.map_err(&failed)?;
    let position = |row: &QueryResult| {
        Ok(PageCursor {
            at: row.try_get("", "at")?,
            step: row.try_get("", "step")?,
            id: row.try_get("", "id")?,
        })
    };
    cut_page(rows, page.limit, timeline_entry, position).map_err(&failed)
}

fn timeline_entry(row: &QueryResult) -> Result<TimelineEntry, DbErr> {
    let body: String = row.try_get("", "body")?;
    Ok(TimelineEntry {
        at_micros: row.try_get("", "at")?,
        service: row.try_get("", "service")?,
        trace_id: row.try_get("", "trace_id")?,
        fact: serde_json::from_str(&body).map_err(|error| DbErr::Json(error.to_string()))?,
    })
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

/// Reads the latest decision about the resource of a dead letter.
pub(crate) async fn latest_decision(
    store: &Store,
    letter: &crate::api::DeadSummary,
) -> Result<Option<TimelineEntry>, StoreError> {
    let name = if letter.member_of.is_some() { "membership_decided" } else { "decided" };
    let entries = latest_facts(store, name, &letter.subject, &letter.target, i64::MAX, KINDS).await?;
    Ok(entries.into_iter().find(|entry| is_about(entry, letter)))
}

/// Returns whether the entry is about the letter's resource. Decisions about memberships have no `kind`.
fn is_about(entry: &TimelineEntry, letter: &crate::api::DeadSummary) -> bool {
    let text = |name: &str| entry.fact.get(name).and_then(Value::as_str);
    text("kind").is_none_or(|kind| kind == letter.kind) && text("memberOf") == letter.member_of.as_deref()
}

/// Reads the requests that served a revision of a resource until a given time (microseconds since the Unix epoch), oldest
/// first; the last [`ATTEMPTS_MAX`] of them.
pub(crate) async fn list_attempts(
    store: &Store,
    letter: &crate::api::DeadSummary,
    until: i64,
) -> Result<Vec<TimelineEntry>, StoreError> {
    let entries =
        latest_facts(store, "attempted", &letter.subject, &letter.target, until, ATTEMPTS_MAX).await?;
    let revision = Value::from(letter.revision);
    let serves =
        |entry: &TimelineEntry| is_about(entry, letter) && entry.fact.get("revision") == Some(&revision);
    let mut entries: Vec<TimelineEntry> = entries.into_iter().filter(serves).collect();
    entries.reverse();
    Ok(entries)
}

/// Reads the latest facts with one name about a person or group at a target, newest first.
async fn latest_facts(
    store: &Store,
    fact: &str,
    subject: &str,
    target: &str,
    until: i64,
    max: u64,
) -> Result<Vec<TimelineEntry>, StoreError> {
    let statement = Query::select()
        .columns([
            TimelineTable::Id,
            TimelineTable::At,
            TimelineTable::Service,
            TimelineTable::TraceId,
            TimelineTable::Body,
        ])
        .from(TimelineTable::Table)
        .and_where(Expr::col(TimelineTable::Subject).eq(subject))
        .and_where(Expr::col(TimelineTable::Fact).eq(fact))
        .and_where(Expr::col(TimelineTable::Target).eq(target))
        .and_where(Expr::col(TimelineTable::At).lte(until))
        .order_by(TimelineTable::At, Order::Desc)
        .order_by(TimelineTable::Id, Order::Desc)
        .limit(max)
        .to_owned();
    let failed = StoreError::statement("read a part of a timeline");
    let rows = store.reader().query_all(&statement).await.map_err(&failed)?;
    rows.iter().map(timeline_entry).collect::<Result<_, DbErr>>().map_err(&failed)
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

/// Removes the extra row that shows whether there is a next page.
fn cut_page<T>(
    mut rows: Vec<QueryResult>,
    limit: u64,
    read: impl Fn(&QueryResult) -> Result<T, DbErr>,
    position: impl Fn(&QueryResult) -> Result<PageCursor, DbErr>,
) -> Result<RowPage<T>, DbErr> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(position).transpose()?;
    Ok(RowPage { rows: rows.iter().map(read).collect::<Result<_, _>>()?, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_trip_through_a_client() {
        let cursor = PageCursor { at: -5, step: 1, id: "a.b".into() };
        assert_eq!(PageCursor::parse(&cursor.text()), Some(cursor));
        assert_eq!(PageCursor::parse("nonsense"), None);
        assert_eq!(PageCursor::parse("x.0.y"), None);
    }
}
