//! Polls one list, on one replica at a time.

use std::sync::Arc;
use std::time::Duration;

use lifecycle::SourceProblemKind;
use retry::retry_delay;
use store::ownership::{HeldLease, LeasedWork, run_owned};
use store::{Store, StoreError};
use telemetry::chain;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::pages::parse_moment;
use super::reading::{ListReading, ReadingCounts, ReadingStopped};
use super::rows::PreparedPoll;
use super::state::{self, later_micros};
use crate::intake::state::IntakeState;
use crate::pull::ownership::source_terms;

/// The maximum time between two checks whether the list is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The poller of one list.
#[derive(Debug)]
pub(crate) struct ListPoller {
    intake: Arc<IntakeState>,
    store: Store,
    poll: PreparedPoll,
    replica: String,
}

impl LeasedWork for ListPoller {
    /// Reads the list until the lease is over. A reading in progress is dropped then; the next one starts where it did.
    async fn work(&self, lease: &HeldLease) {
        tokio::select! {
            () = lease.over() => {}
            () = self.poll_on(lease) => {}
        }
    }
}

impl ListPoller {
    pub(crate) fn new(intake: Arc<IntakeState>, store: Store, poll: PreparedPoll, replica: &str) -> Self {
        Self { intake, store, poll, replica: replica.to_owned() }
    }

    /// Reads the list while this replica owns it, until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let terms = source_terms(format!("poll/{}", self.poll.config.name), &self.replica);
        run_owned(&self.store, &terms, &self, stop).await;
    }

    /// Reads the list whenever it is due. Returns when the database fails.
    async fn poll_on(&self, lease: &HeldLease) {
        loop {
            match self.poll_when_due(lease).await {
                Ok(wait) => tokio::time::sleep(wait.min(LOOK_EVERY)).await,
                Err(error) => {
                    tracing::warn!(
                        source = self.poll.config.name,
                        error = chain(&error),
                        "cannot look after a list"
                    );
                    return;
                }
            }
        }
    }

    /// Reads the list if it is due, and returns the time until it is due again.
    async fn poll_when_due(&self, lease: &HeldLease) -> Result<Duration, StoreError> {
        let mut state = state::read_state(&self.store, &self.poll.config.name).await?;
        let begun = self.store.now().await?;
        if state.due_at > begun {
            return Ok(Duration::from_micros(u64::try_from(state.due_at - begun).unwrap_or_default()));
        }
        let since = self.since(state.known_until);
        let reading =
            ListReading::new(&self.poll, &self.intake, self.store.clone(), begun, state.known_until);
        match reading.read(since).await {
            Ok(counts) => {
                self.note(counts, begun);
                self.note_problems(counts);
                state.known_until = Some(begun);
                state.due_at = later_micros(begun, self.poll.config.every());
                (state.failures, state.last_error) = (0, None);
            }
            Err(stopped) => {
                let ReadingStopped { class, why, retry_after } = stopped;
                telemetry::metrics::count_poll(&self.poll.config.name, class.as_str());
                state.failures = state.failures.saturating_add(1);
                let failures = u32::try_from(state.failures).unwrap_or(1);
                let retry = self.poll.config.retry;
                let wait = retry_delay(
                    failures,
                    Duration::from_millis(retry.initial_ms),
                    Duration::from_millis(retry.max_ms),
                );
                let wait = wait.max(retry_after.unwrap_or_default());
                tracing::warn!(
                    source = self.poll.config.name,
                    why,
                    failures,
                    again_ms = wait.as_millis(),
                    "a list could not be read"
                );
                self.intake.problems.note(&self.poll.source, SourceProblemKind::UnreadableList, 1, &why);
                state.due_at = later_micros(self.store.now().await?, wait);
                state.last_error = Some(why);
            }
        }
        // Another owner may have read the list meanwhile, and knows it up to a later time.
        if lease.is_held() {
            state::write_state(&self.store, &state).await?;
        }
        Ok(Duration::ZERO)
    }

    /// Returns the time since which changes are requested.
    fn since(&self, known_until: Option<i64>) -> OffsetDateTime {
        let first = parse_moment(&self.poll.config.first_since).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let Some(known) = known_until else { return first };
        let overlap = i64::try_from(self.poll.config.overlap_seconds).unwrap_or(i64::MAX);
        let since = known.saturating_sub(overlap.saturating_mul(1_000_000));
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(since) * 1_000)
            .map_or(first, |since| since.max(first))
    }

    /// Reports the problems of a list that could be read, for the status.
    fn note_problems(&self, counts: ReadingCounts) {
        let (problems, source) = (&self.intake.problems, &self.poll.source);
        problems.end(source, SourceProblemKind::UnreadableList);
        if counts.bad == 0 {
            problems.end(source, SourceProblemKind::BadRows);
        }
        problems.note(source, SourceProblemKind::BadRows, counts.bad, "rows of the list; the log names them");
    }

    /// Reports the counts of a reading as metrics, and logs changes.
    fn note(&self, counts: ReadingCounts, begun: i64) {
        let name = &self.poll.config.name;
        let ReadingCounts { new, known, bad, withdrawn } = counts;
        telemetry::metrics::count_poll(name, "success");
        telemetry::metrics::poll_rows(name, new, known, bad);
        telemetry::metrics::poll_known_until(name, begun / 1_000_000);
        if new + bad + withdrawn > 0 {
            tracing::info!(source = name, new, known, bad, withdrawn, "a list was read");
        }
    }
}
