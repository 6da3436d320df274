//! Detects a database or a broker that was restored from a backup, lost or exchanged, and sets consumers back to the
//! position that the database contains.
//!
//! A service's database keeps its position in each stream and a number that increases each time. The position is the
//! acknowledgement floor of the service's consumers. It is read before it is kept, so it never claims more than the
//! database contains. The broker keeps the same number beside the streams, written after the database's commit. A
//! database with a lower number than the broker's is therefore an older one: its consumers begin again where it ends,
//! and each consumer recognises the messages that it already knows. This crate does not know the meaning of the
//! messages.
//!
//! A backup of everything from one moment contradicts nothing when it comes back. Therefore `usher restore` marks
//! each database ([`mark_restored`]), and the next start treats the database as an older one.
//!
//! To use the crate in another service, create its tables in a migration ([`create_tables`], [`add_generation`]),
//! call [`Recovery::begin`] before anything is consumed, run [`Recovery::run`] beside the work, and call
//! [`Recovery::end`] after it.

mod contents;
mod heartbeat;
mod judge;
mod tables;
mod words;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{Bus, BusError, LeftMark, ServiceMark, StreamName, StreamPosition};
use store::{Store, StoreError};
use telemetry::chain;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use contents::{ContainedStream, DatabaseContents, RestoredStream, database_contents, mark_restored};
pub use heartbeat::{StaleRecords, create_heartbeat, drop_heartbeat};
pub use judge::RecoveryFinding;
use judge::{ConsumerStep, consumer_position, consumer_step, judge_finding};
use tables::{ConsumerPosition, DatabaseIdentity, RecoveryNotice};
pub use tables::{add_generation, create_tables, drop_tables, remove_generation};

/// The interval at which positions are kept while they move.
const KEEP_EVERY: Duration = Duration::from_secs(3);
/// The number of intervals without movement after which positions are kept all the same, because the rest of the
/// database moves too.
const KEEP_ANYWAY_AFTER: u32 = 20;
/// The time for which a notice is shown, in microseconds.
const NOTICE_KEEPS_MICROS: i64 = 7 * 24 * 3_600 * 1_000_000;
/// The maximum number of notices that are kept.
const NOTICES_MAX: usize = 20;
/// The time that acknowledgements may take to arrive at an orderly end.
const SETTLES_WITHIN: Duration = Duration::from_secs(2);
/// The interval at which an orderly end checks if acknowledgements have settled.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The time that a start waits for a broker that does not answer.
const LOOKS_WITHIN: Duration = Duration::from_secs(60);
/// The interval at which a start asks the broker again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// The reason why the state of the database is not known.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The database reported an error.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker reported an error.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// The state that a start found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryResult {
    /// The relation of the database to the one that the service last left.
    pub finding: RecoveryFinding,
    /// The number of messages that are gone and that the database does not contain.
    pub lost: u64,
    /// `true` if a stream is another one than before. The extent of the loss in the one before is not known.
    pub has_other_stream: bool,
    /// Notices for operators; empty if there is nothing to report.
    pub news: Vec<String>,
    /// The time of the backup from which the installation was restored (microseconds since the Unix epoch).
    pub restored_from: Option<i64>,
    /// Set if database and broker may both be copies from an earlier moment; only checked with
    /// [`Recovery::with_heartbeat`].
    pub stale: Option<StaleRecords>,
}

impl RecoveryResult {
    /// Returns the reason for verifying the database's state before acting on it, or `None` if that is not necessary.
    pub fn needs_verification(&self) -> Option<String> {
        let is_old = !matches!(self.finding, RecoveryFinding::Fresh | RecoveryFinding::Same);
        (is_old || self.lost > 0 || self.has_other_stream).then(|| self.news.join("; "))
    }
}

/// The records at the broker and in the database.
struct RecoveryInput {
    mark: LeftMark,
    identity: Option<DatabaseIdentity>,
    installation: String,
    positions: Vec<(StreamPosition, Option<ConsumerPosition>)>,
}

/// The findings of [`Recovery::look`], which [`Recovery::settle`] keeps.
#[derive(Debug)]
pub struct RecoveryPlan {
    /// The state that was found.
    pub found: RecoveryResult,
    identity: DatabaseIdentity,
    kept: Vec<ConsumerPosition>,
}

