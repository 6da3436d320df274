//! `gateway_poll_rows`: the rows of a list that were read, as hashes.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway_poll_rows")]
pub(super) struct Model {
    /// Name of the list.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(super) poll: String,
    /// The source's key of the person.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(super) key: String,
    /// From when on the row holds, in microseconds since the Unix epoch; 0 if it does not say.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(super) effective_at: i64,
    /// Of all that it says.
    #[sea_orm(column_type = "Text")]
    pub(super) hash: String,
    /// Whether it says that the person left.
    pub(super) departs: bool,
    /// When the last reading began that it was in.
    pub(super) seen_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(super) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
