//! `mapper_match_values`: who has a value that records are matched by. Whoever gets or loses it writes the row, so two
//! replicas that hear of a person and of their record at the same moment notice each other.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_match_values")]
pub(crate) struct Model {
    /// Name of the person's attribute, or `key`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) attribute: String,
    /// The value, in lower case.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) value: String,
    /// Rises by one with each change; what optimistic concurrency goes by.
    pub(crate) revision: i64,
    /// Keys of people who have it, as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) people: String,
    /// Source and key of the records that have it, as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) records: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
