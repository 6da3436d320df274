//! `writer_verifications`: the last verification of the desired state of each target.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, IntoActiveModel};
use store::StoreError;

/// The verification state of one target.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_verifications")]
pub(crate) struct Model {
    /// The name of the target.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The start of the last completed verification; microseconds since the Unix epoch, 0: never.
    pub(crate) verified_at: i64,
    /// A verification that began later than this is needed before anything but switch-offs goes out; 0 if none is.
    pub(crate) needed_since: i64,
    /// The reason why a verification is needed.
    #[sea_orm(column_type = "Text")]
    pub(crate) why: String,
    /// The time since which the target may have changed without this writer; microseconds since the Unix epoch, `None`
    /// once it was compared.
    pub(crate) stale_since: Option<i64>,
    /// The reason for that suspicion.
    #[sea_orm(column_type = "Text")]
    pub(crate) stale_why: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Returns `true` while only switch-offs may go out because a verification is needed.
    pub(crate) fn is_needed(&self) -> bool {
        self.needed_since > 0 && self.verified_at <= self.needed_since
    }

    /// Returns the reason why only switch-offs may go out, if that is so.
    pub(crate) fn restriction(&self) -> Option<&str> {
        if self.is_needed() {
            return Some(&self.why);
        }
        self.stale_since.map(|_| self.stale_why.as_str())
    }

    fn of(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            verified_at: 0,
            needed_since: 0,
            why: String::new(),
            stale_since: None,
            stale_why: String::new(),
        }
    }
}

/// Loads the rows of all targets that have one.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn load_all(connection: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    Entity::find().all(connection).await.map_err(StoreError::statement("read verifications"))
}

/// Stores that a verification of `target` that began at `begun` was completed.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn complete_verification(
    connection: &impl ConnectionTrait,
    target: &str,
    begun: i64,
) -> Result<(), StoreError> {
    let row = Model { verified_at: begun, ..Model::of(target) };
    write_verification(connection, row, Column::VerifiedAt).await
}

/// Stores that `target` needs a verification that begins later than `since`.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn need_verification(
    connection: &impl ConnectionTrait,
    target: &str,
    since: i64,
    why: &str,
) -> Result<(), StoreError> {
    let row = Model { needed_since: since, why: why.to_owned(), ..Model::of(target) };
    write_verification(connection, row, Column::NeededSince).await
}

/// Stores that `target` may have changed without this writer, or that it was compared (`stale`: the time and the reason).
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn set_stale(
    connection: &impl ConnectionTrait,
    target: &str,
    stale: Option<(i64, &str)>,
) -> Result<(), StoreError> {
    let row = Model {
        stale_since: stale.map(|(since, _)| since),
        stale_why: stale.map_or_else(String::new, |(_, why)| why.to_owned()),
        ..Model::of(target)
    };
    let conflict =
        OnConflict::column(Column::Target).update_columns([Column::StaleSince, Column::StaleWhy]).to_owned();
    Entity::insert(row.into_active_model().reset_all())
        .on_conflict(conflict)
        .exec_without_returning(connection)
        .await
        .map_err(StoreError::statement("keep whether a target went on without us"))?;
    Ok(())
}

/// Writes the row if its `time` is later than the stored one.
async fn write_verification(
    connection: &impl ConnectionTrait,
    row: Model,
    time: Column,
) -> Result<(), StoreError> {
    let column = Expr::col((Entity, time));
    let excluded = Expr::col((sea_orm::sea_query::Alias::new("excluded"), time));
    let columns = match time {
        Column::NeededSince => vec![Column::NeededSince, Column::Why],
        other => vec![other],
    };
    let conflict = OnConflict::column(Column::Target)
        .update_columns(columns)
        .action_and_where(sea_orm::sea_query::ExprTrait::lt(column, excluded))
        .to_owned();
    Entity::insert(row.into_active_model().reset_all())
        .on_conflict(conflict)
        .exec_without_returning(connection)
        .await
        .map_err(StoreError::statement("keep a verification"))?;
    Ok(())
}
