//! Rows of a full feed that equal those of the previous run. The mapper knows them, so only their keys and hashes are sent.
//!
//! Only the mapper tells which rows it knows, so no state here can be older or
//! newer than its database. If it does not answer, every row is sent in full.

use std::time::Duration;

use bus::Bus;
use edge::JsonPointer;
use feeds::{REPEATED_ROWS_MAX, RepeatedRows, RowContent};
use lifecycle::{Event, EventId, EventKind, FeedRun, KnownRowsReply, KnownRowsRequest, verbs};
use telemetry::chain;

use crate::intake::received::{EventPlace, ReceivedEvent, content_hash};

/// The timeout of the mapper's answer about one batch.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// The number of rows in one request. With the longest keys it fits into a message.
const ROWS_PER_REQUEST: usize = 500;

/// A batch, divided into full events and repeated rows.
pub(super) struct BatchParts {
    /// The events to store: the full ones, followed by those with the repeated rows.
    pub(super) events: Vec<ReceivedEvent>,
    /// The number of events with repeated rows.
    pub(super) named: usize,
    /// The number of repeated rows.
    pub(super) unchanged: u64,
}

/// Replaces the rows that the mapper knows by events with their keys and hashes.
pub(super) async fn take_apart(bus: &Bus, batch: Vec<ReceivedEvent>) -> BatchParts {
    let whole = |events| BatchParts { events, named: 0, unchanged: 0 };
    let Some(first) = batch.iter().find(|one| RowContent::of(&one.event).is_some()) else {
        return whole(batch);
    };
    let (run, head) = (first.event.feed.clone(), first.event.clone());
    let Some(run) = run else { return whole(batch) };
    let names: Vec<Option<(String, String)>> = batch.iter().map(|one| row_name(&one.event, &head)).collect();
    let known = known_rows(bus, &run, names.iter().flatten().cloned().collect()).await;
    if known.is_empty() {
        return whole(batch);
    }
    let mut known = known.into_iter();
    let (mut events, mut rows) = (Vec::new(), Vec::new());
    for (one, name) in batch.into_iter().zip(names) {
        match name {
            Some(name) if known.next() == Some(true) => rows.push(name),
            _ => events.push(one),
        }
    }
    let unchanged = rows.len() as u64;
    telemetry::metrics::feed_rows_unchanged(&run.feed, unchanged);
    let named: Vec<ReceivedEvent> =
        rows.chunks(REPEATED_ROWS_MAX).map(|rows| rows_event(&head, &run, rows)).collect();
    let count = named.len();
    events.extend(named);
    BatchParts { events, named: count, unchanged }
}

/// Returns the key and hash of a row of the same run and sender as `head`.
fn row_name(event: &Event, head: &Event) -> Option<(String, String)> {
    let is_alike = event.feed == head.feed && event.source == head.source && event.sender == head.sender;
    let content = RowContent::of(event).filter(|_| is_alike)?;
    Some((event.subject.clone(), content.hash()))
}

/// Asks the mapper for each row whether it knows it. Empty if the mapper does not answer.
async fn known_rows(bus: &Bus, run: &FeedRun, rows: Vec<(String, String)>) -> Vec<bool> {
    let mut known = Vec::with_capacity(rows.len());
    for some in rows.chunks(ROWS_PER_REQUEST) {
        let request = KnownRowsRequest { feed: run.feed.clone(), run: run.run.clone(), rows: some.to_vec() };
        match bus.ask::<verbs::KnownRowsVerb>(&request, ANSWER_WITHIN).await {
            Ok(KnownRowsReply { known: some }) => known.extend(some),
            Err(error) => {
                tracing::debug!(error = chain(&error), "all rows of a feed are sent in full");
                return Vec::new();
            }
        }
    }
    if known.len() == rows.len() { known } else { Vec::new() }
}

/// Builds one event with the keys and hashes of rows.
fn rows_event(head: &Event, run: &FeedRun, rows: &[(String, String)]) -> ReceivedEvent {
    let source_event_id = format!("{}:rows:{}", run.run, content_hash(&rows));
    let event = Event {
        id: EventId::of(&head.source, &source_event_id),
        source_event_id,
        kind: EventKind::FeedRows,
        subject: run.feed.clone(),
        effective_at: head.time,
        dated: None,
        attributes: RepeatedRows { rows: rows.to_vec() }.to_attributes(),
        unread: Vec::new(),
        ..head.clone()
    };
    ReceivedEvent { event, place: EventPlace::Operation(JsonPointer::root()), trace: None, content: None }
}
