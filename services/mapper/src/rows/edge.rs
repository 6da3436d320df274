//! `mapper_edges`: memberships of people and groups in groups.

use sea_orm::entity::prelude::*;

/// One person or group in one group.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_edges")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) group_key: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) member_key: String,
    /// Rises by one with each write, for optimistic concurrency.
    pub(crate) version: i64,
    /// [`lifecycle::MembershipState`] as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    /// `true` if the person is a member now.
    pub(crate) present: bool,
    /// `true` if the person is in a group that is in this one, through any number of groups.
    pub(crate) indirect: bool,
    /// Rises whenever the membership that targets see changes, see [`lifecycle::next_revision`]. It is the revision in commands.
    pub(crate) revision: i64,
    /// The time at which a known change takes effect next; microseconds since the Unix epoch.
    pub(crate) next_due_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Returns whether the person is a member of the group at targets.
    pub(crate) fn is_member(&self) -> bool {
        self.present || self.indirect
    }
}
