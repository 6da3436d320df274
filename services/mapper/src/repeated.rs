//! Repeated rows of full feeds: the gateway sends only their names, and they become the events that the full rows would have
//! been. See [`feeds::RepeatedRows`].

use std::collections::HashMap;

use feeds::{RepeatedRows, RowContent};
use lifecycle::{
    AttributeMap, Event, EventId, EventKind, KnownRowsReply, KnownRowsRequest, StatementDating, TraceContext,
};
use lifecycle::{UnreadValue, unix_micros};
use store::{ROWS_PER_STATEMENT_MAX, Store, StoreError};

use crate::now;
use crate::rows::{feed_person, feed_row};
use crate::work::BatchInput;

/// The detail of the finding for a row whose name is not known here.
const UNKNOWN_ROW: &str = "it repeats a row that is not known any more; the next file brings it in full";

/// Returns the rows that `event` names as inputs, followed by the event itself.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn repeated_inputs(
    store: &Store,
    event: &Event,
    sequence: u64,
    trace: Option<TraceContext>,
) -> Result<Vec<BatchInput>, StoreError> {
    // An event that cannot be read was set aside before: see `quarantine::unreadable_part`.
    let named = RepeatedRows::from_attributes(&event.attributes).unwrap_or_default().rows;
    let feed = event.feed.as_ref().map_or("", |run| run.feed.as_str());
    let contents = row_contents(store, feed, &named).await?;
    let mut unresolved = 0;
    let mut inputs = Vec::with_capacity(named.len() + 1);
    for (key, hash) in &named {
        let content = contents.get(&(key.as_str(), hash.as_str()));
        let row = match content {
            Some(content) => content.clone().into_event(event, key, hash),
            None => {
                unresolved += 1;
                unknown_rows(event, key, hash)
            }
        };
        inputs.push(BatchInput::Event {
            event: Box::new(row),
            sequence,
            trace,
            content: None,
            repeated: content.is_some(),
        });
    }
    if unresolved > 0 {
        telemetry::metrics::feed_rows_unresolved(feed, unresolved);
        tracing::error!(feed, unresolved, "rows of a full feed repeat what is not known any more");
    }
    let resolved = named.len() as u64 - unresolved;
    inputs.push(BatchInput::Rows { event: Box::new(event.clone()), sequence, resolved, unresolved });
    Ok(inputs)
}

/// Returns the known contents of the rows that are named, by key and hash. An unreadable content counts as not
/// known, and is forgotten.
async fn row_contents<'a>(
    store: &Store,
    feed: &str,
    named: &'a [(String, String)],
) -> Result<HashMap<(&'a str, &'a str), RowContent>, StoreError> {
    let mut stored = HashMap::new();
    for chunk in named.chunks(ROWS_PER_STATEMENT_MAX) {
        let keys: Vec<&str> = chunk.iter().map(|(key, _)| key.as_str()).collect();
        for row in feed_row::of_keys(store.reader(), feed, &keys).await? {
            match serde_json::from_str::<RowContent>(&row.content) {
                Ok(content) => drop(stored.insert((row.key, row.hash), content)),
                // The next file brings it in full only if this service does not say that it knows the row.
                Err(_) => feed_row::forget_row(store.writer(), feed, (&row.key, &row.hash)).await?,
            }
        }
    }
    let known = named.iter().filter_map(|name| {
        let content = stored.remove(name)?;
        Some(((name.0.as_str(), name.1.as_str()), content))
    });
    Ok(known.collect())
}

/// Builds an event for a person who is in the file, but with a row of unknown content.
fn unknown_rows(rows: &Event, key: &str, hash: &str) -> Event {
    let content = RowContent {
        kind: EventKind::WorkerChanged,
        effective_at: None,
        dated: Some(StatementDating::Observed),
        attributes: AttributeMap::new(),
        unread: vec![UnreadValue::new("row", UNKNOWN_ROW)],
    };
    let event = content.into_event(rows, key, hash);
    // A different id, because the row itself may still arrive.
    Event { id: EventId::of(event.id.as_str(), "unknown"), ..event }
}

/// Returns the rows for which a name is sufficient. A row of a key that the run lists already is sent as it was sent before.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn known_rows(
    store: &Store,
    request: &KnownRowsRequest,
) -> Result<KnownRowsReply, StoreError> {
    let reader = store.reader();
    let mut known = std::collections::HashSet::new();
    let mut listed = std::collections::HashSet::new();
    for chunk in request.rows.chunks(ROWS_PER_STATEMENT_MAX) {
        let keys: Vec<&str> = chunk.iter().map(|(key, _)| key.as_str()).collect();
        known.extend(feed_row::known_hashes(reader, &request.feed, &keys, unix_micros(now())).await?);
        listed.extend(feed_person::listed_in(reader, &request.feed, request.run.as_str(), &keys).await?);
    }
    let is_known = |row: &(String, String)| known.contains(row) && !listed.contains(&row.0);
    Ok(KnownRowsReply { known: request.rows.iter().map(is_known).collect() })
}
