//! `mapper_chain_heads`: where the chain ends. Its row is locked by the transaction that adds to the chain.

use sea_orm::entity::prelude::*;

/// The end of a chain.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_chain_heads")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) name: String,
    /// Of the last entry; 0 without any.
    pub(crate) sequence: i64,
    /// Of the last entry; empty without any.
    #[sea_orm(column_type = "Text")]
    pub(crate) hash: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
