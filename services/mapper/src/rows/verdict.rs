//! `mapper_verdicts`: the verdicts of operators about the owners of records.

use sea_orm::entity::prelude::*;

/// One verdict of an operator.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_verdicts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) source: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) key: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) person: String,
    /// `true` if the record belongs to this person, `false` if it does not.
    pub(crate) same: bool,
    /// Microseconds since the Unix epoch.
    pub(crate) at: i64,
    #[sea_orm(column_type = "Text")]
    pub(crate) who: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) why: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
