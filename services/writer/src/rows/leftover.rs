//! `writer_leftovers`: groups that may still list the id of an account that is gone.

use sea_orm::entity::prelude::*;

/// One id in one group.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_leftovers")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The key of the group.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) group_subject: String,
    /// The target's id of the account or group that is gone.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) member_id: String,
    /// The key of the person or group that had the id.
    #[sea_orm(column_type = "Text")]
    pub(crate) member_subject: String,
    /// The time of the earliest next try; microseconds since the Unix epoch.
    pub(crate) next_attempt_at: i64,
    /// The number of failed tries.
    pub(crate) attempts: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
