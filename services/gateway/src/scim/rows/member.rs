//! `gateway_scim_members`: the members of groups. One row for each, because a group may have 50,000.

use sea_orm::entity::prelude::*;

/// A membership: the ids of the group and of its member.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway_scim_members")]
pub(in crate::scim) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(in crate::scim) group_id: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(in crate::scim) member_id: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(in crate::scim) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
