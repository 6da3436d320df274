//! `writer_removals`: changes of access that were carried out, as long as the guard counts them.

use sea_orm::entity::prelude::*;

/// One change of access.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_removals")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The kind: `user` or `group`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) kind: String,
    /// The key of the person or group.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) subject: String,
    /// The time of the change in microseconds since the Unix epoch.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) at: i64,
    /// The change: an [`super::access::AccessChange`].
    #[sea_orm(column_type = "Text")]
    pub(crate) access_change: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
