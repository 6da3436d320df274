//! Gives orders of operators again after the mapper's database was restored or lost: they are in JOURNAL as facts, and not in
//! EVENTS.
//!
//! The database keeps the position in JOURNAL up to which it contains the orders. Each order is committed before its fact is
//! published, so the database contains every order that JOURNAL holds at any time. At a start, before any event is merged,
//! the facts after that position are read and their orders are given again. Orders that cannot be read back are a notice for
//! operators ([`crate::acts::missing`]).

mod position;
mod run_decisions;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{Bus, StreamName};
use lifecycle::PersonRecord;
use recovery::RecoveryResult;
use sea_orm::EntityTrait;
use store::{Store, StoreError};
use telemetry::{Shutdown, chain};
use tokio::time::Instant;

use crate::SERVICE;
use crate::acts::missing::{note_missing, read_setting, write_setting};
use crate::acts::{ActKind, NAMES, OperatorAct, last_acts};
use crate::policies::versions;
use crate::rows::{decode_state, identity, verdict};
use crate::runs::RejectedRuns;
use crate::work::{BatchInput, BatchProcessorParts};
use position::{JournalPosition, first_unknown, is_older, journal_gap};

/// Reasons why orders could not be given again.
#[derive(Debug, thiserror::Error)]
pub enum OrdersError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// JOURNAL could not be read.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// Other writers changed the same people in every attempt.
    #[error("other writers changed the same people in every attempt")]
    Overtaken,
}

/// The name of the setting with the position in JOURNAL.
const POSITION: &str = "journal_position";
/// The time that a start waits for a broker that does not answer.
const READS_WITHIN: Duration = Duration::from_secs(60);
/// The interval at which a start asks the broker again.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// The number of acts in one batch.
const BATCH_MAX: usize = 100;
/// The maximum number of attempts for a batch while others write to the same people.
const TRIES_MAX: usize = 20;
/// The interval at which the position is kept.
const KEEP_EVERY: Duration = Duration::from_secs(30);
/// The interval at which runs of feeds are checked while decisions about them wait.
const LOOK_AT_RUNS_EVERY: Duration = Duration::from_secs(2);
/// The time for which a decision waits for its run.
const RUN_WITHIN: Duration = Duration::from_secs(600);

/// The orders that JOURNAL holds and the database may not contain.
#[derive(Debug, Default)]
pub(crate) struct RecoveredOrders {
    acts: Vec<OperatorAct>,
    /// `true` if the database is an older one or a new one, so that orders are missing in it.
    is_older: bool,
    /// The reason why some cannot be read back.
    gap: Option<String>,
    /// The position that the database has once the acts are given again.
    position: Option<JournalPosition>,
    /// `true` if JOURNAL is another stream than the one that the database knew.
    is_other_journal: AtomicBool,
    /// Decisions about runs of feeds that are not judged again yet.
    runs: Mutex<Vec<OperatorAct>>,
    /// The runs among them that were rejected: they are not accepted by their guard.
    rejected: RejectedRuns,
    /// The last position of each stream of events when the decisions were taken up: from there on, everything that the lost
    /// database knew is merged.
    events_until: Mutex<Option<BTreeMap<String, u64>>>,
}

impl RecoveredOrders {
    /// Reads the facts after the database's position in JOURNAL. Waits while the servers of a cluster elect a leader.
    ///
    /// # Errors
    /// Returns an error if the database or the broker fails.
    pub(crate) async fn read(store: &Store, bus: &Bus, found: &RecoveryResult) -> Result<Self, OrdersError> {
        let deadline = Instant::now() + READS_WITHIN;
        loop {
            match Self::read_once(store, bus, found).await {
                Err(OrdersError::Bus(error)) if Instant::now() < deadline => {
                    tracing::info!(error = chain(&error), "JOURNAL does not say yet what operators ordered");
                }
                result => return result,
            }
            tokio::time::sleep(READ_AGAIN_AFTER).await;
        }
    }

