//! `mapper_groups`: the merged state of groups.

use sea_orm::entity::prelude::*;

/// One group.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_groups")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) key: String,
    /// Rises by one with each change, for optimistic concurrency.
    pub(crate) revision: i64,
    /// [`lifecycle::GroupState`] as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    /// The time at which a known change takes effect next; microseconds since the Unix epoch.
    pub(crate) next_due_at: Option<i64>,
    /// Fingerprint of the policies that it was last evaluated with, or [`super::STALE`].
    #[sea_orm(column_type = "Text")]
    pub(crate) evaluated_with: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
