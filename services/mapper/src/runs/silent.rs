//! Full feeds that are not heard of any more, although they are the last ones to list some people: they were renamed, removed,
//! or their sender stopped.

use std::collections::BTreeMap;

use lifecycle::SilentFeed;
use sea_orm::sea_query::Query;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use store::StoreError;

use crate::moment_of;
use crate::rows::{feed_person, feed_run};

const DAY_MICROS: i64 = 86_400 * 1_000_000;
/// The time after its last run from which a feed counts as silent, at least.
const SILENT_AFTER: i64 = 2 * DAY_MICROS;
/// A feed is silent after this number of its usual intervals.
const INTERVALS: i64 = 3;
/// The number of most recent runs that show the usual interval of a feed.
const RUNS_LOOKED_AT: u64 = 10;

/// The times at which a feed's first and last run began; microseconds since the Unix epoch.
struct HeardFeed {
    first: i64,
    last: i64,
}

/// Returns the silent feeds at `now` (microseconds), in order of name.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn silent_feeds(
    connection: &impl ConnectionTrait,
    now: i64,
) -> Result<Vec<SilentFeed>, StoreError> {
    let heard = heard_feeds(connection).await?;
    let mut gone = Vec::new();
    for (feed, at) in &heard {
        let is_old =
            at.last < now - SILENT_AFTER && at.last < now - INTERVALS * interval(connection, feed).await?;
        // Each run of a feed that took over is newer.
        let newer = heard.iter().filter(|(_, other)| other.first > at.last).map(|(feed, _)| feed.as_str());
        let is_taken_over = !is_old && takes_over(connection, feed, &newer.collect::<Vec<_>>()).await?;
        if is_old || is_taken_over {
            gone.push((feed.as_str(), at.last));
        }
    }
    // One silent feed does not vouch for the people of another.
    let names: Vec<&str> = gone.iter().map(|(feed, _)| *feed).collect();
    let mut silent = Vec::new();
    for (feed, last) in gone {
        let people = listed_by_none_but(connection, feed, &names).await?;
        let heard_at = moment_of(last);
        silent.extend((people > 0).then(|| SilentFeed { feed: feed.to_owned(), heard_at, people }));
    }
    Ok(silent)
}

async fn heard_feeds(connection: &impl ConnectionTrait) -> Result<BTreeMap<String, HeardFeed>, StoreError> {
    let rows: Vec<(String, i64, i64)> = feed_run::Entity::find()
        .select_only()
        .column(feed_run::Column::Feed)
        .column_as(feed_run::Column::RunAt.min(), "first")
        .column_as(feed_run::Column::RunAt.max(), "last")
        .group_by(feed_run::Column::Feed)
        .into_tuple()
        .all(connection)
        .await
        .map_err(StoreError::statement("read when feeds were heard of"))?;
    Ok(rows.into_iter().map(|(feed, first, last)| (feed, HeardFeed { first, last })).collect())
}

/// Returns the longest interval between the last runs of a feed, in microseconds; 0 if it had only one.
async fn interval(connection: &impl ConnectionTrait, feed: &str) -> Result<i64, StoreError> {
    let times: Vec<i64> = feed_run::Entity::find()
        .select_only()
        .column(feed_run::Column::RunAt)
        .filter(feed_run::Column::Feed.eq(feed))
        .order_by_desc(feed_run::Column::RunAt)
        .limit(RUNS_LOOKED_AT)
        .into_tuple()
        .all(connection)
        .await
        .map_err(StoreError::statement("read the runs of a feed"))?;
    Ok(times.windows(2).map(|pair| pair[0] - pair[1]).max().unwrap_or_default())
}

/// Returns whether the feeds `newer` list at least half of the people of `feed`.
async fn takes_over(
    connection: &impl ConnectionTrait,
    feed: &str,
    newer: &[&str],
) -> Result<bool, StoreError> {
    if newer.is_empty() {
        return Ok(false);
    }
    let failed = StoreError::statement("compare the people of feeds");
    let theirs = Query::select()
        .column(feed_person::Column::Key)
        .from(feed_person::Entity)
        .and_where(feed_person::Column::Feed.is_in(newer.iter().copied()))
        .to_owned();
    let all = employed_people(feed).count(connection).await.map_err(&failed)?;
    let common = employed_people(feed).filter(feed_person::Column::Key.in_subquery(theirs));
    let common = common.count(connection).await.map_err(&failed)?;
    Ok(common > 0 && common * 2 >= all)
}

/// Returns the number of people whom this feed lists as employed, and no feed outside of `silent` does.
async fn listed_by_none_but(
    connection: &impl ConnectionTrait,
    feed: &str,
    silent: &[&str],
) -> Result<u64, StoreError> {
    let elsewhere = Query::select()
        .column(feed_person::Column::Key)
        .from(feed_person::Entity)
        .and_where(feed_person::Column::Feed.is_not_in(silent.iter().copied()))
        .and_where(feed_person::Column::Employed.eq(true))
        .to_owned();
    let only = employed_people(feed).filter(feed_person::Column::Key.not_in_subquery(elsewhere));
    only.count(connection).await.map_err(StoreError::statement("count the people of a silent feed"))
}

fn employed_people(feed: &str) -> sea_orm::Select<feed_person::Entity> {
    feed_person::Entity::find()
        .filter(feed_person::Column::Feed.eq(feed))
        .filter(feed_person::Column::Employed.eq(true))
}
