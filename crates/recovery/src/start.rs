//! The start of a service: compares the database with what was left at the broker.

use std::time::Duration;

use bus::{LeftMark, StreamPosition};
use telemetry::chain;

use crate::judge::{self, ConsumerStep, consumer_position, consumer_step, judge_finding};
use crate::tables::{self, ConsumerPosition, DatabaseIdentity};
use crate::{Recovery, RecoveryError, RecoveryFinding, RecoveryPlan, RecoveryResult};

/// The time that a start waits for a broker that does not answer.
const LOOKS_WITHIN: Duration = Duration::from_secs(60);
/// The interval at which a start asks the broker again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// The records at the broker and in the database.
struct RecoveryInput {
    mark: LeftMark,
    identity: Option<DatabaseIdentity>,
    installation: String,
    positions: Vec<(StreamPosition, Option<ConsumerPosition>)>,
}

impl Recovery {
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
}
