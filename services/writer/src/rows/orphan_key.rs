//! `writer_orphan_keys`: the keys by which orphans are found.

use sea_orm::entity::prelude::*;

/// One key of one orphan: see [`lifecycle::stored_name_keys`].
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_orphan_keys")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) name_key: String,
    /// The target's id of the account.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) remote_id: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
