//! `gateway_scim_members`: who is in which group. A row each, for a group may have 50,000.

use sea_orm::entity::prelude::*;

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
