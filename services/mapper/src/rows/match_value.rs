//! `mapper_match_values`: the people and records with a value that records are matched by. Each person or record that gets or
//! loses a value writes its row, so two replicas that process a person and their record concurrently detect each other.

use sea_orm::entity::prelude::*;

/// One value of one attribute, with its holders.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_match_values")]
pub(crate) struct Model {
    /// Name of the person's attribute, or `key`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) attribute: String,
    /// The value, in lower case.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) value: String,
    /// Rises by one with each change, for optimistic concurrency.
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
