//! `console_dead_letters`: dead letters. A closing fact that comes first leaves a row without details, so that its state wins
//! later.

use sea_orm::entity::prelude::*;

/// A dead letter. Its details are there when [`Self::target`] is.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "console_dead_letters")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) id: String,
    /// `open`, `replayed` or `discarded`.
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) target: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) kind: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) subject: Option<String>,
    pub(crate) revision: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) operation: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) class: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) error: Option<String>,
    pub(crate) attempts: Option<i32>,
    /// The last request and answer as JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) exchange: Option<String>,
    pub(crate) at: Option<i64>,
    pub(crate) closed_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) closed_by: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) why: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) outcome: Option<String>,
    /// The key of the group, for a membership.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) member_of: Option<String>,
    /// The failed requests as JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) failures: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
