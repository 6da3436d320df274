//! Full feeds: waits until all messages of a run are merged, judges the run, and ends the employment of people who are missing
//! in it or whom its rows state to have left.
//!
//! Its whole state is in the tables, so a restart continues where it stopped, and any number of mappers may do the same: a
//! state changes once, and a departure is merged like any event, under an id that is derived from the run and the person.
//! An accepted run stays in force: if a row of an older run arrives late, its person leaves again.

mod absent;
mod departures;
mod judge;
pub(crate) mod query;
mod replaced;
pub(crate) mod silent;

pub(crate) use judge::{RunDecision, decide_run};

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lifecycle::{FeedRunId, FeedRunState, unix_micros};
use retry::RetryLog;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::StoreError;
use telemetry::{Shutdown, chain};
use tokio::time::Instant;

use crate::now;
use crate::quarantine;
use crate::rows::{feed_row, feed_run, feed_unread};
use crate::unreadable::{StateKind, UnreadableStates};
use crate::work::BatchProcessorParts;

/// The interval at which runs that wait for their rows are checked.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The maximum pause between two counts of a run that keeps waiting. Its pause doubles up to this.
const COUNT_EVERY_MAX: Duration = Duration::from_secs(30);
/// The maximum number of runs that are processed at a time.
const RUNS_AT_ONCE_MAX: u64 = 100;
/// The interval at which old runs and rows are deleted, and silent feeds are counted.
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);
/// The states of runs that are forgotten. A run that waits for a decision is kept, however old it is.
const SETTLED: [FeedRunState; 3] = [FeedRunState::Accepted, FeedRunState::Rejected, FeedRunState::Superseded];
/// The retention of runs. The newest accepted run of each feed is kept.
const RUNS_KEEP: time::Duration = time::Duration::days(400);

/// Judges runs.
pub(crate) struct RunJudge {
    pub(crate) parts: BatchProcessorParts,
    /// Runs that an operator rejected before the database was lost or restored.
    pub(crate) rejected: RejectedRuns,
    /// How often work was done again.
    pub(crate) retries: RetryLog,
}

/// Runs that an operator rejected, as JOURNAL says. Their guard must not accept them. Clones share the list.
#[derive(Debug, Clone, Default)]
pub(crate) struct RejectedRuns(Arc<Mutex<BTreeSet<String>>>);

impl RejectedRuns {
    /// Adds a run.
    pub(crate) fn add(&self, run: &FeedRunId) {
        self.0.lock().expect("nothing panics while holding it").insert(run.to_string());
    }

    fn contains(&self, run: &str) -> bool {
        self.0.lock().expect("nothing panics while holding it").contains(run)
    }
}

/// The time of the next count of a run, and the number of merged people at the last count.
struct WaitingRun {
    at: Instant,
    pause: Duration,
    merged: u64,
}

