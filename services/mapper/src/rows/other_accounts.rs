//! `mapper_other_accounts`: accounts at a target that may belong to a leaver, by the writer's last answer. Times are
//! microseconds since the Unix epoch.

use lifecycle::OtherAccounts;
use sea_orm::entity::prelude::*;

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
