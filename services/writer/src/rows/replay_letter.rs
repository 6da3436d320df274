//! `writer_replay_letters`: the dead letters that an operation has still to try again.

use sea_orm::entity::prelude::*;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_replay_letters")]
pub(crate) struct Model {
    /// The operation.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) replay: String,
    /// The dead letter; ids are in the order of their death.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) letter: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
