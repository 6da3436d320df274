//! `mapper_findings`: what a human should look at in people.

use lifecycle::PersonFinding;
use sea_orm::entity::prelude::*;

use crate::moment_of;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_findings")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) person: String,
    /// A [`lifecycle::FindingKind`].
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) kind: String,
    /// Of an account; empty otherwise.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The configured source that said it; empty where none did.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) sender: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) field: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) detail: String,
    /// Microseconds since the Unix epoch.
    pub(crate) since: i64,
    /// It may be what says that the person left.
    pub(crate) departure: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// What tells it apart from others.
    pub(crate) fn key(&self) -> [&str; 5] {
        [&self.person, &self.kind, &self.target, &self.sender, &self.field]
    }

    /// For operators.
    pub(crate) fn told(self) -> PersonFinding {
        let Self { person, target, sender, field, detail, since, .. } = self;
        PersonFinding { person, target, sender, field, detail, since: moment_of(since) }
    }
}
