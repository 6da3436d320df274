//! Verbs `start_replay`, `replay_runs` and `cancel_replay`: retries many dead letters in an operation that runs in the background.

use lifecycle::{
    CancelReplayRequest, ControlError, REPLAY_LETTERS_MAX, REPLAYS_MAX, ReplayId, ReplayRun, ReplayRuns,
    ReplayRunsRequest, ReplayState, StartReplayRequest,
};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::replay::IDS_MAX;
use super::{WriterControl, database_refusal, refuse_with};
use crate::rows::facts::TransactionFacts;
use crate::rows::{dead, replay, replay_letter};
use crate::{micros, now};

/// The maximum number of operations that run at the same time.
const RUNNING_MAX: usize = 20;
/// The number of operations that are remembered. The oldest of those that have ended are forgotten first.
const KEPT_MAX: u64 = 100;

impl WriterControl {
    /// Starts a replay of many dead letters.
    ///
    /// # Errors
    /// If the request does not choose letters in exactly one way, or if too many operations are under way.
    pub(super) async fn start_replay(&self, request: StartReplayRequest) -> Result<ReplayRun, ControlError> {
        if let Some(target) = &request.target {
            self.configured(target)?;
        }
        let chosen = [request.ids.is_some(), request.target.is_some(), request.group.is_some()];
        if chosen.into_iter().filter(|chosen| *chosen).count() != 1 {
            return Err(refuse_with("give one of `ids`, `target` and `group`".to_owned()));
        }
        let row = self.begin_replay(&request).await.map_err(|error| database_refusal(&error))?;
        let row = row.ok_or_else(|| {
            refuse_with(format!("{RUNNING_MAX} replays are under way; wait for one, or cancel one"))
        })?;
        self.replays.notify_one();
        read_replay(&row)
    }

    /// Stores a new operation and its letters. Returns `None` if too many operations are under way.
    async fn begin_replay(&self, request: &StartReplayRequest) -> Result<Option<replay::Model>, StoreError> {
        let tx = self.store.begin().await?;
        if replay::running_replays(&tx).await?.len() >= RUNNING_MAX {
            return Ok(None);
        }
        forget_old(&tx).await?;
        let ids = chosen_letters(&tx, request).await?;
        let row = replay::Model {
            id: ReplayId::fresh().to_string(),
            state: ReplayState::Running.as_str().to_owned(),
            target: request.target.clone(),
            failure_group: request.group.clone(),
            per_second: request.per_second.map(i64::from),
            total: i64::try_from(ids.len()).unwrap_or(0),
            done: 0,
            outcomes: "{}".to_owned(),
            who: request.actor.who.clone(),
            why: request.actor.why.clone(),
            started_at: micros(now()),
            ended_at: None,
            runner: None,
            runner_until: 0,
        };
        let inserted = row.clone().into_active_model().reset_all().insert(&tx).await;
        inserted.map_err(StoreError::statement("begin an operation"))?;
        for ids in ids.chunks(ROWS_PER_STATEMENT_MAX) {
            let letters = ids.iter().map(|letter| {
                let letter = replay_letter::Model { replay: row.id.clone(), letter: letter.clone() };
                letter.into_active_model().reset_all()
            });
            replay_letter::Entity::insert_many(letters)
                .exec_without_returning(&tx)
                .await
                .map_err(StoreError::statement("note which dead letters to try again"))?;
        }
        let mut news = TransactionFacts::default();
        row.tell("started", &row.who, &row.why, &mut news);
        self.commit(tx, news).await?;
        Ok(Some(row))
    }

    /// Lists a page of the remembered operations, the newest first, or one of them by id.
    ///
    /// # Errors
    /// If the cursor is wrong or the database fails.
    pub(super) async fn replay_runs(&self, request: &ReplayRunsRequest) -> Result<ReplayRuns, ControlError> {
        let limit = request.limit.unwrap_or(REPLAYS_MAX).clamp(1, REPLAYS_MAX);
        let mut query = replay::Entity::find();
        if let Some(id) = &request.id {
            query = query.filter(replay::Column::Id.eq(id.as_str()));
        }
        if let Some(cursor) = &request.cursor {
            let last: ReplayId = cursor.parse().map_err(|_| ControlError::wrong_cursor())?;
            query = query.filter(replay::Column::Id.lt(last.as_str()));
        }
        let rows = query.order_by_desc(replay::Column::Id).limit(limit + 1).all(self.store.reader()).await;
        let mut rows =
            rows.map_err(StoreError::statement("read operations")).map_err(|e| database_refusal(&e))?;
        let more = store::cut_to_limit(&mut rows, limit);
        let next_cursor = rows.last().filter(|_| more).map(|row| row.id.clone());
        Ok(ReplayRuns { items: rows.iter().filter_map(replay::Model::run).collect(), next_cursor })
    }

