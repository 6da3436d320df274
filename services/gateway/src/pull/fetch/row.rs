//! `gateway_fetches`: the wanted records. One row for each source and person.

use sea_orm::entity::prelude::*;

/// A wanted record.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway_fetches")]
pub(super) struct Model {
    /// The name of the source.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(super) source: String,
    /// The source's key of the person.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(super) key: String,
    /// The number of notices. A fetch that began before the last of them must be followed by another.
    pub(super) asked: i64,
    /// The state of the row: see [`FetchState`].
    #[sea_orm(column_type = "Text")]
    pub(super) state: String,
    /// The event kind of the last notice that announced a hire or departure.
    #[sea_orm(column_type = "Text", nullable)]
    pub(super) hint: Option<String>,
    /// The time of the first request for the record, in microseconds since the Unix epoch.
    pub(super) wanted_since: i64,
    /// The time before which the record is not fetched, in microseconds since the Unix epoch.
    pub(super) due_at: i64,
    /// The number of failures attributed to the record itself.
    pub(super) attempts: i32,
    /// The reason for the last failure.
    #[sea_orm(column_type = "Text", nullable)]
    pub(super) last_error: Option<String>,
    /// The trace context of the last notice.
    #[sea_orm(column_type = "Text", nullable)]
    pub(super) trace: Option<String>,
}

/// The state of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FetchState {
    /// The record will be fetched.
    Waiting,
    /// The record failed too often. An operator must look at it, or another notice must arrive.
    Parked,
}

impl FetchState {
    /// Returns the value in the database.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Parked => "parked",
        }
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(super) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
