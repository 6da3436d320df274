//! Keeps the positions of the consumers while the service runs, and at its end.

use std::time::Duration;

use bus::{ServiceMark, StreamPosition};
use store::StoreError;
use telemetry::chain;
use tokio_util::sync::CancellationToken;

use crate::judge::{self, consumer_position, consumer_step};
use crate::tables::{self, ConsumerPosition, DatabaseIdentity, RecoveryNotice};
use crate::{Recovery, RecoveryError, RecoveryFinding, heartbeat, micros_now};

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

impl Recovery {
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

    /// Returns the position of each consumer at the broker, with the position that the database kept.
    pub(crate) async fn positions(
        &self,
    ) -> Result<Vec<(StreamPosition, Option<ConsumerPosition>)>, RecoveryError> {
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
    pub(crate) async fn keep(
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
    pub(crate) fn notice(&self, identity: &mut DatabaseIdentity, news: &[String]) {
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
