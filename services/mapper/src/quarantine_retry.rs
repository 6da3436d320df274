//! Processes what is in the quarantine once more: at the start, by this version, and when an operator asks for it.

use lifecycle::{
    Event, EventId, EventKind, QUARANTINE_MAX, ResourceKind, RetriedItem, RetryOutcome,
    RetryQuarantinedReply, RetryQuarantinedRequest,
};
use retry::RetryLog;
use sea_orm::EntityTrait;
use store::quarantine::{self, ItemPage, QuarantineReason, QuarantinedItem};
use store::{ListPosition, StoreError};
use telemetry::chain_text;

use crate::evidence::signing;
use crate::quarantine::{remove, unreadable_part};
use crate::repeated::repeated_inputs;
use crate::rows::{desired, feed_run, feed_unread};
use crate::unreadable::{StateKind, state_key};
use crate::work::{BatchInput, BatchProcessor, mark_reports_stale};
use crate::{SERVICE, now};

/// The maximum number of attempts to process an item while other writers win the race.
const TRIES_MAX: usize = 10;

/// Retries items that this version may be able to read although an earlier one was not.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn read_again(processor: &BatchProcessor<'_>) -> Result<(), StoreError> {
    let waiting = |item: &QuarantinedItem| {
        matches!(
            item.reason,
            QuarantineReason::NewerVersion | QuarantineReason::Unreadable | QuarantineReason::StateUnreadable
        )
    };
    let mut after = None;
    loop {
        let page = ItemPage::read(processor.store(), SERVICE, after.as_ref(), QUARANTINE_MAX).await?;
        for item in page.items.into_iter().filter(waiting) {
            if let Err(error) = try_again(processor, &item).await {
                tracing::debug!(item = item.id, error, "still set aside");
            }
        }
        after = page.next_cursor.as_deref().and_then(ListPosition::parse);
        if after.is_none() {
            return Ok(());
        }
    }
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

/// Processes the item, and removes it on success. What was skipped because of it is looked at again.
async fn try_again(processor: &BatchProcessor<'_>, item: &QuarantinedItem) -> Result<(), String> {
    process_item(processor, item).await?;
    processor.note_repair();
    Ok(())
}

async fn process_item(processor: &BatchProcessor<'_>, item: &QuarantinedItem) -> Result<(), String> {
    match StateKind::from_name(&item.stream) {
        Some(StateKind::FeedRun) => return try_run_again(processor, item).await,
        Some(StateKind::EvidenceKey) => {
            let checked = signing::check_key(processor.store(), &item.subject).await;
            checked.map_err(|error| chain_text(&error))?;
        }
        Some(kind) => process_state(processor, kind, item).await?,
        None => {
            let inputs = event_inputs(processor, item).await?;
            process_inputs(processor, &inputs).await?;
        }
    }
    remove(processor.store(), &item.id).await.map_err(|error| chain_text(&error))
}

/// Processes the inputs, again while other writers win the race: the judge of feeds looks at runs from the start on.
async fn process_inputs(processor: &BatchProcessor<'_>, inputs: &[BatchInput]) -> Result<(), String> {
    let retries = RetryLog::new();
    for _ in 0..TRIES_MAX {
        match processor.process(inputs, now()).await {
            Ok(batch) => {
                processor.relay().send(batch).await;
                return Ok(());
            }
            Err(error) if error.is_conflict() => retries.failed("an item of the quarantine", &error),
            Err(error) => return Err(chain_text(&error)),
        }
    }
    Err("other writers were faster in every attempt: retry it".to_owned())
}

/// Returns the inputs of a message that was set aside.
async fn event_inputs(
    processor: &BatchProcessor<'_>,
    item: &QuarantinedItem,
) -> Result<Vec<BatchInput>, String> {
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
        return rows.map_err(|error| chain_text(&error));
    }
    let event = Box::new(event);
    Ok(vec![BatchInput::Event { event, sequence, trace: None, content: None, repeated: false }])
}

/// Processes the subject of a stored state that could not be read.
async fn process_state(
    processor: &BatchProcessor<'_>,
    kind: StateKind,
    item: &QuarantinedItem,
) -> Result<(), String> {
    const OLD: &str = "an older version set it aside without its whole key";
    let key = item.subject.clone();
    let input = match kind {
        StateKind::Group | StateKind::DesiredGroup => BatchInput::Group(key),
        StateKind::Membership => {
            let [group, member] = state_key(item).ok_or(OLD)?;
            BatchInput::Edge { group, member }
        }
        StateKind::Record => {
            let [source, key] = state_key(item).ok_or(OLD)?;
            BatchInput::Record { source, key }
        }
        StateKind::Person | StateKind::DesiredUser | StateKind::FeedRun | StateKind::EvidenceKey => {
            BatchInput::Person(key)
        }
    };
    process_inputs(processor, &[input]).await?;
    let failed = |error: StoreError| chain_text(&error);
    match kind {
        // Decisions about reports were made without what the person's state says.
        StateKind::Person => mark_reports(processor, &item.subject).await.map_err(failed),
        StateKind::DesiredUser | StateKind::DesiredGroup => {
            let [target, subject] = state_key(item).ok_or(OLD)?;
            let resource = match kind {
                StateKind::DesiredGroup => ResourceKind::Group,
                _ => ResourceKind::User,
            };
            let id = (target, resource.as_str().to_owned(), subject);
            let row = desired::Entity::find_by_id(id).one(processor.store().reader()).await;
            let row = row.map_err(StoreError::statement("read a desired state")).map_err(failed)?;
            row.map_or(Ok(()), |row| row.desired().map(drop)).map_err(failed)
        }
        _ => Ok(()),
    }
}

/// Marks the reports of a person whose state can be read again, so that they are decided about with it.
async fn mark_reports(processor: &BatchProcessor<'_>, manager: &str) -> Result<(), StoreError> {
    let tx = processor.store().begin().await?;
    mark_reports_stale(&tx, manager).await?;
    tx.commit().await.map_err(StoreError::statement("mark stale rows"))?;
    processor.notify_stale();
    Ok(())
}

/// Checks whether this version can read a run of a full feed. The judge looks at it again then, also if it held the run.
async fn try_run_again(processor: &BatchProcessor<'_>, item: &QuarantinedItem) -> Result<(), String> {
    let row = feed_run::Entity::find_by_id(&item.subject).one(processor.store().reader()).await;
    let row = row.map_err(|error| chain_text(&StoreError::statement("read a run of a feed")(error)))?;
    if let Some(row) = row {
        row.fault().map_or(Ok(()), Err)?;
        let judged = feed_unread::judge_again(processor.store().writer(), &row.run).await;
        judged.map_err(|error| chain_text(&error))?;
    }
    remove(processor.store(), &item.id).await.map_err(|error| chain_text(&error))
}
