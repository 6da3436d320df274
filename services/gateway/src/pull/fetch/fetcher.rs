//! Fetches the wanted records of one source, on one replica at a time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{AttemptClass, SourceProblemKind};
use retry::retry_delay;
use store::ownership::{HeldLease, LeasedWork, run_owned};
use store::{Store, StoreError};
use telemetry::chain;
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::circuit::{RequestPermission, SourceCircuit, SourceFailureAttribution};
use super::outcome::{FetchTrouble, FetchedRecord, outcome_word};
use super::record::FetchPlan;
use super::wanted::{NextAttempt, WantedRecord, WantedTable};
use crate::intake::state::IntakeState;
use crate::pull::ownership::source_terms;
use crate::pull::pace::RequestPace;

/// The interval at which the number of open records is reported.
const REPORT_EVERY: Duration = Duration::from_secs(4);
/// The interval at which rows of other replicas are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The delay after a failure on our side, of the database or the broker.
const PAUSE: Duration = Duration::from_secs(2);
/// The delay while the mapper catches up.
const PAUSE_FOR_LAG: Duration = Duration::from_secs(1);
/// The pause when a source throttles without a `Retry-After`.
const PAUSE_UNTOLD: Duration = Duration::from_secs(30);

/// The fetcher of one source.
#[derive(Debug)]
pub(crate) struct RecordFetcher {
    intake: Arc<IntakeState>,
    table: WantedTable,
    plan: Arc<FetchPlan>,
    /// The name of this replica, which holds the lease.
    replica: String,
}

impl LeasedWork for RecordFetcher {
    /// Fetches until the lease is over. Fetches in flight finish first: an unfinished row is fetched again, and that may be
    /// the next owner's first request.
    async fn work(&self, lease: &HeldLease) {
        let retry = self.plan.config.retry;
        let circuit =
            SourceCircuit::new(Duration::from_millis(retry.initial_ms), Duration::from_millis(retry.max_ms));
        let pace = RequestPace::new(self.plan.config.requests_per_second_max, Instant::now());
        let mut work = FetchSession { tasks: JoinSet::new(), in_flight: HashSet::new(), circuit, pace };
        let mut report = tokio::time::interval(REPORT_EVERY);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let wake_at = match self.start_next(lease, &mut work).await {
                Ok(wake_at) => wake_at,
                Err(error) => {
                    let source = self.plan.source.as_str();
                    tracing::warn!(source, error = chain(&error), "cannot look for wanted records");
                    Instant::now() + PAUSE
                }
            };
            tokio::select! {
                biased;
                () = lease.over() => break,
                _ = report.tick() => self.report_open().await,
                Some(done) = work.tasks.join_next() => self.settle_joined(&mut work, done).await,
                () = self.plan.wake_up.notified() => {}
                () = tokio::time::sleep_until(wake_at) => {}
            }
        }
        while let Some(done) = work.tasks.join_next().await {
            self.settle_joined(&mut work, done).await;
        }
    }
}

/// A finished fetch: its row, its duration, and its outcome.
type FetchDone = (WantedRecord, Duration, Result<FetchedRecord, FetchTrouble>);

/// The state of an ownership session. Only the owner of the source needs it.
struct FetchSession {
    tasks: JoinSet<FetchDone>,
    /// The keys of the records that are being fetched.
    in_flight: HashSet<String>,
    circuit: SourceCircuit,
    pace: RequestPace,
}

impl RecordFetcher {
    pub(crate) fn new(intake: Arc<IntakeState>, store: Store, plan: Arc<FetchPlan>, replica: &str) -> Self {
        telemetry::metrics::register_fetcher(&plan.source);
        Self { intake, table: WantedTable(store), plan, replica: replica.to_owned() }
    }

