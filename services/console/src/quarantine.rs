//! Facts that could not be read or written, and retrying them.

use bus::FactBatch;
use lifecycle::{FactRecord, QUARANTINE_MAX, QuarantinedMessage, RetriedItem, RetryOutcome, unix_micros};
use store::quarantine::{self, QuarantineReason, QuarantinedItem};
use store::{Store, StoreError};
use time::OffsetDateTime;

use telemetry::chain_text;

use crate::projection::{self, ReportedFact};
use crate::schema::SERVICE;

/// Replaces the stream name for an item that is a single fact, not the message that it came with.
const FACT: &str = "fact";

/// Returns the current time in microseconds since the Unix epoch.
pub(crate) fn now_micros() -> i64 {
    unix_micros(OffsetDateTime::now_utc())
}

/// Returns the quarantine item for a fact that could not be written.
pub(crate) fn not_stored(told: &ReportedFact, error: &StoreError) -> QuarantinedItem {
    let record = &told.record;
    let mut item = QuarantinedItem::message(FACT, 0, QuarantineReason::NotStored, now_micros());
    item.id = format!("{FACT}/{}", record.id);
    item.cause = chain_text(error);
    item.subject.clone_from(&record.subject);
    item.kind = record.fact.name().to_owned();
    item.payload = serde_json::to_vec(record).expect("facts have only text as map keys");
    item
}

/// Sets an item aside, counts it and logs it.
pub(crate) async fn set_aside(store: &Store, item: &QuarantinedItem) -> Result<(), StoreError> {
    quarantine::put_item(store.writer(), SERVICE, item).await?;
    telemetry::metrics::count_quarantined(SERVICE, item.reason.as_str());
    let (reason, kind) = (item.reason.as_str(), item.kind.as_str());
    tracing::error!(item = item.id, reason, kind, cause = item.cause, "set aside: see `usher quarantine ls`");
    Ok(())
}

/// Retries items that this version may understand although an earlier one did not.
pub(crate) async fn read_again(store: &Store) -> Result<(), StoreError> {
    let waiting = |item: &QuarantinedItem| {
        matches!(item.reason, QuarantineReason::NewerVersion | QuarantineReason::Unreadable)
    };
    let items = quarantine::list_items(store.reader(), SERVICE, QUARANTINE_MAX).await?;
    for item in items.into_iter().filter(waiting) {
        if let Err(cause) = try_again(store, &item).await {
            tracing::debug!(item = item.id, cause, "still set aside");
        }
    }
    Ok(())
}

/// Converts an item into its API form.
pub(crate) fn show_item(item: QuarantinedItem) -> QuarantinedMessage {
    QuarantinedMessage {
        id: format!("{SERVICE}:{}", item.id),
        at: item.at,
        reason: item.reason.as_str().to_owned(),
        cause: item.cause,
        subject: item.subject,
        kind: item.kind,
        departure: item.is_departure,
    }
}

/// Retries an item and returns the outcome.
pub(crate) async fn retry_item(store: &Store, id: &str) -> Result<RetriedItem, StoreError> {
    let (outcome, cause) = match quarantine::get_item(store.reader(), SERVICE, id).await? {
        None => (RetryOutcome::NotFound, String::new()),
        Some(item) => match try_again(store, &item).await {
            Ok(()) => (RetryOutcome::Done, String::new()),
            Err(cause) => (RetryOutcome::Refused, cause),
        },
    };
    Ok(RetriedItem { id: id.to_owned(), outcome, cause })
}

async fn try_again(store: &Store, item: &QuarantinedItem) -> Result<(), String> {
    let facts: Vec<FactRecord> = match item.stream.as_str() {
        FACT => vec![serde_json::from_slice(&item.payload).map_err(|error| error.to_string())?],
        _ => bus::decode_payload::<FactBatch>(&item.payload).map_err(|reason| reason.to_string())?.0,
    };
    let told: Vec<ReportedFact> = facts.iter().map(ReportedFact::by_its_author).collect();
    projection::apply_batch(store, &told).await.map_err(|error| chain_text(&error))?;
    quarantine::remove_item(store.writer(), SERVICE, &item.id).await.map_err(|error| chain_text(&error))
}
