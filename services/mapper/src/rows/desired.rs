//! `mapper_desired`: the state that was last requested of each target.

use lifecycle::DesiredState;
use sea_orm::entity::prelude::*;
use store::StoreError;

use super::decode_state;

/// The desired state of one person or group at one target.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_desired")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// `user` or `group`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) kind: String,
    /// Key of the person or group.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) subject: String,
    /// Revision of the last command, see [`lifecycle::next_revision`].
    pub(crate) revision: i64,
    /// `active`, `disabled`, `deleted`, `exists` or `absent`.
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    /// [`lifecycle::DesiredState`] as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) desired: String,
    /// Rises by one with each write, for optimistic concurrency.
    pub(crate) version: i64,
    /// The time of the last statement of a source about the person that a command carried; microseconds since the Unix
    /// epoch.
    pub(crate) stated_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Returns the state that was requested.
    ///
    /// # Errors
    /// Returns [`StoreError::Unreadable`] if it cannot be read.
    pub(crate) fn desired(&self) -> Result<DesiredState, StoreError> {
        decode_state(&self.desired, &self.subject)
    }
}
