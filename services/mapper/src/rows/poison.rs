//! `mapper_poison`: messages that could not be read. They stay in EVENTS; this says which ones.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_poison")]
pub(crate) struct Model {
    /// Stream and sequence.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) message: String,
    /// Why, without the payload.
    #[sea_orm(column_type = "Text")]
    pub(crate) error: String,
    /// Microseconds since the Unix epoch.
    pub(crate) at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