    /// Cancels an operation.
    ///
    /// # Errors
    /// If there is no such operation, or if it has ended.
    pub(super) async fn cancel_replay(
        &self,
        request: CancelReplayRequest,
    ) -> Result<ReplayRun, ControlError> {
        let row = self.end_replay(&request).await.map_err(|error| database_refusal(&error))?;
        let none = || refuse_with(format!("{} is not under way; see `usher dead replays`", request.id));
        read_replay(&row.ok_or_else(none)?)
    }

    /// Marks an operation as cancelled and deletes its remaining letters. Returns `None` if it is not under way.
    async fn end_replay(&self, request: &CancelReplayRequest) -> Result<Option<replay::Model>, StoreError> {
        let CancelReplayRequest { id, actor } = request;
        let tx = self.store.begin().await?;
        // This statement waits for the portion that is under way, if there is one.
        let ended = replay::Entity::update_many()
            .col_expr(replay::Column::State, Expr::value(ReplayState::Cancelled.as_str()))
            .col_expr(replay::Column::EndedAt, Expr::value(micros(now())))
            .filter(replay::Column::Id.eq(id.as_str()))
            .filter(replay::Column::State.eq(ReplayState::Running.as_str()))
            .exec(&tx)
            .await
            .map_err(StoreError::statement("end an operation"))?;
        if ended.rows_affected == 0 {
            return Ok(None);
        }
        strike_off(&tx, &[id.to_string()]).await?;
        let failed = StoreError::statement("read an operation");
        let row = replay::Entity::find_by_id(id.to_string()).one(&tx).await.map_err(&failed)?;
        let mut news = TransactionFacts::default();
        if let Some(row) = &row {
            row.tell("cancelled", &actor.who, &actor.why, &mut news);
        }
        self.commit(tx, news).await?;
        Ok(row)
    }
}

/// Returns the ids of the chosen letters, the oldest first.
async fn chosen_letters(
    tx: &DatabaseTransaction,
    request: &StartReplayRequest,
) -> Result<Vec<String>, StoreError> {
    if let Some(ids) = &request.ids {
        let mut ids: Vec<String> = ids.iter().take(IDS_MAX).map(ToString::to_string).collect();
        ids.sort();
        ids.dedup();
        return Ok(ids);
    }
    let mut query = dead::Entity::find()
        .select_only()
        .column(dead::Column::Id)
        .filter(dead::Column::State.eq(dead::OPEN));
    if let Some(target) = &request.target {
        query = query.filter(dead::Column::Target.eq(target));
    }
    if let Some(group) = &request.group {
        query = query.filter(dead::Column::FailureGroup.eq(group));
    }
    let ids = query.order_by_asc(dead::Column::Id).limit(REPLAY_LETTERS_MAX).into_tuple().all(tx).await;
    ids.map_err(StoreError::statement("choose dead letters"))
}

/// Deletes the oldest operations that have ended.
async fn forget_old(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    let failed = StoreError::statement("forget old operations");
    let old: Vec<String> = replay::Entity::find()
        .select_only()
        .column(replay::Column::Id)
        .filter(replay::Column::State.eq(ReplayState::Running.as_str()).not())
        .order_by_desc(replay::Column::Id)
        .offset(KEPT_MAX - 1)
        .limit(KEPT_MAX)
        .into_tuple()
        .all(tx)
        .await
        .map_err(&failed)?;
    replay::Entity::delete_many().filter(replay::Column::Id.is_in(&old)).exec(tx).await.map_err(&failed)?;
    Ok(())
}

/// Deletes the remaining letters of operations.
async fn strike_off(tx: &DatabaseTransaction, replays: &[String]) -> Result<(), StoreError> {
    replay_letter::Entity::delete_many()
        .filter(replay_letter::Column::Replay.is_in(replays))
        .exec(tx)
        .await
        .map_err(StoreError::statement("strike off dead letters"))?;
    Ok(())
}

fn read_replay(row: &replay::Model) -> Result<ReplayRun, ControlError> {
    row.run().ok_or_else(|| refuse_with(format!("cannot read operation {}", row.id)))
}
