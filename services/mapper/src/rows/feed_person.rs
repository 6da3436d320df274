//! `mapper_feed_people`: who was last seen in which run of a full feed.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_feed_people")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) feed: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) key: String,
    /// The newest run that lists the person.
    #[sea_orm(column_type = "Text")]
    pub(crate) run: String,
    /// When that began; microseconds since the Unix epoch.
    pub(crate) run_at: i64,
    /// It listed them as somebody who is employed: when they are not listed any more, they left.
    pub(crate) employed: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
