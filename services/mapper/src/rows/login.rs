//! `mapper_logins`: login names by which operators find people.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, IntoActiveModel, QueryOrder, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

/// The maximum number of characters of a login name that are compared. An index takes no row of any length.
const LOGIN_CHARS_MAX: usize = 256;

/// A login name of a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_logins")]
pub(crate) struct Model {
    /// The name in the form of [`login_key`].
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) login: String,
    /// The target of the account with this name; empty for a name by the sources.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// Key of the person.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) person: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Returns the form in which login names are compared: lower case, and not longer than an index takes.
pub(crate) fn login_key(login: &str) -> String {
    login.to_lowercase().replace('\0', "\u{fffd}").chars().take(LOGIN_CHARS_MAX).collect()
}

/// Returns the first person with this login name at a target, or by the sources if `target` is empty.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn find_person(
    connection: &impl ConnectionTrait,
    login: &str,
    target: &str,
) -> Result<Option<String>, StoreError> {
    let row = Entity::find()
        .filter(Column::Login.eq(login_key(login)))
        .filter(Column::Target.eq(target))
        .order_by_asc(Column::Person)
        .limit(1)
        .one(connection)
        .await
        .map_err(StoreError::statement("find a person by login name"))?;
    Ok(row.map(|row| row.person))
}

/// Returns the login names of these people.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn of_people(
    connection: &impl ConnectionTrait,
    people: &[&str],
) -> Result<Vec<Model>, StoreError> {
    let mut found = Vec::new();
    for chunk in people.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = Entity::find()
            .filter(Column::Person.is_in(chunk.iter().copied()))
            .all(connection)
            .await
            .map_err(StoreError::statement("read login names"))?;
        found.extend(rows);
    }
    Ok(found)
}

/// Stores login names. Existing rows are kept.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn put(connection: &impl ConnectionTrait, rows: &[&Model]) -> Result<(), StoreError> {
    let key = [Column::Login, Column::Target, Column::Person];
    for chunk in rows.chunks(ROWS_PER_STATEMENT_MAX) {
        Entity::insert_many(chunk.iter().map(|row| (*row).clone().into_active_model().reset_all()))
            .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
            .exec_without_returning(connection)
            .await
            .map_err(StoreError::statement("write login names"))?;
    }
    Ok(())
}

/// Deletes a login name.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn forget(connection: &impl ConnectionTrait, row: &Model) -> Result<(), StoreError> {
    Entity::delete_by_id((row.login.clone(), row.target.clone(), row.person.clone()))
        .exec(connection)
        .await
        .map(drop)
        .map_err(StoreError::statement("delete a login name"))
}
