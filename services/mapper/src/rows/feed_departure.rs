//! `mapper_feed_departures`: departures that rows of full feeds state, until their run is judged.

use lifecycle::{Event, FeedRunState, TraceContext};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, Query, SelectStatement};
use sea_orm::{ActiveModelTrait, ConnectionTrait, IntoActiveModel, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::{decode_state, feed_run};

/// A departure that waits for the judgement of its run.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_feed_departures")]
pub(crate) struct Model {
    /// A [`lifecycle::FeedRunId`].
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) run: String,
    /// The id of the event.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) event: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) feed: String,
    /// The key in the feed.
    #[sea_orm(column_type = "Text")]
    pub(crate) key: String,
    /// Key of the person.
    #[sea_orm(column_type = "Text")]
    pub(crate) person: String,
    /// The time at which it was read; microseconds since the Unix epoch.
    pub(crate) since: i64,
    /// A [`WaitingEvent`] as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) content: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The event of a row, with all that merging it needs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WaitingEvent {
    pub(crate) event: Event,
    /// Its sequence number in EVENTS.
    pub(crate) sequence: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<TraceContext>,
    /// The hash of its sender's content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hash: Option<String>,
}

impl Model {
    /// Returns the event.
    ///
    /// # Errors
    /// Returns [`StoreError::Unreadable`] for an event in the words of a newer version.
    pub(crate) fn waiting_event(&self) -> Result<WaitingEvent, StoreError> {
        decode_state(&self.content, &self.run)
    }
}

/// Stores departures. One that is stored already is kept as it is.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn put_all(
    connection: &impl ConnectionTrait,
    departures: Vec<Model>,
) -> Result<(), StoreError> {
    for chunk in departures.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = chunk.iter().map(|row| row.clone().into_active_model().reset_all());
        Entity::insert_many(rows)
            .on_conflict(OnConflict::columns([Column::Run, Column::Event]).do_nothing().to_owned())
            .exec_without_returning(connection)
            .await
            .map_err(StoreError::statement("store departures of a feed"))?;
    }
    Ok(())
}

/// Removes a departure that was merged.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn remove(
    connection: &impl ConnectionTrait,
    (run, event): (&str, &str),
) -> Result<(), StoreError> {
    let done = Entity::delete_by_id((run.to_owned(), event.to_owned())).exec(connection).await;
    done.map(drop).map_err(StoreError::statement("remove a departure of a feed"))
}

/// Removes the departures of people whose records were erased.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn erase_people(
    connection: &impl ConnectionTrait,
    people: &[String],
) -> Result<(), StoreError> {
    if people.is_empty() {
        return Ok(());
    }
    let done = Entity::delete_many().filter(Column::Person.is_in(people)).exec(connection).await;
    done.map(drop).map_err(StoreError::statement("erase departures of a feed"))
}

/// Removes the departures of runs that were rejected, or that a newer run replaced. Returns their number.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn drop_dismissed(connection: &impl ConnectionTrait) -> Result<u64, StoreError> {
    let dismissed = runs_in(&[FeedRunState::Rejected, FeedRunState::Superseded]);
    let done = Entity::delete_many().filter(Column::Run.in_subquery(dismissed)).exec(connection).await;
    let done = done.map_err(StoreError::statement("remove departures of a dismissed feed"))?;
    Ok(done.rows_affected)
}

/// Returns departures of accepted runs after a position, in the order of run and event.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn accepted_page(
    connection: &impl ConnectionTrait,
    (run, event): (&str, &str),
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    use sea_orm::sea_query::ExprTrait as _;
    let after = Column::Run.gt(run).or(Column::Run.eq(run).and(Column::Event.gt(event)));
    Entity::find()
        .filter(Column::Run.in_subquery(runs_in(&[FeedRunState::Accepted])))
        .filter(after)
        .order_by_asc(Column::Run)
        .order_by_asc(Column::Event)
        .limit(limit)
        .all(connection)
        .await
        .map_err(StoreError::statement("read departures of a feed"))
}

/// Returns the number of people whom rows of a run, or of any run, switch off once the run is accepted.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn count_people(
    connection: &impl ConnectionTrait,
    run: Option<&str>,
) -> Result<u64, StoreError> {
    let people = Entity::find().select_only().columns([Column::Run, Column::Key]).distinct();
    let people = match run {
        Some(run) => people.filter(Column::Run.eq(run)),
        None => people,
    };
    people.count(connection).await.map_err(StoreError::statement("count departures of a feed"))
}

/// Returns the keys of some of the people whom rows of a run switch off once it is accepted.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn keys(
    connection: &impl ConnectionTrait,
    run: &str,
    limit: u64,
) -> Result<Vec<String>, StoreError> {
    Entity::find()
        .select_only()
        .column(Column::Key)
        .distinct()
        .filter(Column::Run.eq(run))
        .order_by_asc(Column::Key)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await
        .map_err(StoreError::statement("read departures of a feed"))
}

/// Returns the oldest departures, each with its run.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn oldest(connection: &impl ConnectionTrait, limit: u64) -> Result<Vec<Model>, StoreError> {
    Entity::find()
        .order_by_asc(Column::Since)
        .order_by_asc(Column::Event)
        .limit(limit)
        .all(connection)
        .await
        .map_err(StoreError::statement("read departures of feeds"))
}

/// Selects the ids of the runs in some states.
fn runs_in(states: &[FeedRunState]) -> SelectStatement {
    Query::select()
        .column(feed_run::Column::Run)
        .from(feed_run::Entity)
        .and_where(feed_run::Column::State.is_in(states.iter().map(|state| state.as_str())))
        .to_owned()
}
