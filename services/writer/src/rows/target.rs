//! `writer_targets`: who owns a target.

use sea_orm::entity::prelude::*;

/// One target's lease.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_targets")]
pub(crate) struct Model {
    /// Name of the target.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) name: String,
    /// The replica that holds the lease.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) owner: Option<String>,
    /// Rises by one with each change of owner; results of an old epoch are refused.
    pub(crate) epoch: i64,
    /// Microseconds since the Unix epoch.
    pub(crate) lease_until: i64,
    /// The epoch whose owner notes what it sends before it does: of an older version's owner, everything queued is in doubt.
    pub(crate) noting_epoch: i64,
    /// Why requests do not flow, as the owner wrote it down; none while they do.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) circuit: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
