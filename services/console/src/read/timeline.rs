//! Queries of timelines.

use sea_orm::sea_query::{Cond, Expr, ExprTrait, Order, Query};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use serde_json::{Map, Value};
use store::{Store, StoreError};

use super::page::{PageCursor, PageRequest, RowPage, cut_page};
use crate::schema::TimelineTable;

/// Maximum number of decisions that are searched for one of the right kind.
const KINDS: u64 = 50;
/// Maximum number of requests shown with a dead letter.
const ATTEMPTS_MAX: u64 = 100;

/// A fact of a timeline.
#[derive(Debug)]
pub(crate) struct TimelineEntry {
    pub(crate) at_micros: i64,
    pub(crate) service: String,
    pub(crate) trace_id: Option<String>,
    pub(crate) fact: Map<String, Value>,
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
