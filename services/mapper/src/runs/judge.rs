//! Judges whether a run is accepted.

use std::collections::HashMap;

use feeds::FeedVerdict;
use lifecycle::{Fact, FactRecord, FeedRunId, FeedRunState, unix_micros};
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction};
use store::{Store, StoreError};
use tokio::time::Instant;

use super::{COUNT_EVERY_MAX, LOOK_EVERY, RunJudge, WaitingRun, query};
use crate::rows::{feed_run, feed_unread};
use crate::{SERVICE, now};

/// A decision about a run.
pub(crate) struct RunDecision<'a> {
    pub(crate) to: FeedRunState,
    /// `believed`, `accepted` or `rejected`; for a held run `held` (by its guard) or `unread` (because of an unreadable part).
    pub(crate) outcome: &'a str,
    pub(crate) reasons: Vec<String>,
    pub(crate) who: &'a str,
    pub(crate) why: &'a str,
}

impl RunJudge {
    /// Returns whether exactly the people of the run are merged.
    pub(super) async fn is_merged(
        &self,
        row: &feed_run::Model,
        waiting: &mut HashMap<String, WaitingRun>,
    ) -> Result<bool, StoreError> {
        let Some(completion) = row.completion()? else { return Ok(false) };
        if waiting.get(&row.run).is_some_and(|waiting| waiting.at > Instant::now()) {
            return Ok(false);
        }
        let merged = query::count_merged(self.parts.store.reader(), row).await?;
        if merged == completion.people.count
            && query::merged_people(self.parts.store.reader(), row).await? == completion.people
        {
            return Ok(true);
        }
        let before = waiting.get(&row.run).filter(|before| before.merged == merged);
        let pause = before.map_or(LOOK_EVERY, |before| (before.pause * 2).min(COUNT_EVERY_MAX));
        waiting.insert(row.run.clone(), WaitingRun { at: Instant::now() + pause / 2, pause, merged });
        Ok(false)
    }

    /// Judges a run that is completely merged.
    pub(super) async fn judge(
        &self,
        row: &feed_run::Model,
        last: Option<&feed_run::Model>,
    ) -> Result<(), StoreError> {
        let Some(completion) = row.completion()? else { return Ok(()) };
        let last = match last.map(feed_run::Model::completion).transpose() {
            Ok(last) => last.flatten().map(|last| last.seen),
            Err(_) => {
                let reason = "what was in the last accepted file cannot be read, so this one is not compared with it: \
                              another version of Usher wrote it";
                return self.hold(row, reason.to_owned()).await;
            }
        };
        let losses = query::count_losses(self.parts.store.reader(), row).await?;
        let verdict = completion.guard.judge_losses(&completion.seen, last.as_ref(), &losses);
        let decision = match verdict {
            FeedVerdict::Believed => RunDecision {
                to: FeedRunState::Accepted,
                outcome: "believed",
                reasons: Vec::new(),
                who: "usher",
                why: "within the feed's guard",
            },
            FeedVerdict::Held { reasons } => {
                RunDecision { to: FeedRunState::Held, outcome: "held", reasons, who: "usher", why: "" }
            }
        };
        let state = decision.to.as_str();
        if decide_run(&self.parts.store, &self.parts.relay, row, decision).await? {
            tracing::info!(run = row.run, feed = row.feed, state, "a full feed was judged");
        }
        Ok(())
    }

    /// Holds a run with `count` unreadable messages, because the missing people may be in them.
    pub(super) async fn hold_unread(&self, row: &feed_run::Model, count: usize) -> Result<(), StoreError> {
        if row.completion.is_none() {
            return Ok(());
        }
        let reason = format!(
            "{count} of its messages could not be read, and people may be in them: see `usher quarantine ls`; \
             retry them once their cause is gone, send the file again, or reject the run"
        );
        self.hold(row, reason).await?;
        // They may have been read since they were counted.
        feed_unread::judge_again(self.parts.store.writer(), &row.run).await
    }

    /// Holds a run that cannot be judged, because the missing people may be in what cannot be read.
    pub(super) async fn hold(&self, row: &feed_run::Model, reason: String) -> Result<(), StoreError> {
        let (to, reasons) = (FeedRunState::Held, vec![reason]);
        let decision = RunDecision { to, outcome: "unread", reasons, who: "usher", why: "" };
        if decide_run(&self.parts.store, &self.parts.relay, row, decision).await? {
            tracing::warn!(run = row.run, feed = row.feed, "a full feed is held: a part of it is unread");
        }
        Ok(())
    }

