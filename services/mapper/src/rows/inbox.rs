//! `mapper_inbox`: which events were merged. What makes a duplicate a duplicate.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_inbox")]
pub(crate) struct Model {
    /// A [`lifecycle::EventId`].
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) event_id: String,
    /// Where it lies in EVENTS.
    pub(crate) sequence: i64,
    /// Microseconds since the Unix epoch.
    pub(crate) received_at: i64,
    /// A hash of what its sender said, if the gateway told.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) content: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
