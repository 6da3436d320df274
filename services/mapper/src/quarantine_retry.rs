//! Processes what is in the quarantine once more: at the start, by this version, and when an operator asks for it.

use lifecycle::{
    Event, EventId, EventKind, QUARANTINE_MAX, RetriedItem, RetryOutcome, RetryQuarantinedReply,
    RetryQuarantinedRequest,
};
use store::StoreError;
use store::quarantine::{self, QuarantineReason, QuarantinedItem};
use telemetry::chain_text;

use crate::quarantine::{GROUPS, PEOPLE, remove, unreadable_part};
use crate::repeated::repeated_inputs;
use crate::work::{BatchInput, BatchProcessor};
use crate::{SERVICE, now};

/// Retries items that this version may be able to read although an earlier one was not.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn read_again(processor: &BatchProcessor<'_>) -> Result<(), StoreError> {
    let items = quarantine::list_items(processor.store().reader(), SERVICE, QUARANTINE_MAX).await?;
    let waiting = |item: &QuarantinedItem| {
        matches!(item.reason, QuarantineReason::NewerVersion | QuarantineReason::Unreadable)
    };
    for item in items.into_iter().filter(waiting) {
        if let Err(error) = try_again(processor, &item).await {
            tracing::debug!(item = item.id, error, "still set aside");
        }
    }
    Ok(())
}

/// Retries the items that the request names.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn retry_items(
    processor: &BatchProcessor<'_>,
    request: &RetryQuarantinedRequest,
) -> Result<RetryQuarantinedReply, StoreError> {
    let mut items = Vec::with_capacity(request.ids.len());
    for id in &request.ids {
        let (outcome, cause) = match quarantine::get_item(processor.store().reader(), SERVICE, id).await? {
            None => (RetryOutcome::NotFound, String::new()),
            Some(item) => match try_again(processor, &item).await {
                Ok(()) => (RetryOutcome::Done, String::new()),
                Err(cause) => (RetryOutcome::Refused, cause),
            },
        };
        tracing::info!(item = id, who = request.actor.who, why = request.actor.why, ?outcome, "tried again");
        items.push(RetriedItem { id: id.clone(), outcome, cause });
    }
    Ok(RetryQuarantinedReply { items })
}

/// Processes the item, and removes it on success.
async fn try_again(processor: &BatchProcessor<'_>, item: &QuarantinedItem) -> Result<(), String> {
    let inputs = match item.stream.as_str() {
        PEOPLE => vec![BatchInput::Person(item.subject.clone())],
        GROUPS => vec![BatchInput::Group(item.subject.clone())],
        _ => {
            let mut event: Event = bus::decode_payload(&item.payload).map_err(|reason| reason.to_string())?;
            if item.reason == QuarantineReason::IdReused {
                // The inbox must not treat it as a duplicate.
                event.id = EventId::of(event.id.as_str(), &item.id);
            }
            if let Some(cause) = unreadable_part(&event) {
                return Err(cause.to_owned());
            }
            let sequence = u64::try_from(item.sequence).unwrap_or_default();
            if event.kind == EventKind::FeedRows {
                let rows = repeated_inputs(processor.store(), &event, sequence, None).await;
                rows.map_err(|error| chain_text(&error))?
            } else {
                let event = Box::new(event);
                vec![BatchInput::Event { event, sequence, trace: None, content: None, repeated: false }]
            }
        }
    };
    let batch = processor.process(&inputs, now()).await.map_err(|error| chain_text(&error))?;
    processor.relay().send(batch).await;
    remove(processor.store(), &item.id).await.map_err(|error| chain_text(&error))
}
