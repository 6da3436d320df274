//! Queries of the read model. Every list is a page: oldest or newest first, at most [`PAGE_MAX`] rows.

mod dead;
mod page;
mod timeline;

use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};
use store::{Store, StoreError};

use crate::schema::LoginNameTable;
pub(crate) use dead::{
    DeadFilter, DeadRow, OpenLetter, all_open_letters, dead_letter, dead_letters, open_letters,
};
pub(crate) use page::{PAGE_MAX, PageCursor, PageRequest};
pub(crate) use timeline::{TimelineEntry, latest_decision, list_attempts, read_timeline};

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
