//! Queries for the people who are in a run and those who are missing.

use std::collections::HashSet;

use feeds::{FeedLosses, KeySet};
use sea_orm::sea_query::Query;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
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

/// Selects the people whom the feeds that the run replaces listed before.
pub(crate) fn replaced_people(run: &feed_run::Model) -> Select<feed_person::Entity> {
    feed_person::Entity::find().filter(is_replaced(run))
}

/// The condition for people whom the feeds that the run replaces listed before. A completion that cannot be read replaces none.
fn is_replaced(run: &feed_run::Model) -> Condition {
    let replaces = run.completion().ok().flatten().map(|completion| completion.replaces).unwrap_or_default();
    let others = replaces.into_iter().filter(|feed| *feed != run.feed);
    Condition::all()
        .add(feed_person::Column::Feed.is_in(others))
        .add(feed_person::Column::RunAt.lt(run.run_at - 1))
}

/// Selects people who leave if the run is accepted: they were listed before as employed, by this feed or by those that it
/// replaces, and are not listed any more.
fn missing_people(run: &feed_run::Model) -> Select<feed_person::Entity> {
    let listed = Query::select()
        .column(feed_person::Column::Key)
        .from(feed_person::Entity)
        .and_where(feed_person::Column::Feed.eq(&run.feed))
        .to_owned();
    let own = Condition::all()
        .add(feed_person::Column::Feed.eq(&run.feed))
        .add(feed_person::Column::RunAt.lt(run.run_at))
        .add(feed_person::Column::Run.ne(&run.run));
    // Who is missing in this feed is counted once.
    let replaced = is_replaced(run).add(feed_person::Column::Key.not_in_subquery(listed));
    feed_person::Entity::find()
        .filter(Condition::any().add(own).add(replaced))
        .filter(feed_person::Column::Employed.eq(true))
}

/// Returns which of these keys the run, or a newer one of its feed, lists.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn listed_keys(
    connection: &impl ConnectionTrait,
    run: &feed_run::Model,
    keys: &[&str],
) -> Result<HashSet<String>, StoreError> {
    let found: Vec<String> = feed_person::Entity::find()
        .select_only()
        .column(feed_person::Column::Key)
        .filter(feed_person::Column::Feed.eq(&run.feed))
        .filter(feed_person::Column::RunAt.gte(run.run_at))
        .filter(feed_person::Column::Key.is_in(keys.iter().copied()))
        .into_tuple()
        .all(connection)
        .await
        .map_err(StoreError::statement("read the people in a feed"))?;
    Ok(found.into_iter().collect())
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

/// Returns the number of people who are missing in the run, and were employed by the statements of the feed, or of a feed that it
/// replaces.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn count_missing(
    connection: &impl ConnectionTrait,
    run: &feed_run::Model,
) -> Result<u64, StoreError> {
    missing_people(run)
        .count(connection)
        .await
        .map_err(StoreError::statement("count the missing people of a feed"))
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
    missing_people(run)
        .select_only()
        .column(feed_person::Column::Key)
        .distinct()
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
