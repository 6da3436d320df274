//! `mapper_records`: records of sources that are matched with people, and the people they belong to.

use lifecycle::RecordStatus;
use sea_orm::entity::prelude::*;

/// One record of a source.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_records")]
pub(crate) struct Model {
    /// The source by its name in `mapper.people`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) source: String,
    /// The source's key of the person.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) key: String,
    /// Rises by one with each change, for optimistic concurrency.
    pub(crate) revision: i64,
    /// [`lifecycle::PersonRecord`] as JSON: the source's statements.
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    /// The value that it is matched by, as JSON: no pair, or one of attribute and value.
    #[sea_orm(column_type = "Text")]
    pub(crate) matched: String,
    /// Key of the person, once that is known. It stays when the values change later.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) person: Option<String>,
    /// [`RecordStatus`].
    #[sea_orm(column_type = "Text")]
    pub(crate) status: String,
    /// The reason for the conflict.
    #[sea_orm(column_type = "Text")]
    pub(crate) reason: String,
    /// Keys of the people it may belong to, as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) candidates: String,
    /// The time at which it got this status; microseconds since the Unix epoch.
    pub(crate) since: i64,
    /// The time at which a known change takes effect next; microseconds since the Unix epoch.
    pub(crate) next_due_at: Option<i64>,
    /// See [`super::identity`].
    #[sea_orm(column_type = "Text")]
    pub(crate) evaluated_with: String,
    /// `true` if the person left by the source's statements.
    pub(crate) departed: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Returns the status. One that this version does not know counts as waiting.
    pub(crate) fn status(&self) -> RecordStatus {
        RecordStatus::named(&self.status).unwrap_or(RecordStatus::Waiting)
    }

    /// Returns the keys of the people that the record may belong to.
    pub(crate) fn candidates(&self) -> Vec<String> {
        serde_json::from_str(&self.candidates).unwrap_or_default()
    }
}
