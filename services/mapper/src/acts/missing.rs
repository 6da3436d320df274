//! The notice that orders of operators are missing, kept until an operator confirms that the orders are complete.

use lifecycle::Actor;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    QueryTrait,
};
use store::{Store, StoreError};

use crate::rows::{STALE, desired, identity, setting};

/// The name of the setting with the reasons.
const NAME: &str = "orders_missing";

/// Returns the reasons why orders of operators are missing, or `None` if none are missing or an operator has confirmed
/// them.
pub(crate) async fn load_missing(connection: &impl ConnectionTrait) -> Result<Option<String>, StoreError> {
    read_setting(connection, NAME).await
}

/// Adds a reason why orders of operators are missing.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn note_missing(store: &Store, reason: &str) -> Result<(), StoreError> {
    let known = load_missing(store.writer()).await?.unwrap_or_default();
    if known.contains(reason) {
        return Ok(());
    }
    let separator = if known.is_empty() { "" } else { "; " };
    tracing::error!(reason, "orders of operators are missing: access is withheld until they are confirmed");
    write_setting(store.writer(), NAME, format!("{known}{separator}{reason}")).await
}

/// Describes the missing orders for `usher status`.
pub(crate) fn missing_in_words(reasons: &str) -> String {
    format!(
        "orders of operators may be missing ({reasons}): give them again (`usher off`, `usher keep`, `usher people join`), then \
         confirm with `usher verify --orders-complete --why TEXT`; until then nothing is deleted, and accounts that are off \
         or new are held (`usher held ls`)"
    )
}

/// Confirms that the orders are complete. People with an account that is off are decided about again. Returns whether any
/// were missing.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn confirm_orders(store: &Store, actor: &Actor) -> Result<bool, StoreError> {
    let failed = StoreError::statement("confirm that the orders of operators are complete");
    let tx = store.begin().await?;
    let removed = setting::Entity::delete_by_id(NAME).exec(&tx).await.map_err(&failed)?;
    if removed.rows_affected > 0 {
        let off = desired::Entity::find()
            .select_only()
            .column(desired::Column::Subject)
            .filter(desired::Column::State.eq("disabled"))
            .into_query();
        let update = Query::update()
            .table(identity::Entity)
            .value(identity::Column::EvaluatedWith, STALE)
            .value(identity::Column::Revision, Expr::col(identity::Column::Revision).add(1))
            .and_where(Expr::col(identity::Column::Key).in_subquery(off))
            .to_owned();
        tx.execute(&update).await.map_err(&failed)?;
    }
    tx.commit().await.map_err(&failed)?;
    tracing::info!(who = actor.who, why = actor.why, "the orders of operators are confirmed to be complete");
    Ok(removed.rows_affected > 0)
}

/// Reads a setting of this module.
pub(crate) async fn read_setting(
    connection: &impl ConnectionTrait,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let row = setting::Entity::find_by_id(name).one(connection).await;
    Ok(row.map_err(StoreError::statement("read a setting"))?.map(|row| row.value))
}

/// Writes a setting of this module.
pub(crate) async fn write_setting(
    connection: &impl ConnectionTrait,
    name: &str,
    value: String,
) -> Result<(), StoreError> {
    let row = setting::Model { name: name.to_owned(), value };
    setting::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(
            OnConflict::column(setting::Column::Name).update_column(setting::Column::Value).to_owned(),
        )
        .exec_without_returning(connection)
        .await
        .map(drop)
        .map_err(StoreError::statement("write a setting"))
}
