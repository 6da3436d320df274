//! `gateway_fetches`: whose records are to be fetched. A row for each source and person.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway_fetches")]
pub(super) struct Model {
    /// Name of the source.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(super) source: String,
    /// The source's key of the person.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(super) key: String,
    /// How many notices there were. A fetch that began before the last of them has to be followed by another.
    pub(super) asked: i64,
    /// See [`FetchState`].
    #[sea_orm(column_type = "Text")]
    pub(super) state: String,
    /// What the last notice that spoke of coming or going said happened.
    #[sea_orm(column_type = "Text", nullable)]
    pub(super) hint: Option<String>,
    /// When it was asked for first, in microseconds since the Unix epoch.
    pub(super) wanted_since: i64,
    /// Not to be tried before.
    pub(super) due_at: i64,
    /// Failures that the record itself is to blame for.
    pub(super) attempts: i32,
    /// Why the last try failed.
    #[sea_orm(column_type = "Text", nullable)]
    pub(super) last_error: Option<String>,
    /// The trace of the last notice.
    #[sea_orm(column_type = "Text", nullable)]
    pub(super) trace: Option<String>,
}

/// What is to become of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FetchState {
    /// To be fetched.
    Waiting,
    /// Failed too often: a human looks at it, or another notice comes.
    Parked,
}

impl FetchState {
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
