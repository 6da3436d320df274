//! `mapper_chain`: all changes of obligations; each entry contains the hash of the previous one.

use sea_orm::entity::prelude::*;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_chain")]
pub(crate) struct Model {
    /// The sequence number, from 1, without gaps.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) sequence: i64,
    /// Microseconds since the Unix epoch.
    pub(crate) at: i64,
    /// The kind of subject that the entry is about: an obligation.
    #[sea_orm(column_type = "Text")]
    pub(crate) kind: String,
    /// Id of the obligation.
    #[sea_orm(column_type = "Text")]
    pub(crate) about: String,
    /// The content of the entry, as JSON. People are identified by keyed hashes.
    #[sea_orm(column_type = "Text")]
    pub(crate) entry: String,
    /// Hash of the previous entry; empty for the first.
    #[sea_orm(column_type = "Text")]
    pub(crate) before: String,
    /// See [`lifecycle::export::chain_hash`].
    #[sea_orm(column_type = "Text")]
    pub(crate) hash: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
