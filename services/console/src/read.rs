//! Queries of the read model. Every list is a page: oldest or newest first, at most [`PAGE_MAX`] rows.

mod dead;
mod page;
mod timeline;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{Store, StoreError};

use crate::rows::{login_name, timeline as timeline_row};
pub(crate) use dead::{
    DeadFilter, DeadRow, OpenLetter, all_open_letters, dead_letter, dead_letters, open_letters,
};
pub(crate) use page::{PAGE_MAX, PageCursor, PageRequest};
pub(crate) use timeline::{TimelineEntry, latest_decision, list_attempts, read_timeline};

/// Returns the key of the person or group that `wanted` names: a key (with or without `worker/` or `group/`), or a login name
/// in any case. A key is preferred. If two people had the login name, the one who had it last is returned.
pub(crate) async fn find_subject(store: &Store, wanted: &str) -> Result<Option<String>, StoreError> {
    let key = lifecycle::SubjectKey::key_of(wanted);
    let failed = StoreError::statement("look up a person");
    let in_timeline = timeline_row::Entity::find()
        .select_only()
        .column(timeline_row::Column::Subject)
        .filter(timeline_row::Column::Subject.eq(key))
        .limit(1)
        .into_tuple::<String>();
    if let Some(found) = in_timeline.one(store.reader()).await.map_err(&failed)? {
        return Ok(Some(found));
    }
    let by_key = login_name::Entity::find().filter(login_name::Column::Subject.eq(key)).limit(1);
    if let Some(found) = by_key.one(store.reader()).await.map_err(&failed)? {
        return Ok(Some(found.subject));
    }
    let by_name = login_name::Entity::find()
        .filter(login_name::Column::UserName.eq(crate::projection::indexed_name(wanted)))
        .order_by_desc(login_name::Column::At)
        .limit(1);
    Ok(by_name.one(store.reader()).await.map_err(&failed)?.map(|row| row.subject))
}

/// Returns the person's last known login name.
pub(crate) async fn user_name(store: &Store, subject: &str) -> Result<Option<String>, StoreError> {
    let newest = login_name::Entity::find()
        .filter(login_name::Column::Subject.eq(subject))
        .order_by_desc(login_name::Column::At)
        .limit(1);
    let row = newest.one(store.reader()).await.map_err(StoreError::statement("look up a person"))?;
    Ok(row.map(|row| row.user_name))
}
