//! Retries many dead letters, a portion at a time, until all were retried or an operator cancels the operation.
//!
//! The remaining letters are stored in a table, so that an operation continues after a restart, and in another replica if
//! the first one is gone. The replica that works on an operation claims it in the transaction of each portion.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{Actor, DeadLetterId, ReplayOutcome, ReplayState};
use relay::OutboxPublisher;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use store::{Store, StoreError};
use telemetry::{Shutdown, chain};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::control::replay_letter;
use crate::intake::WakeUps;
use crate::rows::facts::TransactionFacts;
use crate::rows::{replay, replay_letter as letters};
use crate::{micros, now};

/// The maximum number of dead letters per transaction.
const PORTION_MAX: u32 = 200;
/// The interval at which operations of replicas that are gone are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The time for which an operation is ours after a portion of it, in microseconds: longer than any pause between two portions.
const CLAIM_MICROS: i64 = 15_000_000;

/// Runs the operations that retry dead letters.
pub(crate) struct LetterReplayer {
    pub(crate) store: Store,
    pub(crate) relay: OutboxPublisher,
    pub(crate) wake_ups: WakeUps,
    pub(crate) replica: String,
    /// The wake-up after an operation was started.
    pub(crate) begun: Arc<Notify>,
}

/// The result of a portion.
enum ReplayPortion {
    /// The operation belongs to another replica, or has ended.
    None,
    /// This number of letters was retried.
    Done(u32),
}

impl LetterReplayer {
    /// Works until shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut due: HashMap<String, Instant> = HashMap::new();
        loop {
            let next = self.round(&mut due).await;
            tokio::select! {
                () = shutdown.soft.cancelled() => return,
                () = self.begun.notified() => {}
                () = tokio::time::sleep_until(next) => {}
            }
        }
    }

    /// Retries a portion of each operation that is due. Returns the time of the next one.
    async fn round(&self, due: &mut HashMap<String, Instant>) -> Instant {
        let mut next = Instant::now() + LOOK_EVERY;
        let running = match replay::running_replays(self.store.reader()).await {
            Ok(running) => running,
            Err(error) => {
                tracing::warn!(error = chain(&error), "could not see which dead letters are tried again");
                return next;
            }
        };
        due.retain(|id, _| running.iter().any(|row| row.id == *id));
        for row in running {
            if let Some(at) = due.get(&row.id).filter(|at| **at > Instant::now()) {
                next = next.min(*at);
                continue;
            }
            match self.portion(&row).await {
                Ok(ReplayPortion::None) => {}
                Ok(ReplayPortion::Done(count)) => {
                    let at = Instant::now() + portion_pause(count, row.per_second);
                    next = next.min(at);
                    due.insert(row.id, at);
                }
                Err(error) => {
                    tracing::warn!(replay = %row.id, error = chain(&error), "could not try dead letters again yet");
                }
            }
        }
        next
    }

    /// Retries the next portion of an operation, and ends the operation if no letters are left.
    async fn portion(&self, row: &replay::Model) -> Result<ReplayPortion, StoreError> {
        let tx = self.store.begin().await?;
        if !self.claim(&tx, &row.id).await? {
            tx.rollback().await.map_err(StoreError::statement("leave an operation alone"))?;
            return Ok(ReplayPortion::None);
        }
        let failed = StoreError::statement("read an operation");
        let found = replay::Entity::find_by_id(row.id.clone()).one(&tx).await.map_err(&failed)?;
        let Some(mut row) = found else { return Ok(ReplayPortion::None) };
        let ids = letters_of(&tx, &row).await?;
        let mut news = TransactionFacts::default();
        let mut outcomes = row.outcomes();
        let actor = Actor { who: row.who.clone(), why: row.why.clone() };
        for id in &ids {
            let outcome = match id.parse::<DeadLetterId>() {
                Ok(id) => replay_letter(&tx, &id, &actor, &mut news).await?,
                Err(_) => ReplayOutcome::NotOpen,
            };
            *outcomes.entry(outcome.as_str().to_owned()).or_default() += 1;
        }
        row.done += i64::try_from(ids.len()).unwrap_or(0);
        row.outcomes = serde_json::to_string(&outcomes).expect("counts are plain data");
        if ids.is_empty() {
            row.state = ReplayState::Finished.as_str().to_owned();
            row.ended_at = Some(micros(now()));
            row.tell("finished", &actor.who, &actor.why, &mut news);
        }
        letters::Entity::delete_many()
            .filter(letters::Column::Replay.eq(&row.id))
            .filter(letters::Column::Letter.is_in(&ids))
            .exec(&tx)
            .await
            .map_err(StoreError::statement("strike off dead letters"))?;
        let kept = row.into_active_model().reset_all().update(&tx).await;
        kept.map_err(StoreError::statement("keep how far an operation is"))?;
        let parcel = news.store(&tx).await?;
        tx.commit().await.map_err(StoreError::statement("try dead letters again"))?;
        self.relay.send(parcel).await;
        self.wake_ups.values().for_each(|wake_up| wake_up.notify_one());
        Ok(if ids.is_empty() {
            ReplayPortion::None
        } else {
            ReplayPortion::Done(u32::try_from(ids.len()).unwrap_or(0))
        })
    }

    /// Claims the operation for a while. Returns `false` if it belongs to another replica, or has ended.
    async fn claim(&self, tx: &DatabaseTransaction, id: &str) -> Result<bool, StoreError> {
        use replay::Column::{Id, Runner, RunnerUntil, State};
        let at = micros(now());
        let free = Runner.is_null().or(Runner.eq(&self.replica)).or(RunnerUntil.lt(at));
        let claimed = replay::Entity::update_many()
            .col_expr(Runner, Expr::value(&self.replica))
            .col_expr(RunnerUntil, Expr::value(at + CLAIM_MICROS))
            .filter(Id.eq(id))
            .filter(State.eq(ReplayState::Running.as_str()))
            .filter(free)
            .exec(tx)
            .await
            .map_err(StoreError::statement("claim an operation"))?;
        Ok(claimed.rows_affected == 1)
    }
}

/// Returns the ids of the next portion, the oldest first.
async fn letters_of(tx: &DatabaseTransaction, row: &replay::Model) -> Result<Vec<String>, StoreError> {
    let a_second = row.per_second.and_then(|number| u32::try_from(number).ok()).unwrap_or(PORTION_MAX);
    let ids: Result<Vec<String>, _> = letters::Entity::find()
        .select_only()
        .column(letters::Column::Letter)
        .filter(letters::Column::Replay.eq(&row.id))
        .order_by_asc(letters::Column::Letter)
        .limit(u64::from(a_second.clamp(1, PORTION_MAX)))
        .into_tuple()
        .all(tx)
        .await;
    ids.map_err(StoreError::statement("read which dead letters are next"))
}

/// Returns the pause until the next portion.
fn portion_pause(count: u32, per_second: Option<i64>) -> Duration {
    match per_second.and_then(|number| u32::try_from(number).ok()) {
        Some(number) => Duration::from_secs(1) * count / Ord::max(number, 1),
        None => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_keeps_to_the_rate() {
        assert_eq!(portion_pause(200, None), Duration::ZERO);
        assert_eq!(portion_pause(1, Some(1)), Duration::from_secs(1));
        assert_eq!(portion_pause(200, Some(1_000)), Duration::from_millis(200));
    }
}
