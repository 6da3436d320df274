//! `gateway_poll_rows`: the rows of a list that were read, as hashes.

use sea_orm::entity::prelude::*;

/// A row that was read.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway_poll_rows")]
pub(super) struct Model {
    /// The name of the list.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(super) poll: String,
    /// The source's key of the person.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(super) key: String,
    /// The time at which the row takes effect, in microseconds since the Unix epoch; 0 if it names none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(super) effective_at: i64,
    /// The hash of the row's content.
    #[sea_orm(column_type = "Text")]
    pub(super) hash: String,
    /// `true` if the row says that the person left.
    pub(super) departs: bool,
    /// The start of the last reading that contained the row, in microseconds since the Unix epoch.
    pub(super) seen_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(super) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