impl RunJudge {
    /// Runs until shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut prune = tokio::time::interval(PRUNE_EVERY);
        let mut waiting = HashMap::new();
        loop {
            let done = tokio::select! {
                () = shutdown.soft.cancelled() => return,
                _ = look.tick() => self.look(&mut waiting).await,
                _ = prune.tick() => self.prune().await,
            };
            if let Err(error) = done {
                tracing::warn!(error = chain(&error), "could not look after feeds yet");
            }
        }
    }

    /// Judges the runs that are merged, and ends employments by the last accepted run of each feed.
    async fn look(&self, waiting: &mut HashMap<String, WaitingRun>) -> Result<(), StoreError> {
        let (merging, mut unreadable) = (self.merging().await?, UnreadableStates::default());
        waiting.retain(|run, _| merging.iter().any(|row| row.run == *run));
        for row in merging {
            if row.run.parse::<FeedRunId>().is_err() {
                unreadable.note(StateKind::FeedRun, &[&row.run], &row.unknown_run());
            }
            let last = feed_run::last_accepted(self.parts.store.reader(), &row.feed).await?;
            let newer = last.as_ref().filter(|last| last.run_at >= row.run_at && last.run != row.run);
            if let Some(newer) = newer {
                self.supersede(&row, newer).await?;
            } else {
                self.look_at(&row, last.as_ref(), waiting).await?;
            }
        }
        self.settle_departures(&mut unreadable).await?;
        quarantine::forget_settled_parts(&self.parts.store).await?;
        for feed in self.feeds().await? {
            if let Some(row) = feed_run::last_accepted(self.parts.store.reader(), &feed).await? {
                match row.run.parse::<FeedRunId>() {
                    Ok(run) => {
                        self.end_replaced_lists(&row, &run).await?;
                        self.let_leave(&row, &run).await?;
                    }
                    Err(_) => unreadable.note(StateKind::FeedRun, &[&row.run], &row.unknown_run()),
                }
            }
        }
        unreadable.list(&self.parts.store).await
    }

    /// Judges a run that is merged. An unreadable part holds the run, unless a later reading of the file contains everybody.
    async fn look_at(
        &self,
        row: &feed_run::Model,
        last: Option<&feed_run::Model>,
        waiting: &mut HashMap<String, WaitingRun>,
    ) -> Result<(), StoreError> {
        if let Some(fault) = row.fault() {
            return self.hold(row, fault).await;
        }
        let mut unread = feed_unread::of_run(self.parts.store.reader(), &row.run).await?;
        let is_merged = self.is_merged(row, waiting).await?;
        if is_merged {
            unread.retain(|begun_at| row.ended_at.is_none_or(|ended_at| ended_at <= *begun_at));
        }
        if !unread.is_empty() {
            self.hold_unread(row, unread.len()).await
        } else if is_merged && self.rejected.contains(&row.run) {
            self.hold(row, "an operator rejected it before".to_owned()).await
        } else if is_merged {
            self.judge(row, last).await
        } else {
            Ok(())
        }
    }

    /// Returns the runs that wait to be judged, oldest first.
    async fn merging(&self) -> Result<Vec<feed_run::Model>, StoreError> {
        feed_run::Entity::find()
            .filter(feed_run::Column::State.eq(FeedRunState::Merging.as_str()))
            .order_by_asc(feed_run::Column::RunAt)
            .limit(RUNS_AT_ONCE_MAX)
            .all(self.parts.store.reader())
            .await
            .map_err(StoreError::statement("read runs of feeds"))
    }

    /// Returns the feeds with an accepted run.
    async fn feeds(&self) -> Result<Vec<String>, StoreError> {
        feed_run::Entity::find()
            .select_only()
            .column(feed_run::Column::Feed)
            .filter(feed_run::Column::State.eq(FeedRunState::Accepted.as_str()))
            .group_by(feed_run::Column::Feed)
            .into_tuple()
            .all(self.parts.store.reader())
            .await
            .map_err(StoreError::statement("read feeds"))
    }

    /// Counts the people of feeds that are not heard of any more. Deletes old rows and settled runs, except the newest accepted run
    /// of each feed.
    async fn prune(&self) -> Result<(), StoreError> {
        let silent = silent::silent_feeds(self.parts.store.reader(), unix_micros(now())).await?;
        telemetry::metrics::set_silent_feeds(silent.iter().map(|one| (one.feed.as_str(), one.people)));
        feed_row::forget_old(self.parts.store.writer(), unix_micros(now())).await?;
        let before = unix_micros(now() - RUNS_KEEP);
        let old = feed_run::Entity::find()
            .filter(feed_run::Column::RunAt.lt(before))
            .filter(feed_run::Column::State.is_in(SETTLED.map(FeedRunState::as_str)))
            .limit(RUNS_AT_ONCE_MAX)
            .all(self.parts.store.reader())
            .await
            .map_err(StoreError::statement("read old runs of feeds"))?;
        for row in old {
            let last = feed_run::last_accepted(self.parts.store.reader(), &row.feed).await?;
            if last.is_none_or(|last| last.run != row.run) {
                let deleted = feed_run::Entity::delete_by_id(row.run).exec(self.parts.store.writer()).await;
                deleted.map_err(StoreError::statement("delete an old run of a feed"))?;
            }
        }
        Ok(())
    }
}
