//! `mapper_findings`: problems in people's data that an operator should look at.

use lifecycle::PersonFinding;
use sea_orm::entity::prelude::*;

use crate::moment_of;

/// One finding about a person.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_findings")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) person: String,
    /// A [`lifecycle::FindingKind`].
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) kind: String,
    /// The target of the account; empty if the finding is not about an account.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The configured source of the statement; empty if there is none.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) sender: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) field: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) detail: String,
    /// Microseconds since the Unix epoch.
    pub(crate) since: i64,
    /// `true` if the unread value may report the person's departure.
    pub(crate) departure: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Returns the primary key.
    pub(crate) fn key(&self) -> [&str; 5] {
        [&self.person, &self.kind, &self.target, &self.sender, &self.field]
    }

    /// Converts the finding for operators.
    pub(crate) fn told(self) -> PersonFinding {
        let Self { person, target, sender, field, detail, since, .. } = self;
        PersonFinding { person, target, sender, field, detail, since: moment_of(since) }
    }
}
