//! One reading of a list, from its first page to the last.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use edge::{JsonPointer, Problem};
use feeds::{FeedSeen, FileCompletion, ROWS_MAX, RowTally};
use lifecycle::{AttemptClass, AttributeMap, Event, EventId, EventKind, FeedRun, FeedRunId, TraceContext};
use outbound::{AskFailure, JsonAnswer, Url};
use serde_json::Value;
use store::{Store, StoreError};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::known::{KnownRows, RowName};
use super::pages::PageWalk;
use super::row::Model;
use super::rows::{PreparedPoll, RowRead, row_event};
use crate::fetch::pace::{RequestPace, retry_delay};
use crate::http::AppState;
use crate::received::{EventPlace, ReceivedEvent};
use crate::streamed::{BatchSink, ToBroker};

/// How often a page is asked for before the reading is given up.
const PAGE_TRIES_MAX: u32 = 4;
/// Longest pause in the middle of a reading; whoever asks for more is read again later.
const PAUSE_MAX: Duration = Duration::from_secs(120);
/// Events that are stored together.
const BATCH_MAX: usize = 1_000;
/// Rows that were not seen for so long are forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(7 * 86_400);

/// Why a reading was given up. What it stored stays; the next begins where this one did.
#[derive(Debug)]
pub(super) struct ReadingStopped {
    pub(super) class: AttemptClass,
    pub(super) why: String,
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

/// What came of a reading.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReadingCounts {
    /// Rows that said something new.
    pub(super) new: u64,
    /// Rows that said what was known.
    pub(super) known: u64,
    /// Rows of which something could not be read; what could be read of them counts.
    pub(super) bad: u64,
    /// Rows of days to come that are not there any more.
    pub(super) withdrawn: u64,
}

/// A reading under way.
pub(super) struct ListReading<'a> {
    poll: &'a PreparedPoll,
    gate: &'a Arc<AppState>,
    known: KnownRows,
    begun: i64,
    /// When the reading before began.
    known_until: i64,
    at: OffsetDateTime,
    run: Option<FeedRun>,
    tally: RowTally,
    /// Of a full list: whose rows there were, and of which days.
    people: HashSet<String>,
    names: HashSet<RowName>,
    rows: u64,
    counts: ReadingCounts,
    /// Rows of days to come, as they were before.
    future: HashMap<String, Vec<Model>>,
    /// Of whom there are such rows, all that this list says.
    told: HashMap<String, Vec<(i64, bool, AttributeMap)>>,
}

impl<'a> ListReading<'a> {
    pub(super) fn new(
        poll: &'a PreparedPoll,
        gate: &'a Arc<AppState>,
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
            gate,
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

    /// Reads and stores all of it.
    ///
    /// # Errors
    /// When it cannot be read to its end, or not all of it is known to be stored.
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

    /// A page, after a few tries if need be.
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
            let wait = retry_delay(tries, initial, max.min(PAUSE_MAX), rand::random());
            pace.pause(Instant::now() + wait.max(pause));
        }
    }

    /// Stores what rows say that is new, and then remembers them.
    async fn take(&mut self, rows: &[Value]) -> Result<(), ReadingStopped> {
        for some in rows.chunks(BATCH_MAX) {
            let mut read = Vec::with_capacity(some.len());
            for row in some {
                match self.poll.read(row, self.at, self.run.as_ref(), &self.gate.limits) {
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

    /// Several rows of a person, each of another day, are one as far as the guard against doubles is concerned.
    fn is_other_day(&mut self, row: &RowRead) -> bool {
        let is_known = !self.people.insert(row.key.clone());
        let is_new_day = self.names.insert((row.key.clone(), row.effective_at));
        is_known && is_new_day
    }

    async fn store(&mut self, rows: Vec<RowRead>) -> Result<(), ReadingStopped> {
        let keys: Vec<&str> = rows.iter().map(|row| row.key.as_str()).collect();
        // A full list says again of everybody that they are in it.
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

    async fn publish(&self, mut events: Vec<ReceivedEvent>) -> Result<(), ReadingStopped> {
        let mut sink = ToBroker { gate: Arc::clone(self.gate), trace: TraceContext::root() };
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

    /// A row of a day to come that is not there any more, of a person whose rows are: on that day things are as the row
    /// before it says. It was missed by two readings: a list that changes while it is read may be without a row that is there.
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
                    let events = self.poll.events(again, self.at, None, &self.gate.limits);
                    let invalid = |why| ReadingStopped::new(AttemptClass::Permanent, why);
                    self.publish(events.map_err(invalid)?).await?;
                }
                self.known.forget(&key, row.effective_at).await?;
            }
        }
        Ok(())
    }

    /// Of a full list, that this was all.
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
        let completion = FileCompletion { seen, people, guard: self.poll.config.guard.clone() };
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
