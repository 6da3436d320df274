//! `mapper_policy_files`: the file that was last taken from the folder of policies, by target.

use sea_orm::entity::prelude::*;

/// The last file of one target that was processed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_policy_files")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The fingerprint of the file's text.
    #[sea_orm(column_type = "Text")]
    pub(crate) fingerprint: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
