//! `mapper_identities`: the merged records of people.

use sea_orm::entity::prelude::*;

/// One person. A row with an empty state is not a person, see [`crate::subjects`].
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_identities")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) key: String,
    /// Rises by one with each change, for optimistic concurrency.
    pub(crate) revision: i64,
    /// [`lifecycle::PersonRecord`] as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    /// The time at which a known change takes effect next; microseconds since the Unix epoch.
    pub(crate) next_due_at: Option<i64>,
    /// The time of the next change that an operator would call one: `next_due_at` without the effects of dates in mappings.
    pub(crate) scheduled_at: Option<i64>,
    /// Fingerprint of the policies that it was last evaluated with, or [`super::STALE`].
    #[sea_orm(column_type = "Text")]
    pub(crate) evaluated_with: String,
    /// Key of the manager as of the last evaluation.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) manager: Option<String>,
    /// The values that records are matched by, as JSON: pairs of attribute and value.
    #[sea_orm(column_type = "Text")]
    pub(crate) matched: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
