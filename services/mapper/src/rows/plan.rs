//! `mapper_plans`: plans of the last day.

use sea_orm::entity::prelude::*;

/// One plan.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_plans")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) id: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) target: String,
    /// `running`, `finished` or `failed`.
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    /// The number of people and groups evaluated so far.
    pub(crate) done: i64,
    /// The number of people and groups to evaluate.
    pub(crate) total: i64,
    /// The version that was in force.
    pub(crate) base_version: Option<i64>,
    /// The policy as YAML.
    #[sea_orm(column_type = "Text")]
    pub(crate) policy: String,
    /// Key of the only person or group that it is about.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) person: Option<String>,
    /// [`lifecycle::PolicyPlan`] as JSON, once it is finished.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) plan: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) error: Option<String>,
    /// Microseconds since the Unix epoch.
    pub(crate) created_at: i64,
    /// The last heartbeat of the replica that computes it; microseconds since the Unix epoch.
    pub(crate) heartbeat: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
