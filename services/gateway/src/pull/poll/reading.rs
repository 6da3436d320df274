//! One reading of a list, from the first page to the last.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use edge::{JsonPointer, Problem};
use feeds::{FeedSeen, FileCompletion, ROWS_MAX, RowTally};
use lifecycle::{AttemptClass, AttributeMap, Event, EventId, EventKind, FeedRun, FeedRunId, TraceContext};
use outbound::{AskFailure, JsonAnswer, Url};
use retry::retry_delay;
use serde_json::Value;
use store::{Store, StoreError};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::known::{KnownRows, RowName};
use super::pages::PageWalk;
use super::row::Model;
use super::rows::{PreparedPoll, RowRead, row_event};
use crate::intake::received::{EventPlace, ReceivedEvent};
use crate::intake::state::IntakeState;
use crate::intake::streamed::{BatchSink, ToBroker};
use crate::pull::pace::RequestPace;

/// The maximum number of attempts for one page before the reading is aborted.
const PAGE_TRIES_MAX: u32 = 4;
/// The maximum pause within a reading. If the API asks for more, the list is read again later.
const PAUSE_MAX: Duration = Duration::from_secs(120);
/// The maximum number of events that are stored together.
const BATCH_MAX: usize = 1_000;
/// The time after which a row that was not seen again is deleted.
const FORGET_AFTER: Duration = Duration::from_secs(7 * 86_400);

/// The reason why a reading was aborted. Its stored events stay; the next reading starts where this one did.
#[derive(Debug)]
pub(super) struct ReadingStopped {
    pub(super) class: AttemptClass,
    pub(super) why: String,
    /// The delay that the API asks for.
    pub(super) retry_after: Option<Duration>,
}

impl ReadingStopped {
    fn new(class: AttemptClass, why: impl Into<String>) -> Self {
        Self { class, why: why.into(), retry_after: None }
    }
}

impl From<AskFailure> for ReadingStopped {
    fn from(AskFailure { class, message, retry_after, .. }: AskFailure) -> Self {
        Self { class, why: message, retry_after }
    }
}

impl From<StoreError> for ReadingStopped {
    fn from(error: StoreError) -> Self {
        Self::new(AttemptClass::Transient, error.to_string())
    }
}

/// The row counts of a reading.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReadingCounts {
    /// The number of rows with new content.
    pub(super) new: u64,
    /// The number of rows with known content.
    pub(super) known: u64,
    /// The number of rows with unreadable values. The readable part of them counts.
    pub(super) bad: u64,
    /// The number of future rows that were withdrawn.
    pub(super) withdrawn: u64,
}

/// A reading in progress.
pub(super) struct ListReading<'a> {
    poll: &'a PreparedPoll,
    intake: &'a Arc<IntakeState>,
    known: KnownRows,
    /// The start of the reading, in microseconds since the Unix epoch.
    begun: i64,
    /// The start of the previous reading, in microseconds since the Unix epoch.
    known_until: i64,
    /// The start of the reading as a time.
    at: OffsetDateTime,
    /// The feed run of a full list.
    run: Option<FeedRun>,
    tally: RowTally,
    /// For a full list: the people who have rows, and the row names.
    people: HashSet<String>,
    names: HashSet<RowName>,
    /// The number of rows, without further rows of the same person for other days.
    rows: u64,
    counts: ReadingCounts,
    /// The future rows of earlier readings.
    future: HashMap<String, Vec<Model>>,
    /// For each person with future rows: every row in this list.
    told: HashMap<String, Vec<(i64, bool, AttributeMap)>>,
}