/// Detects a restored database of one service and keeps the positions of its consumers.
#[derive(Debug, Clone)]
pub struct Recovery {
    service: &'static str,
    store: Store,
    bus: Bus,
    consumers: Vec<(StreamName, String)>,
    /// A stop that lasts longer than this may be a restore.
    long_stop: Option<Duration>,
    state: Arc<Mutex<RecoveryState>>,
    /// Notified when messages are lost while the service runs.
    pub lost: Arc<Notify>,
}

#[derive(Debug, Default)]
struct RecoveryState {
    identity: DatabaseIdentity,
    kept: Vec<ConsumerPosition>,
    /// `true` if the broker has the identity's beat.
    is_left: bool,
    idle: u32,
}

impl Recovery {
    /// Creates a recovery for the consumers of `service`, each given by stream and durable name.
    pub fn new(service: &'static str, store: Store, bus: Bus, consumers: Vec<(StreamName, String)>) -> Self {
        let (state, lost) = (Arc::default(), Arc::default());
        Self { service, store, bus, consumers, long_stop: None, state, lost }
    }

    /// Keeps the time at which the service was last alive. After a stop longer than `long_stop`, reports that
    /// database and broker may both be copies from an earlier moment. Needs the table of [`create_heartbeat`].
    #[must_use]
    pub fn with_heartbeat(self, long_stop: Duration) -> Self {
        Self { long_stop: Some(long_stop), ..self }
    }

    /// Finds out whether the database is the one that was left, and sets consumers back. Call it before anything is
    /// consumed.
    ///
    /// # Errors
    /// Returns the error that the database or the broker reports.
    pub async fn begin(&self) -> Result<RecoveryResult, RecoveryError> {
        let looked = self.look().await?;
        self.settle(looked).await
    }

    /// Finds out whether the database is the one that was left, and sets consumers back. Each call reports the same
    /// findings until they are settled, so that a caller can note the consequences before the findings are forgotten.
    ///
    /// # Errors
    /// Returns the error that the database or the broker reports.
    pub async fn look(&self) -> Result<RecoveryPlan, RecoveryError> {
        let RecoveryInput { mark, identity, installation, positions } = self.look_patiently().await?;
        let finding = judge_finding(identity.as_ref(), &mark, &installation, &positions);
        let restored_from = identity.as_ref().and_then(|identity| identity.restored_from);
        let news = match (finding, restored_from, &mark) {
            (RecoveryFinding::Restored, Some(at), _) => Some(self.restored_in_words(at)),
            (RecoveryFinding::Restored, None, LeftMark::Unreadable { why }) => {
                Some(self.unreadable_in_words(why))
            }
            _ => self.in_words(finding),
        };
        let stale = self.stale(finding, mark.read()).await?.filter(|_| restored_from.is_none());
        let news = news.into_iter().collect();
        let mut found =
            RecoveryResult { finding, lost: 0, has_other_stream: false, news, restored_from, stale };
        let mut kept = Vec::new();
        for (at, known) in &positions {
            if !at.exists && known.is_none() {
                // The consumer is created at the first start, and begins with the messages that the stream holds
                // then.
                kept.push(consumer_position(at, judge::before_first(at)));
                continue;
            }
            if finding == RecoveryFinding::Same && self.reads_everything(at) {
                self.look_at_consumer(at, known.as_ref(), &mut found);
            }
            let ConsumerStep { rewind_to, lost } = consumer_step(finding, at, known.as_ref());
            let lost = lost.filter(|_| self.reads_everything(at));
            if let Some(sequence) = rewind_to {
                tracing::warn!(
                    stream = at.stream,
                    durable = at.durable,
                    sequence,
                    "the consumer begins again"
                );
                self.bus.rewind(&at.stream, &at.durable, sequence).await?;
            }
            if let Some((first, last)) = lost {
                found.lost += last - first + 1;
                found.news.push(self.lost_in_words(at, first, last));
            }
            let floor =
                rewind_to.map_or(at.ack_floor, |sequence| sequence - 1).max(lost.map_or(0, |(_, last)| last));
            kept.push(consumer_position(at, floor));
        }
        let (theirs, ours) =
            (mark.read().map_or(0, |mark| mark.beat), identity.as_ref().map_or(0, |one| one.beat));
        // A beat that was kept but not left before a crash is left now: the two never differ by more than one.
        let beat =
            if ours > theirs && finding == RecoveryFinding::Same { ours } else { ours.max(theirs) + 1 };
        let mut identity = identity.unwrap_or_default();
        (identity.installation, identity.beat, identity.clean) = (installation, beat, false);
        identity.restored_from = None;
        self.notice(&mut identity, &found.news);
        Ok(RecoveryPlan { found, identity, kept })
    }

