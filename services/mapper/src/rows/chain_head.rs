//! `mapper_chain_heads`: the end of the chain. A transaction that appends to the chain locks this row.

use sea_orm::entity::prelude::*;

/// The end of a chain.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_chain_heads")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) name: String,
    /// Sequence number of the last entry; 0 if there is none.
    pub(crate) sequence: i64,
    /// Hash of the last entry; empty if there is none.
    #[sea_orm(column_type = "Text")]
    pub(crate) hash: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
