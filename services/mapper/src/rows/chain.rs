//! `mapper_chain`: everything that became of obligations, each entry with the hash of the one before.

use sea_orm::entity::prelude::*;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_chain")]
pub(crate) struct Model {
    /// From 1, without gaps.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) sequence: i64,
    /// Microseconds since the Unix epoch.
    pub(crate) at: i64,
    /// What the entry is about: an obligation.
    #[sea_orm(column_type = "Text")]
    pub(crate) kind: String,
    /// Id of the obligation.
    #[sea_orm(column_type = "Text")]
    pub(crate) about: String,
    /// What is said of it, as JSON; people are named by keyed hashes.
    #[sea_orm(column_type = "Text")]
    pub(crate) entry: String,
    /// Hash of the entry before; empty for the first.
    #[sea_orm(column_type = "Text")]
    pub(crate) before: String,
    /// See [`lifecycle::export::chain_hash`].
    #[sea_orm(column_type = "Text")]
    pub(crate) hash: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
