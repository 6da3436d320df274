//! `console_people`: every login name that a person ever had at a target.

use sea_orm::entity::prelude::*;

/// A login name, in lower case, of a person.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "console_people")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) subject: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) user_name: String,
    /// The time of the last decision with this name.
    pub(crate) at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
