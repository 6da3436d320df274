//! `mapper_policies`: every version of every policy; the newest of a target is in force.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_policies")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// From 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) version: i64,
    /// Microseconds.
    pub(crate) at: i64,
    #[sea_orm(column_type = "Text")]
    pub(crate) who: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) why: String,
    /// Accounts and groups that were planned to lose access by it.
    pub(crate) removals: i64,
    /// The YAML, as it was applied.
    #[sea_orm(column_type = "Text")]
    pub(crate) policy: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
