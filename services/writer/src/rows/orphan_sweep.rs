//! `writer_orphan_sweeps`: the last reading of all accounts of each target.

use sea_orm::entity::prelude::*;

/// The last sweep of one target.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_orphan_sweeps")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The start of the reconciliation that read the accounts; microseconds since the Unix epoch.
    pub(crate) swept_at: i64,
    /// True if there were more orphans than are stored.
    pub(crate) incomplete: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
