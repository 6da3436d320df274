//! `gateway_polls`: the time up to which each list is known, and the time of its next reading.

use std::time::Duration;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, EntityTrait};
use store::{Store, StoreError};

/// The state of a polled list.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway_polls")]
pub(super) struct Model {
    /// The name of the list.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(super) name: String,
    /// The start of the last reading whose pages are all stored, in microseconds since the Unix epoch.
    pub(super) known_until: Option<i64>,
    /// The time before which the list is not read, in microseconds since the Unix epoch.
    pub(super) due_at: i64,
    /// The number of consecutive failed readings.
    pub(super) failures: i32,
    /// The reason for the last failure.
    #[sea_orm(column_type = "Text", nullable)]
    pub(super) last_error: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(super) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Returns the state of the list `name`; a new state if there is none.
pub(super) async fn read_state(store: &Store, name: &str) -> Result<Model, StoreError> {
    let found = Entity::find_by_id(name.to_owned()).one(store.reader()).await;
    let found = found.map_err(StoreError::statement("read the position of a list"))?;
    let new = || Model { name: name.to_owned(), known_until: None, due_at: 0, failures: 0, last_error: None };
    Ok(found.unwrap_or_else(new))
}

/// Stores the state.
pub(super) async fn write_state(store: &Store, state: &Model) -> Result<(), StoreError> {
    let row = ActiveModel {
        name: ActiveValue::Set(state.name.clone()),
        known_until: ActiveValue::Set(state.known_until),
        due_at: ActiveValue::Set(state.due_at),
        failures: ActiveValue::Set(state.failures),
        last_error: ActiveValue::Set(state.last_error.clone()),
    };
    let columns = [Column::KnownUntil, Column::DueAt, Column::Failures, Column::LastError];
    let replace = OnConflict::column(Column::Name).update_columns(columns).to_owned();
    let written = Entity::insert(row).on_conflict(replace).exec_without_returning(store.writer()).await;
    written.map(|_| ()).map_err(StoreError::statement("store the position of a list"))
}

/// Returns `at` plus `by`, in microseconds.
pub(super) fn later_micros(at: i64, by: Duration) -> i64 {
    at.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX))
}
