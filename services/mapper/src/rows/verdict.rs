//! `mapper_verdicts`: what humans said of whose record it is.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_verdicts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) source: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) key: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) person: String,
    /// It is this person's, or it is not.
    pub(crate) same: bool,
    /// Microseconds since the Unix epoch.
    pub(crate) at: i64,
    #[sea_orm(column_type = "Text")]
    pub(crate) who: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) why: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
