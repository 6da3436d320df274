//! `mapper_feed_rows`: what rows of full feeds said, so that a row that says it again needs no more than a name.
//!
//! What a row said before stays for a while beside what it says now: its name may be under way already.

use sea_orm::entity::prelude::*;
use store::StoreError;

const DAY_MICROS: i64 = 86_400 * 1_000_000;
/// A row that is repeated is written as seen not more often than this.
pub(crate) const SEEN_AGAIN_AFTER: i64 = DAY_MICROS;
/// A row that was not seen for so long may not be named any more: names must not be older than the rows that they name.
const KNOWN_FOR: i64 = 20 * DAY_MICROS;
/// What was not seen for so long is forgotten.
const FORGOTTEN_AFTER: i64 = 30 * DAY_MICROS;

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
    /// When it was last said, give or take a day; microseconds since the Unix epoch.
    pub(crate) seen_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What rows of these keys said.
///
/// # Errors
/// As the database reports them.
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

/// Keys and hashes of rows that may be named.
///
/// # Errors
/// As the database reports them.
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

/// Forgets what was not said for long.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn forget_old(connection: &impl ConnectionTrait, now: i64) -> Result<(), StoreError> {
    Entity::delete_many()
        .filter(Column::SeenAt.lt(now - FORGOTTEN_AFTER))
        .exec(connection)
        .await
        .map(drop)
        .map_err(StoreError::statement("forget rows of feeds"))
}

/// Forgets what was said of people whose records were erased.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn erase_rows(connection: &impl ConnectionTrait, keys: &[String]) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    Entity::delete_many()
        .filter(Column::Key.is_in(keys))
        .exec(connection)
        .await
        .map(drop)
        .map_err(StoreError::statement("forget rows of feeds"))
}
