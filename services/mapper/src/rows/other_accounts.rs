//! `mapper_other_accounts`: accounts at a target that may belong to a leaver, by the writer's last answer. Times are
//! microseconds since the Unix epoch.

use std::collections::BTreeSet;

use lifecycle::OtherAccounts;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, DatabaseTransaction, IntoActiveModel};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::obligation;

/// One leaver at one target. It exists while one of the obligations has not ended or is under verification.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_other_accounts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// Key of the person.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) subject: String,
    /// The time at which the writer is asked next.
    pub(crate) next_check_at: i64,
    /// The number of accounts that are active, or may be.
    pub(crate) active: i64,
    /// `true` if there may be more accounts, see [`lifecycle::OtherAccountsGap`], or the writer was not asked yet.
    pub(crate) incomplete: bool,
    /// [`OtherAccounts`] as JSON; `None` until the writer has answered.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) found: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Returns the row of a leaver that the writer must be asked about at `at`.
    pub(crate) fn due(target: &str, subject: &str, at: i64) -> Self {
        Self {
            target: target.to_owned(),
            subject: subject.to_owned(),
            next_check_at: at,
            active: 0,
            incomplete: true,
            found: None,
        }
    }

    /// Returns the writer's answer; `None` until the writer has answered, or if another version wrote it.
    pub(crate) fn found(&self) -> Option<OtherAccounts> {
        serde_json::from_str(self.found.as_deref()?).ok()
    }

    /// Returns the row with the writer's answer.
    pub(crate) fn with(&self, found: &OtherAccounts) -> Self {
        Self {
            active: i64::try_from(found.active()).unwrap_or(i64::MAX),
            incomplete: !found.gaps.is_empty(),
            found: serde_json::to_string(found).ok(),
            ..self.clone()
        }
    }
}

/// Schedules a lookup of the other accounts of these people soon, because their obligations have changed.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn ask_soon(
    tx: &DatabaseTransaction,
    changed: &[obligation::Model],
    now: i64,
) -> Result<(), StoreError> {
    let accounts = changed.iter().filter(|row| row.member_of.is_empty());
    let keys: BTreeSet<(&str, &str)> =
        accounts.map(|row| (row.target.as_str(), row.subject.as_str())).collect();
    let conflict =
        OnConflict::columns([Column::Target, Column::Subject]).update_column(Column::NextCheckAt).to_owned();
    let rows: Vec<Model> =
        keys.into_iter().map(|(target, subject)| Model::due(target, subject, now)).collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT_MAX) {
        let models = rows.iter().map(|row| row.clone().into_active_model().reset_all());
        Entity::insert_many(models)
            .on_conflict(conflict.clone())
            .exec_without_returning(tx)
            .await
            .map_err(StoreError::statement("schedule a lookup of other accounts"))?;
    }
    Ok(())
}
