//! `mapper_verifications`: the last verification of each target.

use lifecycle::{Verification, VerificationState};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, IntoActiveModel};
use store::StoreError;
use telemetry::chain;

/// The verification of one target.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_verifications")]
pub(crate) struct Model {
    /// Name of the target.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The time at which it began; microseconds since the Unix epoch.
    pub(crate) began_at: i64,
    /// [`Verification`] as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) report: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Returns the last verification of each target, in order of target. One that cannot be decoded is reported as failed.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn load_all(connection: &impl ConnectionTrait) -> Result<Vec<Verification>, StoreError> {
    let rows = Entity::find().all(connection).await.map_err(StoreError::statement("read verifications"))?;
    let mut reports: Vec<Verification> = rows
        .iter()
        .map(|row| serde_json::from_str(&row.report).unwrap_or_else(|error| unreadable(row, &error)))
        .collect();
    reports.sort_by(|one: &Verification, other| one.target.cmp(&other.target));
    Ok(reports)
}

/// Builds the report for one that cannot be decoded.
fn unreadable(row: &Model, error: &serde_json::Error) -> Verification {
    tracing::error!(
        target_name = row.target,
        error = chain(error),
        "the report of the last verification cannot be read"
    );
    Verification {
        target: row.target.clone(),
        state: VerificationState::Failed,
        began_at: row.began_at,
        began: Some(crate::moment_of(row.began_at)),
        error: Some(format!(
            "its report is of another version and cannot be read ({error}): usher verify {}",
            row.target
        )),
        ..Verification::default()
    }
}

/// Writes the whole row.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn save_verification(
    connection: &impl ConnectionTrait,
    report: &Verification,
) -> Result<(), StoreError> {
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

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait;
    use store::Store;

    use super::*;
    use crate::MapperMigrator;

    #[tokio::test]
    async fn a_report_of_another_version_is_listed_as_a_verification_that_failed() {
        for database in store::testing::test_databases() {
            let store = Store::open::<MapperMigrator>(&database.url).await.unwrap();
            for target in ["crm", "hub"] {
                let report = Verification {
                    target: target.to_owned(),
                    state: VerificationState::Finished,
                    began_at: 7,
                    ..Verification::default()
                };
                save_verification(store.writer(), &report).await.unwrap();
            }
            let sql = "UPDATE mapper_verifications SET report = '{\"outcome\": 3}' WHERE target = 'crm'";
            store.writer().execute_unprepared(sql).await.unwrap();
            let all = load_all(store.reader()).await.unwrap();
            let states: Vec<(&str, VerificationState)> =
                all.iter().map(|one| (&*one.target, one.state)).collect();
            assert_eq!(states, [("crm", VerificationState::Failed), ("hub", VerificationState::Finished)]);
            let error = all[0].error.as_deref().unwrap();
            assert!(error.contains("cannot be read") && all[0].began_at == 7, "{error}");
        }
    }
}
