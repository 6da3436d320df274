//! `console_timeline`: one row for each fact.

use sea_orm::entity::prelude::*;

/// A fact about a person, group or service.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "console_timeline")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) id: String,
    pub(crate) at: i64,
    /// Orders facts of the same instant.
    pub(crate) step: i16,
    #[sea_orm(column_type = "Text")]
    pub(crate) subject: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) service: String,
    /// The name of the fact.
    #[sea_orm(column_type = "Text")]
    pub(crate) fact: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) target: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) trace_id: Option<String>,
    /// The fact as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) body: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
