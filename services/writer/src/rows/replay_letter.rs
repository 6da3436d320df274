//! `writer_replay_letters`: the dead letters that an operation has still to retry.

use sea_orm::entity::prelude::*;

/// One dead letter of an operation.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_replay_letters")]
pub(crate) struct Model {
    /// The id of the operation.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) replay: String,
    /// The id of the dead letter. Ids are in the order of their creation.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) letter: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
