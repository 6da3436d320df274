//! `mapper_records`: records of sources that are matched with people, and the people they belong to.

use lifecycle::RecordStatus;
use sea_orm::entity::prelude::*;
use store::StoreError;

use super::{decode_state, decode_word};

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
    /// Returns the status.
    ///
    /// # Errors
    /// Returns [`StoreError::Unreadable`] for a status that only another version knows.
    pub(crate) fn status(&self) -> Result<RecordStatus, StoreError> {
        decode_word(RecordStatus::named, &self.status, &self.key)
    }

    /// Returns the keys of the people that the record may belong to.
    ///
    /// # Errors
    /// Returns [`StoreError::Unreadable`] if they cannot be read.
    pub(crate) fn candidates(&self) -> Result<Vec<String>, StoreError> {
        decode_state(&self.candidates, &self.key)
    }

    /// Returns the pair of attribute and value that the record is matched by, if it has one.
    ///
    /// # Errors
    /// Returns [`StoreError::Unreadable`] if it cannot be read.
    pub(crate) fn matched(&self) -> Result<Vec<(String, String)>, StoreError> {
        decode_state(&self.matched, &self.key)
    }
}
