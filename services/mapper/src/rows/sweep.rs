//! `mapper_sweeps`: the progress of sweeps over everything that run once.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, IntoActiveModel};
use store::StoreError;

/// A sweep over the desired states of one target.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_sweeps")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) name: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The last key that was processed.
    #[sea_orm(column_type = "Text")]
    pub(crate) position: String,
    /// The time at which the sweep was complete; microseconds since the Unix epoch.
    pub(crate) done_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Returns the sweep, at its beginning if it is not stored yet.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn load_sweep(
    connection: &impl ConnectionTrait,
    name: &str,
    target: &str,
) -> Result<Model, StoreError> {
    let row = Entity::find_by_id((name.to_owned(), target.to_owned())).one(connection).await;
    let row = row.map_err(StoreError::statement("read the progress of a sweep"))?;
    let beginning =
        || Model { name: name.to_owned(), target: target.to_owned(), position: String::new(), done_at: None };
    Ok(row.unwrap_or_else(beginning))
}

/// Writes the whole row.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn save_sweep(connection: &impl ConnectionTrait, row: Model) -> Result<(), StoreError> {
    Entity::insert(row.into_active_model().reset_all())
        .on_conflict(
            OnConflict::columns([Column::Name, Column::Target])
                .update_columns([Column::Position, Column::DoneAt])
                .to_owned(),
        )
        .exec_without_returning(connection)
        .await
        .map(drop)
        .map_err(StoreError::statement("write the progress of a sweep"))
}
