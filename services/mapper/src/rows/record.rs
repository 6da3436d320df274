//! `mapper_records`: what sources say whose records are matched with people, and with whom.

use lifecycle::RecordStatus;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_records")]
pub(crate) struct Model {
    /// The source by its name in `mapper.people`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) source: String,
    /// What the source calls the person.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) key: String,
    /// Rises by one with each change; what optimistic concurrency goes by.
    pub(crate) revision: i64,
    /// [`lifecycle::PersonRecord`] as JSON: what the source said.
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    /// What it is matched by, as JSON: no pair, or one of attribute and value.
    #[sea_orm(column_type = "Text")]
    pub(crate) matched: String,
    /// Key of the person, once that is known. It stays, whatever becomes of the values.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) person: Option<String>,
    /// [`RecordStatus`].
    #[sea_orm(column_type = "Text")]
    pub(crate) status: String,
    /// Why it is a conflict.
    #[sea_orm(column_type = "Text")]
    pub(crate) reason: String,
    /// Keys of the people it may be, as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) candidates: String,
    /// Since when it has this status; microseconds since the Unix epoch.
    pub(crate) since: i64,
    /// When something that is known already takes effect; microseconds since the Unix epoch.
    pub(crate) next_due_at: Option<i64>,
    /// As in [`super::identity`].
    #[sea_orm(column_type = "Text")]
    pub(crate) evaluated_with: String,
    /// By what the source says, the person left.
    pub(crate) departed: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn status(&self) -> RecordStatus {
        RecordStatus::named(&self.status).unwrap_or(RecordStatus::Waiting)
    }

    pub(crate) fn candidates(&self) -> Vec<String> {
        serde_json::from_str(&self.candidates).unwrap_or_default()
    }
}
