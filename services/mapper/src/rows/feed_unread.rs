//! `mapper_feed_unread`: quarantined messages of a run of a full feed. A run with one of them ends no employment.

use lifecycle::{EventKind, FeedRun, FeedRunState, unix_micros};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{ConnectionTrait, IntoActiveModel, QuerySelect};
use serde_json::Value;
use store::StoreError;
use store::quarantine::{QuarantineReason, QuarantinedItem, stored_id};

use super::feed_run;

/// The maximum number of parts of settled runs that are removed at a time.
const SETTLED_AT_ONCE_MAX: u64 = 100;

/// A message of a run that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_feed_unread")]
pub(crate) struct Model {
    /// Its id in the quarantine.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) item: String,
    /// A [`lifecycle::FeedRunId`].
    #[sea_orm(column_type = "Text")]
    pub(crate) run: String,
    /// The type of its event.
    #[sea_orm(column_type = "Text")]
    pub(crate) kind: String,
    /// The time at which the reading of the file that it belongs to began; microseconds since the Unix epoch.
    pub(crate) begun_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Returns the part for a quarantine item, if the item belongs to a run and its id was not merged before.
    pub(crate) fn of_item(item: &QuarantinedItem) -> Option<Self> {
        if item.reason == QuarantineReason::IdReused {
            return None;
        }
        let Ok(Value::Object(envelope)) = serde_json::from_slice(&item.payload) else { return None };
        let feed = envelope.values().find_map(|body| body.get("feed"))?;
        let (run, begun_at) = match serde_json::from_value::<FeedRun>(feed.clone()) {
            Ok(run) if run.absent => return None,
            Ok(run) => (run.run.to_string(), unix_micros(run.begun_at)),
            Err(_) if feed.get("absent").is_some_and(|absent| *absent == Value::Bool(true)) => return None,
            // In the words of a newer version only the run's id is understood. Then no reading of the file is known to contain
            // all that the message contains.
            Err(_) => (feed.get("run")?.as_str()?.to_owned(), i64::MAX),
        };
        Some(Self { item: stored_id(&item.id), run, kind: item.kind.clone(), begun_at })
    }

    /// Returns whether a later reading of the file contains all that the message contains.
    fn is_only_of_the_run(&self) -> bool {
        [EventKind::FeedRows, EventKind::FeedCompleted].iter().any(|kind| kind.to_string() == self.kind)
    }
}

/// Stores a part.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn put(connection: &impl ConnectionTrait, part: Model) -> Result<(), StoreError> {
    Entity::insert(part.into_active_model().reset_all())
        .on_conflict(OnConflict::column(Column::Item).do_nothing().to_owned())
        .exec_without_returning(connection)
        .await
        .map(drop)
        .map_err(StoreError::statement("store an unread part of a feed"))
}

/// Returns the start times of the readings that the unread parts of a run belong to.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn of_run(connection: &impl ConnectionTrait, run: &str) -> Result<Vec<i64>, StoreError> {
    Entity::find()
        .select_only()
        .column(Column::BegunAt)
        .filter(Column::Run.eq(run))
        .into_tuple()
        .all(connection)
        .await
        .map_err(StoreError::statement("read the unread parts of a feed"))
}

/// Removes a part that was dealt with. A held run is judged again once it has no other part.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn remove(connection: &impl ConnectionTrait, item: &str) -> Result<(), StoreError> {
    let failed = StoreError::statement("remove an unread part of a feed");
    let Some(part) = Entity::find_by_id(item).one(connection).await.map_err(&failed)? else { return Ok(()) };
    Entity::delete_by_id(item).exec(connection).await.map_err(&failed)?;
    judge_again(connection, &part.run).await
}

/// Lets a held run be judged again if it has no unread part.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn judge_again(connection: &impl ConnectionTrait, run: &str) -> Result<(), StoreError> {
    let parts = Query::select().expr(Expr::val(1)).from(Entity).and_where(Column::Run.eq(run)).to_owned();
    let judge_again = Query::update()
        .table(feed_run::Entity)
        .value(feed_run::Column::State, FeedRunState::Merging.as_str())
        .value(feed_run::Column::Reasons, "[]")
        .and_where(feed_run::Column::Run.eq(run))
        .and_where(feed_run::Column::State.eq(FeedRunState::Held.as_str()))
        .and_where(Expr::exists(parts).not())
        .to_owned();
    let done = connection.execute(&judge_again).await;
    done.map(drop).map_err(StoreError::statement("judge a run of a feed again"))
}

/// Returns the parts of settled runs: they were decided, or a newer run replaced them. The flag of each is `true` if it must
/// be removed from the quarantine as well.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn settled(connection: &impl ConnectionTrait) -> Result<Vec<(Model, bool)>, StoreError> {
    let decided = [FeedRunState::Accepted, FeedRunState::Rejected, FeedRunState::Superseded];
    let settled = Query::select()
        .column(feed_run::Column::Run)
        .from(feed_run::Entity)
        .and_where(feed_run::Column::State.is_in(decided.map(FeedRunState::as_str)))
        .to_owned();
    let parts = Entity::find()
        .filter(Column::Run.in_subquery(settled))
        .limit(SETTLED_AT_ONCE_MAX)
        .all(connection)
        .await
        .map_err(StoreError::statement("read the settled parts of feeds"))?;
    Ok(parts
        .into_iter()
        .map(|part| {
            let is_over = part.is_only_of_the_run();
            (part, is_over)
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_a_run_in_the_words_of_a_newer_version_belongs_to_its_run() {
        let of = |feed: Value| {
            let mut item = QuarantinedItem::message("EVENTS", 1, QuarantineReason::NewerVersion, 0);
            let envelope = serde_json::json!({ "v": 2, "event": { "feed": feed } });
            item.payload = envelope.to_string().into_bytes();
            Model::of_item(&item).map(|part| (part.run, part.begun_at))
        };
        let newer = serde_json::json!({ "run": "run_1", "begun": { "at": "2026-01-01" } });
        assert_eq!(of(newer), Some(("run_1".to_owned(), i64::MAX)), "no reading of the file settles it");
        assert_eq!(of(Value::Null), None);
    }
}