    async fn read_once(store: &Store, bus: &Bus, found: &RecoveryResult) -> Result<Self, OrdersError> {
        let extent = bus.journal_extent().await?;
        let kept = read_setting(store.writer(), POSITION).await?;
        let kept: Option<JournalPosition> = kept.and_then(|json| serde_json::from_str(&json).ok());
        let events_made_at = bus.positions(StreamName::Events, SERVICE).await?.first().map(|at| at.made_at);
        let after = first_unknown(found, kept, extent);
        let reading =
            bus.journal_facts(SERVICE, &NAMES, after, |record| OperatorAct::of(record).is_some()).await?;
        let unreadable = (reading.unreadable > 0)
            .then(|| format!("{} messages of JOURNAL could not be read", reading.unreadable));
        Ok(Self {
            acts: last_acts(&reading.facts),
            is_older: is_older(found),
            gap: journal_gap(found, kept, extent, events_made_at).or(unreadable),
            position: Some(JournalPosition { made_at: extent.made_at, sequence: extent.last_sequence }),
            is_other_journal: AtomicBool::new(kept.is_some_and(|kept| kept.made_at != extent.made_at)),
            runs: Mutex::default(),
            rejected: RejectedRuns::default(),
            events_until: Mutex::default(),
        })
    }

    /// Gives the orders again, before any event is merged. Orders that cannot be given again are noted as missing. Returns a
    /// notice for operators, or `None` if there was nothing to do.
    ///
    /// # Errors
    /// Returns an error if the database fails, or others were faster in every attempt.
    pub(crate) async fn give_again(
        &mut self,
        parts: &BatchProcessorParts,
    ) -> Result<Option<String>, OrdersError> {
        if let Some(gap) = &self.gap {
            note_missing(&parts.store, gap).await?;
        }
        let acts = std::mem::take(&mut self.acts);
        let runs: Vec<OperatorAct> = acts.iter().filter(|act| is_feed(act)).cloned().collect();
        for act in &runs {
            if let ActKind::Feed { run, accept: false } = &act.kind {
                self.rejected.add(run);
            }
        }
        self.runs = Mutex::new(runs);
        let mut unknown = Vec::new();
        for act in acts.into_iter().filter(|act| !is_feed(act)) {
            if !is_known(&parts.store, &act).await? {
                unknown.push(act);
            }
        }
        for batch in unknown.chunks(BATCH_MAX) {
            for refused in give_batch(parts, batch).await? {
                note_missing(&parts.store, &act_in_words(&batch[refused])).await?;
            }
        }
        for act in &unknown {
            if !is_done(&parts.store, act).await? {
                note_missing(&parts.store, &act_in_words(act)).await?;
            }
        }
        if self.is_complete() {
            self.keep_position(&parts.store).await?;
        }
        let count = unknown.len();
        // The last orders before any stop are read as well, and change nothing.
        Ok((self.is_older && count > 0).then(|| {
            tracing::warn!(count, "orders of operators were read back from JOURNAL and given again");
            format!("{count} orders of operators were read back from JOURNAL and given again")
        }))
    }

    /// Notes that orders are missing, because the writer has later decisions than the database: the database is an older one,
    /// and JOURNAL was lost with what the broker knew about it.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn note_older_database(&self, store: &Store) -> Result<(), StoreError> {
        if !self.is_other_journal.load(Ordering::Relaxed) {
            return Ok(());
        }
        note_missing(store, "the writer has later decisions, and JOURNAL was lost").await?;
        // An operator who confirms the orders is not asked again.
        self.is_other_journal.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.runs.lock().expect("nothing panics while holding it").is_empty()
    }

    /// Returns the runs that an operator rejected.
    pub(crate) fn rejected_runs(&self) -> RejectedRuns {
        self.rejected.clone()
    }

    async fn keep_position(&self, store: &Store) -> Result<(), StoreError> {
        let Some(position) = self.position else { return Ok(()) };
        let json = serde_json::to_string(&position).expect("a position is plain data");
        write_setting(store.writer(), POSITION, json).await
    }
}

fn is_feed(act: &OperatorAct) -> bool {
    matches!(act.kind, ActKind::Feed { .. })
}

/// Returns whether the database contains this act or a later one about the same, as far as that must be known beforehand.
async fn is_known(store: &Store, act: &OperatorAct) -> Result<bool, StoreError> {
    match &act.kind {
        ActKind::Verdict { source, key, person, .. } => {
            let id = (source.clone(), key.clone(), person.clone());
            let row = verdict::Entity::find_by_id(id).one(store.writer()).await;
            let row = row.map_err(StoreError::statement("read a verdict"))?;
            Ok(row.is_some_and(|row| row.at >= act.at))
        }
        ActKind::Join { .. } | ActKind::Policy { .. } => is_done(store, act).await,
        ActKind::Order { .. } | ActKind::Cancel { .. } | ActKind::Feed { .. } => Ok(false),
    }
}

