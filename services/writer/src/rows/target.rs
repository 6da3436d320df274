//! `writer_targets`: the owners of the targets.

use sea_orm::entity::prelude::*;

/// The lease of one target.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_targets")]
pub(crate) struct Model {
    /// The name of the target.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) name: String,
    /// The replica that holds the lease.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) owner: Option<String>,
    /// The epoch. It rises by one with each acquisition; results of an old epoch are refused.
    pub(crate) epoch: i64,
    /// The end of the lease in microseconds since the Unix epoch.
    pub(crate) lease_until: i64,
    /// The epoch whose owner notes its requests before it sends them. An owner of an older version leaves all queued rows in doubt.
    pub(crate) noting_epoch: i64,
    /// The reason why the circuit is open, as stored by the owner; `None` while it is closed.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) circuit: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
