//! `mapper_verifications`: the last verification of each target.

use lifecycle::Verification;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, IntoActiveModel};
use store::StoreError;

/// One target.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_verifications")]
pub(crate) struct Model {
    /// Name of the target.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// When it began; microseconds since the Unix epoch.
    pub(crate) began_at: i64,
    /// [`Verification`] as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) report: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The last verification of each target, in order of target. One of another version of Usher is left out.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn load_all(connection: &impl ConnectionTrait) -> Result<Vec<Verification>, StoreError> {
    let rows = Entity::find().all(connection).await.map_err(StoreError::statement("read verifications"))?;
    let mut reports: Vec<Verification> =
        rows.iter().filter_map(|row| serde_json::from_str(&row.report).ok()).collect();
    reports.sort_by(|one: &Verification, other| one.target.cmp(&other.target));
    Ok(reports)
}

/// Writes the whole row.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn save(connection: &impl ConnectionTrait, report: &Verification) -> Result<(), StoreError> {
    let row = Model {
        target: report.target.clone(),
        began_at: report.began_at,
        report: serde_json::to_string(report).expect("a report is plain data"),
    };
    Entity::insert(row.into_active_model().reset_all())
        .on_conflict(
            OnConflict::column(Column::Target).update_columns([Column::BeganAt, Column::Report]).to_owned(),
        )
        .exec_without_returning(connection)
        .await
        .map_err(StoreError::statement("write a verification"))?;
    Ok(())
}
