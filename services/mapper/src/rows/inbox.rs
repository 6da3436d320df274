//! `mapper_inbox`: the events that were merged. It identifies duplicates.

use sea_orm::entity::prelude::*;

/// One merged event.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_inbox")]
pub(crate) struct Model {
    /// A [`lifecycle::EventId`].
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) event_id: String,
    /// The sequence number in EVENTS.
    pub(crate) sequence: i64,
    /// Microseconds since the Unix epoch.
    pub(crate) received_at: i64,
    /// A hash of the content that its sender gave, if the gateway sent one.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) content: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
