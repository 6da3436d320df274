//! `mapper_other_accounts`: accounts at a target that may be a leaver's, as the writer last said. Times are microseconds since
//! the Unix epoch.

use lifecycle::OtherAccounts;
use sea_orm::entity::prelude::*;

/// One leaver at one target, as long as one of the obligations has not ended or is verified.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_other_accounts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// Key of the person.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) subject: String,
    /// When the writer is asked next.
    pub(crate) next_check_at: i64,
    /// How many are on, or may be.
    pub(crate) active: i64,
    /// There may be more: see [`lifecycle::OtherAccountsGap`]; or the writer was not asked yet.
    pub(crate) incomplete: bool,
    /// [`OtherAccounts`] as JSON; none before the writer answered.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) found: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// A leaver the writer is asked about at `at`.
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

    /// None before the writer answered, or where another version wrote it.
    pub(crate) fn found(&self) -> Option<OtherAccounts> {
        serde_json::from_str(self.found.as_deref()?).ok()
    }

    /// The row with what the writer says.
    pub(crate) fn with(&self, found: &OtherAccounts) -> Self {
        Self {
            active: i64::try_from(found.active()).unwrap_or(i64::MAX),
            incomplete: !found.gaps.is_empty(),
            found: serde_json::to_string(found).ok(),
            ..self.clone()
        }
    }
}
