//! `mapper_identities`: what is known of people.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_identities")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) key: String,
    /// Rises by one with each change; what optimistic concurrency goes by.
    pub(crate) revision: i64,
    /// [`lifecycle::PersonRecord`] as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    /// When something that is known already takes effect; microseconds since the Unix epoch.
    pub(crate) next_due_at: Option<i64>,
    /// When something that people would call a change takes effect: `next_due_at` without what mappings make of the date.
    pub(crate) scheduled_at: Option<i64>,
    /// Fingerprint of the policies that it was last evaluated with, or [`super::STALE`].
    #[sea_orm(column_type = "Text")]
    pub(crate) evaluated_with: String,
    /// Key of the manager as of the last evaluation.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) manager: Option<String>,
    /// What records are matched with it by, as JSON: pairs of attribute and value.
    #[sea_orm(column_type = "Text")]
    pub(crate) matched: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
