//! `writer_orphan_sweeps`: when all accounts of a target were last read.

use sea_orm::entity::prelude::*;

/// One target.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_orphan_sweeps")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// When the reconciliation began that read them; microseconds since the Unix epoch.
    pub(crate) swept_at: i64,
    /// There were more orphans than are kept.
    pub(crate) incomplete: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