    /// Supersedes a run because an accepted one is as new or newer: this file may be an old one, or its time is wrong.
    pub(super) async fn supersede(
        &self,
        row: &feed_run::Model,
        newer: &feed_run::Model,
    ) -> Result<(), StoreError> {
        let reason = format!(
            "it is older than the run {} that was accepted, or as old, so it ended no employment: if it is the newer \
             file, give it a later time of modification and send it again",
            newer.run
        );
        tracing::warn!(
            run = row.run,
            feed = row.feed,
            newer = newer.run,
            "a full feed is older than the last one"
        );
        let update = Query::update()
            .table(feed_run::Entity)
            .value(feed_run::Column::State, FeedRunState::Superseded.as_str())
            .value(feed_run::Column::DecidedAt, unix_micros(now()))
            .value(feed_run::Column::Who, "usher")
            .value(feed_run::Column::Why, "older than the last one that was accepted")
            .value(
                feed_run::Column::Reasons,
                serde_json::to_string(&[reason]).expect("texts are always JSON"),
            )
            .and_where(feed_run::Column::Run.eq(&row.run))
            .and_where(feed_run::Column::State.eq(&row.state))
            .to_owned();
        let done = self.parts.store.writer().execute(&update).await;
        done.map(drop).map_err(StoreError::statement("supersede a run of a feed"))
    }
}

/// Writes a decision and publishes a fact. Returns `false` if the run has changed since it was read.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn decide_run(
    store: &Store,
    relay: &relay::OutboxPublisher,
    row: &feed_run::Model,
    decision: RunDecision<'_>,
) -> Result<bool, StoreError> {
    let missing = query::count_missing(store.reader(), row).await?;
    let failed = StoreError::statement("decide about a run of a feed");
    let at = now();
    let reasons = serde_json::to_string(&decision.reasons).expect("texts are always JSON");
    let mut update = Query::update();
    update
        .table(feed_run::Entity)
        .value(feed_run::Column::State, decision.to.as_str())
        .and_where(feed_run::Column::Run.eq(&row.run))
        .and_where(feed_run::Column::State.eq(&row.state))
        .and_where(feed_run::Column::EndedAt.eq(row.ended_at));
    if decision.to == FeedRunState::Held {
        update.value(feed_run::Column::Reasons, reasons);
    } else {
        update
            .value(feed_run::Column::DecidedAt, unix_micros(at))
            .value(feed_run::Column::Who, decision.who)
            .value(feed_run::Column::Why, decision.why);
    }
    let tx = store.begin().await?;
    if tx.execute(&update).await.map_err(&failed)?.rows_affected() == 0 {
        return Ok(false); // nothing is committed
    }
    if decision.to != FeedRunState::Rejected {
        supersede_older(&tx, row).await?;
    }
    let facts = run_fact(row, &decision, missing, at).into_iter().collect::<Vec<_>>();
    let parcel = relay::store_batch(&tx, SERVICE, bus::OutgoingMessage::facts(SERVICE, &facts)).await?;
    tx.commit().await.map_err(&failed)?;
    relay.send(parcel).await;
    Ok(true)
}

/// Supersedes older runs that are open or held: the newer file contains everything that they do.
async fn supersede_older(tx: &DatabaseTransaction, row: &feed_run::Model) -> Result<(), StoreError> {
    let undecided = [FeedRunState::Open, FeedRunState::Merging, FeedRunState::Held];
    let update = Query::update()
        .table(feed_run::Entity)
        .value(feed_run::Column::State, FeedRunState::Superseded.as_str())
        .and_where(feed_run::Column::Feed.eq(&row.feed))
        .and_where(feed_run::Column::RunAt.lt(row.run_at))
        .and_where(feed_run::Column::State.is_in(undecided.map(FeedRunState::as_str)))
        .to_owned();
    let done = tx.execute(&update).await;
    done.map(drop).map_err(StoreError::statement("supersede older runs of a feed"))
}

/// Builds the fact about a decision.
fn run_fact(
    row: &feed_run::Model,
    decision: &RunDecision<'_>,
    missing: u64,
    at: time::OffsetDateTime,
) -> Option<FactRecord> {
    let run: FeedRunId = row.run.parse().ok()?;
    let feed = row.feed.clone();
    let ended_at = row.ended_at.unwrap_or_default();
    let outcome = decision.outcome;
    let fact = match decision.to {
        FeedRunState::Held => Fact::FeedHeld { feed, run, reasons: decision.reasons.clone() },
        _ => Fact::FeedDecided {
            feed,
            run,
            outcome: outcome.to_owned(),
            missing,
            who: decision.who.to_owned(),
            why: decision.why.to_owned(),
        },
    };
    let id = format!("fed:{}:{ended_at}:{outcome}", row.run);
    Some(FactRecord { id, at, subject: format!("feed:{}", row.feed), trace: None, fact })
}
