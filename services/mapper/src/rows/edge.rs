//! `mapper_edges`: who is in which group.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_edges")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) group_key: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) member_key: String,
    /// Rises by one with each write; what optimistic concurrency goes by.
    pub(crate) version: i64,
    /// [`lifecycle::MembershipState`] as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    /// Whether the person is a member now.
    pub(crate) present: bool,
    /// Whether the person is in a group that is in this one, through any number of groups.
    pub(crate) indirect: bool,
    /// Rises whenever what targets are told changes, see [`lifecycle::next_revision`]; the edge's revision in commands.
    pub(crate) revision: i64,
    /// When something that is known already takes effect; microseconds since the Unix epoch.
    pub(crate) next_due_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Whether targets have the person in the group.
    pub(crate) fn is_member(&self) -> bool {
        self.present || self.indirect
    }
}