    /// Fetches while this replica owns the source, until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let terms = source_terms(format!("fetch/{}", self.plan.source), &self.replica);
        run_owned(&self.table.0, &terms, &self, stop).await;
    }

    /// Returns the source of the events that its records make.
    fn sender(&self) -> String {
        format!("webhooks/{}", self.plan.source)
    }

    /// Reports the number of open records.
    async fn report_open(&self) {
        if let Ok(counts) = self.table.counts(&self.plan.source).await {
            telemetry::metrics::fetches_open(&self.plan.source, counts.waiting, counts.parked);
            if counts.parked == 0 {
                self.intake.problems.end_known(&self.sender(), SourceProblemKind::ParkedRecords);
            }
        }
    }

    /// Starts the next fetch if one is due and permitted. Returns the time of the next look.
    async fn start_next(&self, lease: &HeldLease, work: &mut FetchSession) -> Result<Instant, StoreError> {
        let now = Instant::now();
        let look_at = now + LOOK_EVERY;
        if !lease.is_held() {
            return Ok(look_at);
        }
        if work.in_flight.len() >= self.plan.config.concurrency_max {
            return Ok(look_at);
        }
        match work.circuit.leave(now) {
            RequestPermission::Granted if work.pace.next() > now => return Ok(work.pace.next()),
            RequestPermission::Granted => {}
            RequestPermission::At(until) => return Ok(until),
            RequestPermission::AfterProbe => return Ok(look_at),
        }
        if self.intake.pressure.check_lag().is_err() {
            return Ok(now + PAUSE_FOR_LAG);
        }
        let in_flight: Vec<&str> = work.in_flight.iter().map(String::as_str).collect();
        let Some(wanted) = self.table.first(&self.plan.source, &in_flight).await? else {
            return Ok(look_at);
        };
        let at = self.table.0.now().await?;
        if wanted.due_at > at {
            let wait = Duration::from_micros(u64::try_from(wanted.due_at - at).unwrap_or_default());
            return Ok((now + wait).min(look_at));
        }
        if !lease.is_held() {
            return Ok(look_at); // it may have ended while the database was asked
        }
        self.start(work, wanted, at);
        Ok(now)
    }

    /// Starts a fetch in its own task.
    fn start(&self, work: &mut FetchSession, wanted: WantedRecord, at: i64) {
        work.circuit.sent();
        work.pace.take(Instant::now());
        work.in_flight.insert(wanted.key.clone());
        let (intake, plan) = (Arc::clone(&self.intake), Arc::clone(&self.plan));
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000)
            .unwrap_or_else(|_| store::clock::now());
        work.tasks.spawn(async move {
            let begun = Instant::now();
            let outcome = plan.fetch(&intake, &wanted, at).await;
            (wanted, begun.elapsed(), outcome)
        });
    }

    /// Handles a task that ended, with an outcome or with a panic.
    async fn settle_joined(&self, work: &mut FetchSession, done: Result<FetchDone, tokio::task::JoinError>) {
        match done {
            Ok(done) => self.settle(work, done).await,
            Err(error) => {
                // The row of a panicked fetch is unknown here, but all rows are still in the table.
                work.in_flight.clear();
                tracing::error!(source = self.plan.source, error = chain(&error), "a fetch panicked");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Updates the circuit and the row after a fetch.
    async fn settle(&self, work: &mut FetchSession, (wanted, took, outcome): FetchDone) {
        let source = &self.plan.source;
        work.in_flight.remove(&wanted.key);
        telemetry::metrics::count_fetch(source, outcome_word(&outcome), took);
        let noted = match &outcome {
            Ok(_) => {
                if work.circuit.answered(&wanted.key) {
                    tracing::info!(source, "the source can be asked again");
                }
                self.intake.problems.end_known(&self.sender(), SourceProblemKind::UnreadableRecords);
                self.table.done(source, &wanted, self.plan.delay).await.map(|_| ())
            }
            Err(FetchTrouble::NotStored { why }) => {
                work.circuit.answered(&wanted.key);
                tracing::warn!(source, why, "what a record says could not be stored yet");
                self.table.failed(source, &wanted, wanted.attempts, why, NextAttempt::Again(PAUSE)).await
            }
            Err(FetchTrouble::Source { class, why, retry_after }) => {
                self.settle_failure(work, &wanted, *class, why, *retry_after).await
            }
        };
        telemetry::metrics::source_circuit(source, work.circuit.level());
        if let Err(error) = noted {
            // The row is unchanged, so it is fetched once more.
            tracing::warn!(source, error = chain(&error), "what became of a fetch could not be noted");
            work.pace.pause(Instant::now() + PAUSE);
        }
    }

    /// Attributes a failure to the source or the record, and schedules the next attempt.
    async fn settle_failure(
        &self,
        work: &mut FetchSession,
        wanted: &WantedRecord,
        class: AttemptClass,
        why: &str,
        retry_after: Option<Duration>,
    ) -> Result<(), StoreError> {
        let (source, config, now) = (&self.plan.source, &self.plan.config, Instant::now());
        let was_open = work.circuit.level() > 0;
        let judged = work.circuit.failed(class, &wanted.key, now);
        if class == AttemptClass::Throttled || retry_after.is_some() {
            let pause = retry_after.unwrap_or(PAUSE_UNTOLD);
            work.pace.pause(now + pause);
            tracing::warn!(source, why, pause_ms = pause.as_millis(), "the source asks to be left alone");
        }
        if judged.blame == SourceFailureAttribution::Source {
            if judged.open_until.is_some() && !was_open {
                tracing::warn!(source, why, "the source cannot be asked: records wait");
            }
            self.intake.problems.note(&self.sender(), SourceProblemKind::UnreadableRecords, 1, why);
            // Queue it behind the records that are due: the next record shows whether only this one fails.
            let wait =
                judged.open_until.map(|until| until.saturating_duration_since(now)).unwrap_or_default();
            return self.table.failed(source, wanted, wanted.attempts, why, NextAttempt::Again(wait)).await;
        }
        let attempts = wanted.attempts + 1;
        if attempts >= config.attempts_max {
            if !wanted.parked {
                let subject = wanted.key.as_str();
                tracing::warn!(
                    source,
                    subject,
                    attempts,
                    why,
                    "a record is put aside: it could not be fetched"
                );
                telemetry::metrics::fetch_parked(source);
                self.intake.problems.note(&self.sender(), SourceProblemKind::ParkedRecords, 1, why);
            }
            let next = NextAttempt::Parked(Duration::from_secs(config.parked_retry_seconds));
            return self.table.failed(source, wanted, config.attempts_max, why, next).await;
        }
        tracing::info!(source, attempts, why, "a record could not be fetched yet");
        let (initial, max) =
            (Duration::from_millis(config.retry.initial_ms), Duration::from_millis(config.retry.max_ms));
        let wait = retry_delay(u32::try_from(attempts).unwrap_or(1), initial, max);
        self.table.failed(source, wanted, attempts, why, NextAttempt::Again(wait)).await
    }
}
