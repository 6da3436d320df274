//! `writer_reconciles`: the last reconciliation of each target, with the position at which it continues after a restart.

use lifecycle::{ReconcileState, Reconciliation};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, IntoActiveModel, Iterable};
use store::StoreError;

/// The last reconciliation of one target.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_reconciles")]
pub(crate) struct Model {
    /// The name of the target.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// A [`ReconcileState`]; the state in the report is ignored.
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    /// The time at which it began; microseconds since the Unix epoch.
    pub(crate) started_at: i64,
    /// The current phase: `user`, `group` or `gone`.
    #[sea_orm(column_type = "Text")]
    pub(crate) phase: String,
    /// The index or cursor of the next page; `None` for the first page.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) next: Option<String>,
    /// The number of entries of this kind that were read.
    pub(crate) read: i64,
    /// The [`Reconciliation`] as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) report: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn is_running(&self) -> bool {
        self.state == ReconcileState::Running.as_str()
    }

    /// Parses the report.
    ///
    /// # Errors
    /// If another version wrote it and this one cannot read it.
    pub(crate) fn report(&self) -> Result<Reconciliation, serde_json::Error> {
        let mut report: Reconciliation = serde_json::from_str(&self.report)?;
        report.state = ReconcileState::named(&self.state).unwrap_or(ReconcileState::Failed);
        Ok(report)
    }
}

/// Loads the last reconciliation of a target.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn load_reconciliation(
    connection: &impl ConnectionTrait,
    target: &str,
) -> Result<Option<Model>, StoreError> {
    let found = Entity::find_by_id(target.to_owned()).one(connection).await;
    found.map_err(StoreError::statement("read a reconciliation"))
}

/// Writes the whole row.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn save_reconciliation(
    connection: &impl ConnectionTrait,
    row: Model,
) -> Result<(), StoreError> {
    let others = Column::iter().filter(|column| !matches!(column, Column::Target));
    Entity::insert(row.into_active_model().reset_all())
        .on_conflict(OnConflict::column(Column::Target).update_columns(others).to_owned())
        .exec_without_returning(connection)
        .await
        .map_err(StoreError::statement("write a reconciliation"))?;
    Ok(())
}
