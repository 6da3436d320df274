//! `mapper_restored_targets`: the targets whose state the writer found to be restored from a backup.

use std::collections::HashMap;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, IntoActiveModel};
use store::StoreError;

/// One restored target.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_restored_targets")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The time at which the writer noticed it; microseconds since the Unix epoch.
    pub(crate) restored_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Returns the times at which targets were found to be restored, by target.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn restored_targets(
    connection: &impl ConnectionTrait,
) -> Result<HashMap<String, i64>, StoreError> {
    let rows = Entity::find().all(connection).await;
    let rows = rows.map_err(StoreError::statement("read which targets were restored"))?;
    Ok(rows.into_iter().map(|row| (row.target, row.restored_at)).collect())
}

/// Keeps that the state of `target` was found to be restored.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn keep_restored_target(
    connection: &impl ConnectionTrait,
    target: &str,
    restored_at: i64,
) -> Result<(), StoreError> {
    let row = Model { target: target.to_owned(), restored_at };
    Entity::insert(row.into_active_model().reset_all())
        .on_conflict(OnConflict::column(Column::Target).update_column(Column::RestoredAt).to_owned())
        .exec_without_returning(connection)
        .await
        .map_err(StoreError::statement("keep that a target was restored"))?;
    Ok(())
}
