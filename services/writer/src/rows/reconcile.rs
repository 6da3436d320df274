//! `writer_reconciles`: the last comparison of each target, and where to go on after a restart.

use lifecycle::{ReconcileState, Reconciliation};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, IntoActiveModel, Iterable};
use store::StoreError;

/// One target's comparison.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_reconciles")]
pub(crate) struct Model {
    /// Name of the target.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// [`ReconcileState`]; that of the report is not looked at.
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    /// When it began; microseconds since the Unix epoch.
    pub(crate) started_at: i64,
    /// Where it is: `user`, `group` or `gone`.
    #[sea_orm(column_type = "Text")]
    pub(crate) phase: String,
    /// Index or cursor of the next page; none: the first.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) next: Option<String>,
    /// Entries of this kind that were read.
    pub(crate) read: i64,
    /// [`Reconciliation`] as JSON.
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

    /// # Errors
    /// When another version wrote it.
    pub(crate) fn report(&self) -> Result<Reconciliation, serde_json::Error> {
        let mut report: Reconciliation = serde_json::from_str(&self.report)?;
        report.state = ReconcileState::named(&self.state).unwrap_or(ReconcileState::Failed);
        Ok(report)
    }
}

/// The last comparison of a target.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn load_reconciliation(
    connection: &impl ConnectionTrait,
    target: &str,
) -> Result<Option<Model>, StoreError> {
    let found = Entity::find_by_id(target.to_owned()).one(connection).await;
    found.map_err(StoreError::statement("read a comparison"))
}

/// Writes the whole row.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn save_reconciliation(
    connection: &impl ConnectionTrait,
    row: Model,
) -> Result<(), StoreError> {
    let others = Column::iter().filter(|column| !matches!(column, Column::Target));
    Entity::insert(row.into_active_model().reset_all())
        .on_conflict(OnConflict::column(Column::Target).update_columns(others).to_owned())
        .exec_without_returning(connection)
        .await
        .map_err(StoreError::statement("write a comparison"))?;
    Ok(())
}
