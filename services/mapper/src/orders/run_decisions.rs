//! Decides about runs of full feeds again, as JOURNAL says that it was decided.
//!
//! A lost database reads all events again before it judges any run. By then, the rows of newer runs hide what older ones listed,
//! so an older run cannot be judged. It was accepted, and people left by it: that has to be in force again.

use std::collections::BTreeMap;
use std::time::Duration;

use bus::{Bus, StreamName};
use lifecycle::{Actor, DecideFeedRequest, FeedRunId, FeedRunState, FeedRunStatus, FeedsRequest, verbs};
use sea_orm::EntityTrait;
use store::{Store, StoreError};

use super::{OrdersError, RecoveredOrders, act_in_words};
use crate::SERVICE;
use crate::acts::missing::note_missing;
use crate::acts::{ActKind, OperatorAct, USHER};
use crate::rows::{feed_run, feed_unread};
use crate::runs::{RunDecision, decide_run};
use crate::work::BatchProcessorParts;

/// The maximum time for one answer of the mapper.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// The state of a run that was decided about before.
enum RunStanding {
    /// It is held, and can be decided about.
    Held,
    /// It was accepted, and newer rows hide what it listed.
    Hidden(Box<feed_run::Model>),
    /// It may still be judged.
    Coming,
    /// Nothing of it is known. It may still come.
    Unknown,
    /// Nothing of it is left to decide.
    Settled,
}

impl RecoveredOrders {
    /// Decides about runs again. A run that cannot be judged yet waits; a decision of an operator is noted as missing if the run
    /// cannot be judged before the time for it is over.
    pub(super) async fn decide_runs(
        &self,
        parts: &BatchProcessorParts,
        bus: &Bus,
        is_over: bool,
    ) -> Result<(), OrdersError> {
        let is_caught_up = self.has_caught_up(bus).await?;
        let waiting = self.runs.lock().expect("nothing panics while holding it").clone();
        let mut left = Vec::new();
        for act in waiting {
            let ActKind::Feed { run, accept } = &act.kind else { continue };
            let standing = standing(&parts.store, &run.to_string(), *accept, is_caught_up).await?;
            let is_unknown = matches!(standing, RunStanding::Unknown);
            let waits = match standing {
                RunStanding::Held => !decide_again(bus, run, *accept, &act.actor).await,
                RunStanding::Hidden(row) => !accept_again(parts, &row, &act).await?,
                RunStanding::Coming | RunStanding::Unknown => true,
                RunStanding::Settled => false,
            };
            match (waits, is_over && is_caught_up) {
                (true, false) => left.push(act),
                // A run that Usher accepted by itself and that is not in EVENTS any more is judged with the next file.
                (true, true) if act.actor.who != USHER || !is_unknown => {
                    note_missing(&parts.store, &act_in_words(&act)).await?;
                }
                (true, true) | (false, _) => {}
            }
        }
        *self.runs.lock().expect("nothing panics while holding it") = left;
        Ok(())
    }

    /// Returns whether everything is merged that was in EVENTS when this was asked first.
    async fn has_caught_up(&self, bus: &Bus) -> Result<bool, OrdersError> {
        let positions = bus.positions(StreamName::Events, SERVICE).await?;
        let mut until = self.events_until.lock().expect("nothing panics while holding it");
        let until = until.get_or_insert_with(|| {
            let last = |position: &bus::StreamPosition| (position.stream.clone(), position.last_sequence);
            positions.iter().map(last).collect::<BTreeMap<_, _>>()
        });
        let is_taken = |position: &bus::StreamPosition| {
            position.is_idle() || until.get(&position.stream).is_none_or(|last| position.ack_floor >= *last)
        };
        // The consumer of departures reads nothing that this one does not read.
        Ok(positions.iter().filter(|position| position.durable == SERVICE).all(is_taken))
    }
}

/// Decides about a run again as an operator did. The number of people is that of now: the order did not keep it.
async fn decide_again(bus: &Bus, run: &FeedRunId, accept: bool, actor: &Actor) -> bool {
    let question = FeedsRequest { run: Some(run.clone()), limit: 1, ..FeedsRequest::default() };
    let Ok(shown) = bus.ask::<verbs::FeedsVerb>(&question, ANSWER_TIMEOUT).await else { return false };
    let people = shown.items.first().map(FeedRunStatus::people_leaving);
    let request = DecideFeedRequest { run: run.clone(), accept, people, actor: actor.clone() };
    bus.ask::<verbs::DecideFeedVerb>(&request, ANSWER_TIMEOUT).await.is_ok()
}

/// Returns what can be done about a run that was accepted or rejected. `is_caught_up` says whether all events of before are
/// merged.
async fn standing(
    store: &Store,
    run: &str,
    was_accepted: bool,
    is_caught_up: bool,
) -> Result<RunStanding, StoreError> {
    let row = feed_run::Entity::find_by_id(run).one(store.reader()).await;
    let Some(row) = row.map_err(StoreError::statement("read a run of a feed"))? else {
        return Ok(RunStanding::Unknown);
    };
    Ok(match row.shown_state() {
        FeedRunState::Held => RunStanding::Held,
        FeedRunState::Superseded if !was_accepted => RunStanding::Settled,
        FeedRunState::Superseded if !is_caught_up => RunStanding::Coming,
        FeedRunState::Superseded | FeedRunState::Merging if was_accepted && is_caught_up => {
            let last = feed_run::last_accepted(store.reader(), &row.feed).await?;
            let is_newest = last.is_none_or(|last| last.run_at < row.run_at);
            let is_whole = matches!(row.completion(), Ok(Some(_)))
                && feed_unread::of_run(store.reader(), &row.run).await?.is_empty();
            match (is_newest, is_whole) {
                (true, true) => RunStanding::Hidden(Box::new(row)),
                (true, false) => RunStanding::Coming,
                (false, _) => RunStanding::Settled,
            }
        }
        FeedRunState::Open | FeedRunState::Merging => RunStanding::Coming,
        _ => RunStanding::Settled,
    })
}

/// Puts an accepted run in force again. Returns `false` if it has changed since it was read.
async fn accept_again(
    parts: &BatchProcessorParts,
    row: &feed_run::Model,
    act: &OperatorAct,
) -> Result<bool, StoreError> {
    let decision = RunDecision {
        to: FeedRunState::Accepted,
        outcome: if act.actor.who == USHER { "believed" } else { "accepted" },
        reasons: Vec::new(),
        who: &act.actor.who,
        why: &act.actor.why,
    };
    let is_done = decide_run(&parts.store, &parts.relay, row, decision).await?;
    if is_done {
        tracing::warn!(run = row.run, feed = row.feed, "a run that was accepted before is in force again");
    }
    Ok(is_done)
}
