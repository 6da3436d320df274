//! What is known of who is in a run and who is not.

use feeds::KeySet;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use store::StoreError;

use crate::rows::{feed_person, feed_run};

/// Keys that are read at a time.
const KEYS_PER_PAGE: u64 = 10_000;

/// People whose newest run is this one.
fn listed_people(run: &feed_run::Model) -> Select<feed_person::Entity> {
    feed_person::Entity::find()
        .filter(feed_person::Column::Feed.eq(&run.feed))
        .filter(feed_person::Column::RunAt.gte(run.run_at))
        .filter(feed_person::Column::Run.eq(&run.run))
}

/// People who were listed before and neither in this run nor in a newer one.
pub(crate) fn absent_people(run: &feed_run::Model) -> Select<feed_person::Entity> {
    feed_person::Entity::find()
        .filter(feed_person::Column::Feed.eq(&run.feed))
        .filter(feed_person::Column::RunAt.lt(run.run_at))
        .filter(feed_person::Column::Run.ne(&run.run))
}

/// How many people of the run are merged.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn count_merged(
    connection: &impl ConnectionTrait,
    run: &feed_run::Model,
) -> Result<u64, StoreError> {
    listed_people(run).count(connection).await.map_err(StoreError::statement("count who is in a feed"))
}

/// How many of those who are absent were employed as far as the feed said.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn count_missing(
    connection: &impl ConnectionTrait,
    run: &feed_run::Model,
) -> Result<u64, StoreError> {
    let employed = absent_people(run).filter(feed_person::Column::Employed.eq(true));
    employed.count(connection).await.map_err(StoreError::statement("count who is not in a feed"))
}

/// Keys of some of them.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn missing_keys(
    connection: &impl ConnectionTrait,
    run: &feed_run::Model,
    limit: u64,
) -> Result<Vec<String>, StoreError> {
    absent_people(run)
        .select_only()
        .column(feed_person::Column::Key)
        .filter(feed_person::Column::Employed.eq(true))
        .order_by_asc(feed_person::Column::Key)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await
        .map_err(StoreError::statement("read who is not in a feed"))
}

/// Who of the run is merged.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn merged_people(
    connection: &impl ConnectionTrait,
    run: &feed_run::Model,
) -> Result<KeySet, StoreError> {
    let mut people = KeySet::default();
    let mut after = String::new();
    loop {
        let keys: Vec<String> = listed_people(run)
            .select_only()
            .column(feed_person::Column::Key)
            .filter(feed_person::Column::Key.gt(&after))
            .order_by_asc(feed_person::Column::Key)
            .limit(KEYS_PER_PAGE)
            .into_tuple()
            .all(connection)
            .await
            .map_err(StoreError::statement("read who is in a feed"))?;
        for key in &keys {
            people.add(key);
        }
        match keys.into_iter().next_back() {
            Some(last) => after = last,
            None => return Ok(people),
        }
    }
}
