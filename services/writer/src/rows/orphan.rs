//! `writer_orphans`: accounts that no person has, as the last reconciliation saw them.

use sea_orm::entity::prelude::*;

/// One account.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_orphans")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The target's id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) remote_id: String,
    /// Empty where it has none.
    #[sea_orm(column_type = "Text")]
    pub(crate) login: String,
    /// Whether it can be used, if the target says.
    pub(crate) active: Option<bool>,
    /// Its rows in `writer_orphan_keys`, as JSON: so that they are written only when they change.
    #[sea_orm(column_type = "Text")]
    pub(crate) name_keys: String,
    /// When the reconciliation began that saw it last; microseconds since the Unix epoch.
    pub(crate) seen_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
