//! `writer_orphans`: orphans, as the last reconciliation saw them.

use sea_orm::entity::prelude::*;

/// One orphan.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_orphans")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The target's id of the account.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) remote_id: String,
    /// The login name; empty if it has none.
    #[sea_orm(column_type = "Text")]
    pub(crate) login: String,
    /// True if the account is active; `None` if the target does not say.
    pub(crate) active: Option<bool>,
    /// The keys of its rows in `writer_orphan_keys`, as JSON, so that they are written only when they change.
    #[sea_orm(column_type = "Text")]
    pub(crate) name_keys: String,
    /// The start of the last reconciliation that saw the account; microseconds since the Unix epoch.
    pub(crate) seen_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The prefix of the keys of orphans.
pub(crate) const PREFIX: &str = "orphan:";

/// Returns whether the key is that of an orphan.
pub(crate) fn is_orphan(subject: &str) -> bool {
    subject.starts_with(PREFIX)
}

/// Returns the key of the orphan with this id at the target.
pub(crate) fn orphan_subject(remote_id: &str) -> String {
    format!("{PREFIX}{remote_id}")
}
