//! `mapper_policies`: all versions of all policies. The newest version of a target is in force.

use sea_orm::entity::prelude::*;

/// One version of a target's policy.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_policies")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The version number, from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) version: i64,
    /// Microseconds since the Unix epoch.
    pub(crate) at: i64,
    #[sea_orm(column_type = "Text")]
    pub(crate) who: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) why: String,
    /// The number of accounts and groups that lose access by the plan.
    pub(crate) removals: i64,
    /// The policy as YAML, as it was applied.
    #[sea_orm(column_type = "Text")]
    pub(crate) policy: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
