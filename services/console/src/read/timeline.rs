//! Queries of timelines.

use sea_orm::sea_query::{Cond, ExprTrait};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Map, Value};
use store::{Store, StoreError};

use super::page::{PageCursor, PageRequest, RowPage, cut_page};
use crate::rows::timeline::{self, Column, Model};

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
    let mut query = timeline::Entity::find()
        .filter(Column::Subject.eq(subject))
        .order_by_asc(Column::At)
        .order_by_asc(Column::Step)
        .order_by_asc(Column::Id)
        .limit(page.limit + 1);
    if let Some(after) = &page.after {
        let same_instant = || Column::At.eq(after.at);
        let same_step = Column::Step.eq(after.step).and(Column::Id.gt(&after.id));
        let later = Cond::any()
            .add(Column::At.gt(after.at))
            .add(same_instant().and(Column::Step.gt(after.step)))
            .add(same_instant().and(same_step));
        query = query.filter(later);
    }
    let failed = StoreError::statement("read a timeline");
    let rows = query.all(store.reader()).await.map_err(&failed)?;
    let position = |row: &Model| PageCursor { at: row.at, step: row.step, id: row.id.clone() };
    cut_page(rows, page.limit, timeline_entry, position).map_err(&failed)
}

fn timeline_entry(row: Model) -> Result<TimelineEntry, DbErr> {
    Ok(TimelineEntry {
        at_micros: row.at,
        service: row.service,
        trace_id: row.trace_id,
        fact: serde_json::from_str(&row.body).map_err(|error| DbErr::Json(error.to_string()))?,
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
    let query = timeline::Entity::find()
        .filter(Column::Subject.eq(subject))
        .filter(Column::Fact.eq(fact))
        .filter(Column::Target.eq(target))
        .filter(Column::At.lte(until))
        .order_by_desc(Column::At)
        .order_by_desc(Column::Id)
        .limit(max);
    let failed = StoreError::statement("read a part of a timeline");
    let rows = query.all(store.reader()).await.map_err(&failed)?;
    rows.into_iter().map(timeline_entry).collect::<Result<_, DbErr>>().map_err(&failed)
}
