//! `gateway_scim_members`: the members of groups. One row for each, because a group may have 50,000.

use sea_orm::entity::prelude::*;

/// A membership: the ids of the group and of its member.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway_scim_members")]
pub(in crate::idp) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(in crate::idp) group_id: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(in crate::idp) member_id: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(in crate::idp) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