    /// Keeps the findings, so that the next start does not report them again.
    ///
    /// # Errors
    /// Returns the error that the database or the broker reports.
    pub async fn settle(&self, looked: RecoveryPlan) -> Result<RecoveryResult, RecoveryError> {
        let RecoveryPlan { found, identity, kept } = looked;
        match self.keep(identity, kept).await {
            // The mark is left together with the next positions. Until then, a crash is not mistaken for a restore.
            Err(RecoveryError::Bus(error)) => {
                tracing::warn!(error = chain(&error), "could not leave a mark at the broker yet");
            }
            kept => kept?,
        }
        Ok(found)
    }

    /// Reads the records, and waits while the servers of a cluster elect a leader and none of them answers.
    async fn look_patiently(&self) -> Result<RecoveryInput, RecoveryError> {
        let deadline = tokio::time::Instant::now() + LOOKS_WITHIN;
        loop {
            match self.look_once().await {
                Err(RecoveryError::Bus(error)) if tokio::time::Instant::now() < deadline => {
                    tracing::info!(error = chain(&error), "the broker does not say yet what was left");
                }
                result => return result,
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    }

    /// Reads both records as of one moment. Another replica that starts or runs at the same time writes them one
    /// after the other.
    async fn look_once(&self) -> Result<RecoveryInput, RecoveryError> {
        loop {
            let mark = self.bus.mark(self.service).await?;
            let identity = tables::load_identity(self.store.reader(), self.service).await?;
            let ours = identity.as_ref().map(|identity| identity.installation.clone());
            let fresh = ours.unwrap_or_else(|| uuid::Uuid::now_v7().simple().to_string());
            let installation = self.bus.installation(&fresh).await?;
            if mark == self.bus.mark(self.service).await? {
                return Ok(RecoveryInput {
                    mark,
                    identity,
                    installation,
                    positions: self.positions().await?,
                });
            }
        }
    }

    /// Keeps positions until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(KEEP_EVERY) => {}
            }
            if let Err(error) = self.keep_positions(false).await {
                tracing::debug!(error = chain(&error), "could not keep positions in streams yet");
            }
        }
    }

    /// Keeps positions a last time, after every consumer has ended.
    pub async fn end(&self) {
        let deadline = tokio::time::Instant::now() + SETTLES_WITHIN;
        // Acknowledgements may still be under way for a moment.
        let mut before = None;
        while tokio::time::Instant::now() < deadline {
            let Ok(now) = self.positions().await else { break };
            if before.as_ref() == Some(&now) {
                break;
            }
            before = Some(now);
            tokio::time::sleep(LOOK_EVERY).await;
        }
        if let Err(error) = self.keep_positions(true).await {
            tracing::debug!(error = chain(&error), "could not keep positions in streams");
        }
    }

    /// Returns the notices for operators, newest first.
    pub fn notices(&self) -> Vec<String> {
        let state = self.state.lock().expect("nothing panics while holding it");
        state.identity.notices.iter().rev().map(|notice| notice.text.clone()).collect()
    }

    /// Returns whether the consumer reads the whole stream. Consumers with longer names read only a part: messages
    /// that are gone may never have been theirs.
    fn reads_everything(&self, at: &StreamPosition) -> bool {
        self.consumers.iter().any(|(_, durable)| *durable == at.durable)
    }

    /// Returns the position of each consumer at the broker, with the position that the database kept.
    async fn positions(&self) -> Result<Vec<(StreamPosition, Option<ConsumerPosition>)>, RecoveryError> {
        let kept = tables::load_positions(self.store.reader(), self.service).await?;
        let mut all = Vec::new();
        for (feed, durable) in &self.consumers {
            for at in self.bus.positions(*feed, durable).await? {
                let of =
                    kept.iter().find(|kept| kept.stream == at.stream && kept.durable == at.durable).cloned();
                all.push((at, of));
            }
        }
        Ok(all)
    }

    /// Keeps the present positions, and notes messages that were lost since the last time. `clean` marks an orderly end.
    async fn keep_positions(&self, clean: bool) -> Result<(), RecoveryError> {
        let positions = self.positions().await?;
        let mut lost = Vec::new();
        let mut kept = Vec::new();
        for (at, known) in positions.iter().filter(|(at, known)| at.exists || known.is_some()) {
            let step = consumer_step(
                RecoveryFinding::Same,
                &StreamPosition { readers: 1, ..at.clone() },
                known.as_ref(),
            );
            if judge::is_another_stream(at, known.as_ref()) && self.reads_everything(at) {
                lost.push(self.made_again_in_words(at));
            }
            if let Some((first, last)) = step.lost.filter(|_| self.reads_everything(at)) {
                lost.push(self.lost_in_words(at, first, last));
            }
            kept.push(consumer_position(at, at.ack_floor.max(step.lost.map_or(0, |(_, last)| last))));
        }
        let Some(mut identity) = tables::load_identity(self.store.reader(), self.service).await? else {
            return Ok(());
        };
        {
            let mut state = self.state.lock().expect("nothing panics while holding it");
            state.idle += 1;
            if state.kept == kept && !clean && lost.is_empty() && state.idle < KEEP_ANYWAY_AFTER {
                return Ok(());
            }
            state.idle = 0;
            if identity.beat < state.identity.beat {
                let text = format!(
                    "the {}'s database was restored while it was running: start it again",
                    self.service
                );
                tracing::error!(text);
                lost.push(text);
            }
        }
        self.notice(&mut identity, &lost);
        let is_left = self.state.lock().expect("nothing panics while holding it").is_left;
        identity.beat += i64::from(is_left);
        identity.clean = clean;
        self.keep(identity, kept).await?;
        if !lost.is_empty() {
            self.lost.notify_one();
        }
        Ok(())
    }

    /// Writes to the database first and to the broker second, so that the broker never knows of more than the
    /// database does.
    async fn keep(
        &self,
        identity: DatabaseIdentity,
        kept: Vec<ConsumerPosition>,
    ) -> Result<(), RecoveryError> {
        let at = self.store.now().await?;
        let tx = self.store.begin().await?;
        tables::save_identity(&tx, self.service, &identity).await?;
        for position in &kept {
            tables::save_position(&tx, self.service, position).await?;
        }
        if self.long_stop.is_some() {
            heartbeat::save(&tx, self.service, at).await?;
        }
        tx.commit().await.map_err(StoreError::statement("keep positions in streams"))?;
        let noticed = identity.notices.iter().rev().map(|notice| notice.text.clone());
        let notices = store::clock::notice(self.service).into_iter().chain(noticed).collect();
        let mark = ServiceMark {
            installation: identity.installation.clone(),
            beat: identity.beat,
            at: Some(at),
            notices,
        };
        {
            let mut state = self.state.lock().expect("nothing panics while holding it");
            (state.identity, state.kept, state.is_left) = (identity, kept, false);
        }
        self.bus.leave_mark(self.service, &mark).await?;
        self.state.lock().expect("nothing panics while holding it").is_left = true;
        Ok(())
    }

    /// Adds notices for operators and drops old ones.
    fn notice(&self, identity: &mut DatabaseIdentity, news: &[String]) {
        let now = micros_now();
        identity.notices.retain(|notice| notice.at > now - NOTICE_KEEPS_MICROS);
        for text in news {
            tracing::error!(service = self.service, text);
            identity.notices.push(RecoveryNotice { at: now, text: text.clone() });
        }
        let surplus = identity.notices.len().saturating_sub(NOTICES_MAX);
        identity.notices.drain(..surplus);
    }
}

/// Returns the present time in microseconds since the Unix epoch.
fn micros_now() -> i64 {
    i64::try_from(time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}
