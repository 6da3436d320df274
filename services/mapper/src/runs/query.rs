//! Queries for the people who are in a run and those who are missing.

use feeds::{FeedLosses, KeySet};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use store::StoreError;

use crate::rows::{feed_departure, feed_person, feed_run};

/// The number of keys that are read at a time.
const KEYS_PER_PAGE: u64 = 10_000;

/// Selects the people whose newest run is this one.
fn listed_people(run: &feed_run::Model) -> Select<feed_person::Entity> {
    feed_person::Entity::find()
        .filter(feed_person::Column::Feed.eq(&run.feed))
        .filter(feed_person::Column::RunAt.gte(run.run_at))
        .filter(feed_person::Column::Run.eq(&run.run))
}

/// Selects the people who were listed before, but neither in this run nor in a newer one.
pub(crate) fn absent_people(run: &feed_run::Model) -> Select<feed_person::Entity> {
    feed_person::Entity::find()
        .filter(feed_person::Column::Feed.eq(&run.feed))
        .filter(feed_person::Column::RunAt.lt(run.run_at))
        .filter(feed_person::Column::Run.ne(&run.run))
}

/// Returns the number of merged people of the run.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn count_merged(
    connection: &impl ConnectionTrait,
    run: &feed_run::Model,
) -> Result<u64, StoreError> {
    listed_people(run).count(connection).await.map_err(StoreError::statement("count the people in a feed"))
}

/// Returns the number of absent people who were employed by the feed's statements.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn count_missing(
    connection: &impl ConnectionTrait,
    run: &feed_run::Model,
) -> Result<u64, StoreError> {
    let employed = absent_people(run).filter(feed_person::Column::Employed.eq(true));
    employed.count(connection).await.map_err(StoreError::statement("count the missing people of a feed"))
}

/// Returns the number of people who leave if the run is accepted.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn count_losses(
    connection: &impl ConnectionTrait,
    run: &feed_run::Model,
) -> Result<FeedLosses, StoreError> {
    let missing = count_missing(connection, run).await?;
    // The rows of people who turn inactive wait, so these people are listed as employed.
    let listed = listed_people(run).filter(feed_person::Column::Employed.eq(true)).count(connection).await;
    let listed = listed.map_err(StoreError::statement("count the employed people in a feed"))?;
    let inactive = feed_departure::count_people(connection, Some(&run.run)).await?;
    Ok(FeedLosses { missing, inactive, employed: missing + listed })
}

/// Returns the keys of some of the missing people.
///
/// # Errors
/// Returns an error if the database fails.
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
        .map_err(StoreError::statement("read the missing people of a feed"))
}

/// Returns the set of merged people of the run.
///
/// # Errors
/// Returns an error if the database fails.
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
            .map_err(StoreError::statement("read the people in a feed"))?;
        for key in &keys {
            people.add(key);
        }
        match keys.into_iter().next_back() {
            Some(last) => after = last,
            None => return Ok(people),
        }
    }
}
