//! `mapper_feed_rows`: the contents of rows of full feeds, so that only the name of a repeated row has to be sent.
//!
//! The previous content of a row is kept for a while beside the current one: a message with its name may be under way.

use sea_orm::entity::prelude::*;
use store::StoreError;

const DAY_MICROS: i64 = 86_400 * 1_000_000;
/// The minimum time between two updates of `seen_at` of a repeated row, in microseconds.
pub(crate) const SEEN_AGAIN_AFTER: i64 = DAY_MICROS;
/// The time after which a row that was not seen may no longer be named, in microseconds: the content must outlive names.
const KNOWN_FOR: i64 = 20 * DAY_MICROS;
/// The time after which a row that was not seen is deleted, in microseconds.
const FORGOTTEN_AFTER: i64 = 30 * DAY_MICROS;

/// One content of a row of a full feed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_feed_rows")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) feed: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) key: String,
    /// See [`feeds::RowContent::hash`].
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) hash: String,
    /// A [`feeds::RowContent`] as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) content: String,
    /// The time at which a file last contained it, accurate to a day; microseconds since the Unix epoch.
    pub(crate) seen_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Returns the stored rows of these keys.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn of_keys(
    connection: &impl ConnectionTrait,
    feed: &str,
    keys: &[&str],
) -> Result<Vec<Model>, StoreError> {
    Entity::find()
        .filter(Column::Feed.eq(feed))
        .filter(Column::Key.is_in(keys.iter().copied()))
        .all(connection)
        .await
        .map_err(StoreError::statement("read rows of a feed"))
}

/// Returns the keys and hashes of rows that may be named.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn known_hashes(
    connection: &impl ConnectionTrait,
    feed: &str,
    keys: &[&str],
    now: i64,
) -> Result<Vec<(String, String)>, StoreError> {
    use sea_orm::QuerySelect as _;
    Entity::find()
        .select_only()
        .columns([Column::Key, Column::Hash])
        .filter(Column::Feed.eq(feed))
        .filter(Column::Key.is_in(keys.iter().copied()))
        .filter(Column::SeenAt.gt(now - KNOWN_FOR))
        .into_tuple()
        .all(connection)
        .await
        .map_err(StoreError::statement("read rows of a feed"))
}

/// Deletes a row, so that it is not known any more.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn forget_row(
    connection: &impl ConnectionTrait,
    feed: &str,
    (key, hash): (&str, &str),
) -> Result<(), StoreError> {
    Entity::delete_by_id((feed.to_owned(), key.to_owned(), hash.to_owned()))
        .exec(connection)
        .await
        .map(drop)
        .map_err(StoreError::statement("delete a row of a feed"))
}

/// Deletes rows that were not seen for a long time.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn forget_old(connection: &impl ConnectionTrait, now: i64) -> Result<(), StoreError> {
    Entity::delete_many()
        .filter(Column::SeenAt.lt(now - FORGOTTEN_AFTER))
        .exec(connection)
        .await
        .map(drop)
        .map_err(StoreError::statement("delete rows of feeds"))
}

/// Deletes the rows of people whose records were erased.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn erase_rows(connection: &impl ConnectionTrait, keys: &[String]) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    Entity::delete_many()
        .filter(Column::Key.is_in(keys))
        .exec(connection)
        .await
        .map(drop)
        .map_err(StoreError::statement("delete rows of feeds"))
}
