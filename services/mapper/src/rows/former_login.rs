//! `mapper_former_logins`: logins of people who are off, as hashes.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, IntoActiveModel};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

/// A login that a person had when they left.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_former_logins")]
pub(crate) struct Model {
    /// The hash from [`lifecycle::login_hash`].
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) login: String,
    /// The key of the person who had it.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) person: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Returns the people who had one of these logins and are off.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn of(
    connection: &impl ConnectionTrait,
    logins: &[&String],
) -> Result<Vec<Model>, StoreError> {
    let mut rows = Vec::new();
    for chunk in logins.chunks(ROWS_PER_STATEMENT_MAX) {
        let some = Entity::find()
            .filter(Column::Login.is_in(chunk.iter().map(|login| login.as_str())))
            .all(connection)
            .await
            .map_err(StoreError::statement("read former logins"))?;
        rows.extend(some);
    }
    Ok(rows)
}

/// Stores logins. Existing rows are kept.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn put(connection: &impl ConnectionTrait, rows: &[Model]) -> Result<(), StoreError> {
    for chunk in rows.chunks(ROWS_PER_STATEMENT_MAX) {
        Entity::insert_many(chunk.iter().map(|row| row.clone().into_active_model().reset_all()))
            .on_conflict(OnConflict::columns([Column::Login, Column::Person]).do_nothing().to_owned())
            .exec_without_returning(connection)
            .await
            .map_err(StoreError::statement("write former logins"))?;
    }
    Ok(())
}

/// Deletes the logins of people who are back. Returns the number of deleted rows.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn forget(connection: &impl ConnectionTrait, people: &[String]) -> Result<u64, StoreError> {
    let mut forgotten = 0;
    for chunk in people.chunks(ROWS_PER_STATEMENT_MAX) {
        let done = Entity::delete_many()
            .filter(Column::Person.is_in(chunk))
            .exec(connection)
            .await
            .map_err(StoreError::statement("delete former logins"))?;
        forgotten += done.rows_affected;
    }
    Ok(forgotten)
}
