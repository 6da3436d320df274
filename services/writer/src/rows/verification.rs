//! `writer_verifications`: when what was decided for a target was last compared with what is known here.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, IntoActiveModel};
use store::StoreError;

/// One target.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_verifications")]
pub(crate) struct Model {
    /// Name of the target.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// When the last one that was completed began; microseconds since the Unix epoch, 0: never.
    pub(crate) verified_at: i64,
    /// One that began later than this is needed before anything but switching off goes out; 0: none is.
    pub(crate) needed_since: i64,
    /// Why it is needed.
    #[sea_orm(column_type = "Text")]
    pub(crate) why: String,
    /// The target may have gone on without us since then; microseconds since the Unix epoch, none once it was compared.
    pub(crate) stale_since: Option<i64>,
    /// Why that may be.
    #[sea_orm(column_type = "Text")]
    pub(crate) stale_why: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// True while nothing but switching off may go out.
    pub(crate) fn is_needed(&self) -> bool {
        self.needed_since > 0 && self.verified_at <= self.needed_since
    }

    /// Why nothing but switching off may go out, if that is so.
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

/// Every target about which something is known.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn load_all(connection: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    Entity::find().all(connection).await.map_err(StoreError::statement("read verifications"))
}

/// Keeps that a verification of `target` that began at `begun` was completed.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn complete_verification(
    connection: &impl ConnectionTrait,
    target: &str,
    begun: i64,
) -> Result<(), StoreError> {
    let row = Model { verified_at: begun, ..Model::of(target) };
    write_verification(connection, row, Column::VerifiedAt).await
}

/// Keeps that `target` needs one that begins later than `since`.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn need_verification(
    connection: &impl ConnectionTrait,
    target: &str,
    since: i64,
    why: &str,
) -> Result<(), StoreError> {
    let row = Model { needed_since: since, why: why.to_owned(), ..Model::of(target) };
    write_verification(connection, row, Column::NeededSince).await
}

/// Keeps that `target` may have gone on without us since `since`, or that it was compared (`stale`: since when and why).
///
/// # Errors
/// As the database reports them.
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

/// Writes what is later.
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