impl<'a> ListReading<'a> {
    pub(super) fn new(
        poll: &'a PreparedPoll,
        intake: &'a Arc<IntakeState>,
        store: Store,
        begun: i64,
        known_until: Option<i64>,
    ) -> Self {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(begun) * 1_000);
        let at = at.unwrap_or_else(|_| store::clock::now());
        let run = poll.config.full.then(|| FeedRun {
            feed: poll.config.name.clone(),
            run: FeedRunId::fresh(),
            begun_at: at,
            absent: false,
        });
        let known = KnownRows { store, poll: poll.config.name.clone() };
        Self {
            poll,
            intake,
            known,
            begun,
            known_until: known_until.unwrap_or(i64::MIN),
            at,
            run,
            tally: RowTally::default(),
            people: HashSet::new(),
            names: HashSet::new(),
            rows: 0,
            counts: ReadingCounts::default(),
            future: HashMap::new(),
            told: HashMap::new(),
        }
    }

    /// Reads and stores the whole list.
    ///
    /// # Errors
    /// Returns an error if the list cannot be read to its end, or if some events are not known to be stored.
    pub(super) async fn read(mut self, since: OffsetDateTime) -> Result<ReadingCounts, ReadingStopped> {
        let config = &self.poll.config;
        if self.run.is_some() || config.rows_per_person == super::RowsPerPerson::All {
            self.future = self.known.future(self.begun).await?;
        }
        let wrong = |why: String| ReadingStopped::new(AttemptClass::Permanent, why);
        let mut pages = PageWalk::new(config, since).map_err(wrong)?;
        let mut pace = RequestPace::new(config.requests_per_second_max, Instant::now());
        let mut next = Some(pages.first());
        let mut total = None;
        while let Some(url) = next.take() {
            let answer = self.page(url, &mut pace).await?;
            let rows = pages.rows(&answer).map_err(wrong)?;
            if pages.rows_read() > ROWS_MAX {
                return Err(wrong(format!("the list has more than {ROWS_MAX} rows")));
            }
            self.take(rows).await?;
            total = pages.total(&answer).or(total);
            next = pages.next(&answer).map_err(wrong)?;
        }
        if let Some(total) = total.filter(|total| *total > pages.rows_read() && self.run.is_none()) {
            let why = format!("the list has {} rows and says that it has {total}", pages.rows_read());
            return Err(ReadingStopped::new(AttemptClass::Transient, why));
        }
        self.withdraw().await?;
        self.complete(total).await?;
        let forgotten = FORGET_AFTER.max(Duration::from_secs(config.overlap_seconds.saturating_mul(4)));
        let before = self.begun.saturating_sub(i64::try_from(forgotten.as_micros()).unwrap_or(i64::MAX));
        self.known.forget_before(before, self.begun).await?;
        Ok(self.counts)
    }

    /// Fetches a page, with a few retries if needed.
    async fn page(&self, url: Url, pace: &mut RequestPace) -> Result<JsonAnswer, ReadingStopped> {
        let mut tries = 0;
        loop {
            tokio::time::sleep_until(pace.next()).await;
            pace.take(Instant::now());
            let failure = match self.poll.asker.get(url.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            tries += 1;
            let pause = failure.retry_after.unwrap_or_default();
            let helps = matches!(
                failure.class,
                AttemptClass::Transient | AttemptClass::Throttled | AttemptClass::Unavailable
            );
            if !helps || tries >= PAGE_TRIES_MAX || pause > PAUSE_MAX {
                return Err(failure.into());
            }
            let retry = self.poll.config.retry;
            let (initial, max) =
                (Duration::from_millis(retry.initial_ms), Duration::from_millis(retry.max_ms));
            let wait = retry_delay(tries, initial, max.min(PAUSE_MAX));
            pace.pause(Instant::now() + wait.max(pause));
        }
    }

    /// Stores the events of new rows, and then the rows themselves.
    async fn take(&mut self, rows: &[Value]) -> Result<(), ReadingStopped> {
        for some in rows.chunks(BATCH_MAX) {
            let mut read = Vec::with_capacity(some.len());
            for row in some {
                match self.poll.read(row, self.at, self.run.as_ref(), &self.intake.limits) {
                    Ok(row) => {
                        self.count(&row);
                        read.push(row);
                    }
                    Err(why) => {
                        if self.counts.bad == 0 {
                            tracing::warn!(
                                source = self.poll.config.name,
                                why,
                                "a row of a list cannot be used"
                            );
                        }
                        self.counts.bad += 1;
                        self.rows += 1;
                        self.tally.count_key(None);
                    }
                }
            }
            self.store(read).await?;
        }
        Ok(())
    }

    /// Counts a row, and remembers the statements of people with future rows.
    fn count(&mut self, row: &RowRead) {
        self.tally.count_key(Some(&row.key));
        self.counts.bad += u64::from(row.is_bad);
        if self.run.is_some() && !self.is_other_day(row) {
            self.rows += 1;
        }
        if self.future.contains_key(&row.key) {
            let told = self.told.entry(row.key.clone()).or_default();
            told.push((row.effective_at, row.departs, row.values.clone()));
        }
    }

    /// Returns whether this is a further row of a known person for another day. Such rows count as one for the guard against duplicates.
    fn is_other_day(&mut self, row: &RowRead) -> bool {
        let is_known = !self.people.insert(row.key.clone());
        let is_new_day = self.names.insert((row.key.clone(), row.effective_at));
        is_known && is_new_day
    }

    /// Publishes the events of rows that are new or changed, and then remembers all rows.
    async fn store(&mut self, rows: Vec<RowRead>) -> Result<(), ReadingStopped> {
        let keys: Vec<&str> = rows.iter().map(|row| row.key.as_str()).collect();
        // A full list confirms for every person that they are in it, so no row is skipped.
        let known = if self.run.is_some() { HashMap::new() } else { self.known.hashes(&keys).await? };
        let (mut events, mut kept) = (Vec::new(), Vec::with_capacity(rows.len()));
        for row in rows {
            let name = (row.key, row.effective_at);
            if known.get(&name).is_some_and(|hash| *hash == row.hash) {
                self.counts.known += 1;
            } else {
                self.counts.new += 1;
                events.extend(row.events);
            }
            kept.push(Model {
                poll: self.known.poll.clone(),
                key: name.0,
                effective_at: name.1,
                hash: row.hash,
                departs: row.departs,
                seen_at: self.begun,
            });
        }
        self.publish(events).await?;
        self.known.keep(kept).await?;
        Ok(())
    }

    /// Publishes events in batches.
    async fn publish(&self, mut events: Vec<ReceivedEvent>) -> Result<(), ReadingStopped> {
        let mut sink = ToBroker { intake: Arc::clone(self.intake), trace: TraceContext::root() };
        while !events.is_empty() {
            let rest = events.split_off(events.len().min(BATCH_MAX));
            let batch = std::mem::replace(&mut events, rest);
            let stored = sink.store(batch).await.map_err(|problem: Problem| {
                let class = AttemptClass::Transient;
                ReadingStopped { class, why: problem.code().to_owned(), retry_after: None }
            })?;
            let new = stored.events() - stored.duplicates();
            telemetry::metrics::events_accepted(&self.poll.config.name, "accepted", new);
        }
        Ok(())
    }

    /// Withdraws future rows that are missing although their person has rows: on that day, the row before it stays in effect.
    /// A row must be missing in two readings, because a list that changes while it is read may omit a row that exists.
    async fn withdraw(&mut self) -> Result<(), ReadingStopped> {
        for (key, before) in std::mem::take(&mut self.future) {
            let Some(mut told) = self.told.remove(&key) else { continue };
            told.sort_by_key(|(effective_at, ..)| *effective_at);
            let is_missed = |row: &&Model| {
                row.seen_at < self.known_until && told.iter().all(|(at, ..)| *at != row.effective_at)
            };
            for row in before.iter().filter(is_missed) {
                self.counts.withdrawn += 1;
                let base = told.iter().rev().find(|(at, ..)| *at < row.effective_at);
                if let Some((_, departs, values)) = base {
                    let begins =
                        OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.effective_at) * 1_000);
                    let begins = begins.ok();
                    let mut again =
                        vec![row_event(EventKind::WorkerChanged, &key, self.at, begins, values.clone())];
                    if row.departs && !departs {
                        let back = EventKind::WorkerRehired;
                        again.push(row_event(back, &key, self.at, begins, AttributeMap::new()));
                    }
                    let events = self.poll.events(again, self.at, None, &self.intake.limits);
                    let invalid = |why| ReadingStopped::new(AttemptClass::Permanent, why);
                    self.publish(events.map_err(invalid)?).await?;
                }
                self.known.forget(&key, row.effective_at).await?;
            }
        }
        Ok(())
    }

    /// Publishes the completion event of a full list.
    async fn complete(&self, total: Option<u64>) -> Result<(), ReadingStopped> {
        let Some(run) = &self.run else { return Ok(()) };
        let people = self.tally.people();
        let seen = FeedSeen {
            rows: self.rows,
            bad_rows: self.counts.bad,
            keys_distinct: people.count,
            complete: true,
            trailer_count: total,
            checksum_ok: None,
        };
        let config = &self.poll.config;
        let (guard, replaces) = (config.guard.clone(), config.replaces.clone());
        let completion = FileCompletion { seen, people, guard, replaces };
        let source_event_id = format!("{}:end", run.run);
        let event = Event {
            id: EventId::of(&self.poll.source, &source_event_id),
            source: self.poll.source.clone(),
            source_event_id,
            kind: EventKind::FeedCompleted,
            subject: run.feed.clone(),
            time: self.at,
            effective_at: self.at,
            accepted_at: store::clock::now().max(self.at),
            sender: self.poll.source.clone(),
            dated: None,
            attributes: completion.to_attributes(),
            members: None,
            feed: Some(run.clone()),
            withdraws: false,
            unread: Vec::new(),
        };
        self.publish(vec![ReceivedEvent {
            event,
            place: EventPlace::Operation(JsonPointer::root()),
            trace: None,
            content: None,
        }])
        .await
    }
}