/// Returns whether the act is in force now, as far as it can fail.
async fn is_done(store: &Store, act: &OperatorAct) -> Result<bool, StoreError> {
    match &act.kind {
        ActKind::Join { other, .. } => {
            let row = identity::Entity::find_by_id(other.clone()).one(store.writer()).await;
            let row = row.map_err(StoreError::statement("read a person"))?;
            let state = row.map(|row| decode_state::<PersonRecord>(&row.state, &row.key)).transpose()?;
            Ok(state.is_some_and(|state| state.moved_to().is_some()))
        }
        ActKind::Policy { target, version } => {
            let newest = versions::newest_numbers(store.writer()).await?;
            Ok(newest.iter().any(|(name, newest)| name == target && newest >= version))
        }
        _ => Ok(true),
    }
}

/// Gives acts again in one batch. Returns the indexes of those that were refused and set aside.
async fn give_batch(parts: &BatchProcessorParts, acts: &[OperatorAct]) -> Result<Vec<usize>, OrdersError> {
    let inputs: Vec<BatchInput> =
        acts.iter().map(|act| BatchInput::GivenAgain(Box::new(act.clone()))).collect();
    for _ in 0..TRIES_MAX {
        match parts.processor().process_apart(&inputs).await {
            Ok(refused) => return Ok(refused),
            Err(error) if error.is_conflict() => {}
            Err(crate::rows::SaveError::Store(error)) => return Err(error.into()),
            Err(_) => {}
        }
    }
    Err(OrdersError::Overtaken)
}

/// Names an act that could not be given again.
fn act_in_words(act: &OperatorAct) -> String {
    let who = &act.actor.who;
    match &act.kind {
        ActKind::Order { person, kind, .. } => {
            format!("the order `{}` about {person} by {who} could not be given again", kind.as_str())
        }
        ActKind::Join { person, other } => format!("{who} joined {other} into {person}: join them again"),
        ActKind::Verdict { source, key, .. } => {
            format!("the verdict of {who} about the record {key} of {source} could not be given again")
        }
        ActKind::Cancel { person, .. } => {
            format!("{who} cancelled a scheduled change of {person}, which could not be done again")
        }
        ActKind::Feed { run, accept } => {
            let decision = if *accept { "accepted" } else { "rejected" };
            format!("{who} {decision} the run {run} of a feed, which could not be done again")
        }
        ActKind::Policy { target, version } => {
            format!("{who} applied version {version} of the policy of {target}: apply it again")
        }
    }
}

/// Keeps the database's position in JOURNAL, and decides about runs again that wait, until shutdown.
pub(crate) async fn follow_journal(
    orders: Arc<RecoveredOrders>,
    parts: BatchProcessorParts,
    bus: Bus,
    shutdown: Shutdown,
) {
    let store = parts.store.clone();
    let began = Instant::now();
    loop {
        let is_complete = orders.is_complete();
        let done = if is_complete {
            keep_position_now(&store, &bus).await
        } else {
            let is_over = began.elapsed() >= RUN_WITHIN;
            orders.decide_runs(&parts, &bus, is_over).await
        };
        if let Err(error) = done {
            tracing::warn!(
                error = chain(&error),
                "the position in JOURNAL was not kept: the next start reads older orders again"
            );
        }
        let pause = if is_complete { KEEP_EVERY } else { LOOK_AT_RUNS_EVERY };
        tokio::select! {
            () = shutdown.soft.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
    if orders.is_complete()
        && let Err(error) = keep_position_now(&store, &bus).await
    {
        tracing::warn!(
            error = chain(&error),
            "the position in JOURNAL was not kept: the next start reads older orders again"
        );
    }
}

/// Keeps the end of JOURNAL as the database's position. It is read before it is kept: everything up to it was committed
/// before.
async fn keep_position_now(store: &Store, bus: &Bus) -> Result<(), OrdersError> {
    let extent = bus.journal_extent().await?;
    let position = JournalPosition { made_at: extent.made_at, sequence: extent.last_sequence };
    let json = serde_json::to_string(&position).expect("a position is plain data");
    Ok(write_setting(store.writer(), POSITION, json).await?)
}
