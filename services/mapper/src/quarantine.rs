//! The quarantine: events that could not be read or stored. [`crate::quarantine_retry`] processes them once more.

use bus::{DecodeReason, Delivery};
use feeds::{FileCompletion, RepeatedRows};
use lifecycle::{Event, EventKind, QUARANTINE_MAX, QuarantineReply, QuarantinedMessage, unix_micros};
use serde_json::Value;
use store::quarantine::{self, ItemPage, QuarantineReason, QuarantinedItem};
use store::{ListPosition, Store, StoreError};
use telemetry::chain_text;

use crate::rows::{SaveError, feed_unread};
use crate::{SERVICE, now};

/// Builds the quarantine item of a message that cannot be decoded.
pub(crate) fn unreadable_message(delivery: &Delivery<Event>, reason: &DecodeReason) -> QuarantinedItem {
    let kind = match reason {
        DecodeReason::Version(_) => QuarantineReason::NewerVersion,
        DecodeReason::Syntax { .. } | DecodeReason::Shape { .. } => QuarantineReason::Unreadable,
    };
    let mut item = message_item(delivery, kind, reason.to_string());
    (item.kind, item.subject, item.is_departure) = payload_glimpse(&delivery.payload);
    item.is_departure |= delivery.is_departure();
    item
}

/// Returns the reason why an event about a whole run of a full feed cannot be read; `None` for any other event.
pub(crate) fn unreadable_part(event: &Event) -> Option<&'static str> {
    match event.kind {
        EventKind::FeedRows if event.feed.is_none() => Some("it names rows of no run"),
        EventKind::FeedRows if RepeatedRows::from_attributes(&event.attributes).is_none() => {
            Some("the names of repeated rows cannot be read")
        }
        EventKind::FeedCompleted if FileCompletion::from_attributes(&event.attributes).is_none() => {
            Some("the end of the feed cannot be read")
        }
        _ => None,
    }
}

/// Builds the quarantine item of an event with an unreadable part.
pub(crate) fn unreadable_event(delivery: &Delivery<Event>, event: &Event, cause: &str) -> QuarantinedItem {
    let mut item = message_item(delivery, QuarantineReason::Unreadable, cause.to_owned());
    describe_item(&mut item, event);
    item
}

/// Builds the quarantine item of an event that could not be stored.
pub(crate) fn not_stored(delivery: &Delivery<Event>, event: &Event, error: &SaveError) -> QuarantinedItem {
    let reason = match error {
        SaveError::Store(StoreError::Unreadable { .. }) => QuarantineReason::StateUnreadable,
        _ => QuarantineReason::NotStored,
    };
    let mut item = message_item(delivery, reason, chain_text(error));
    if delivery.body.as_ref().is_ok_and(|whole| whole.id != event.id) {
        // The event is one of the rows that the message names.
        item.id = format!("{}/{}", item.id, event.subject);
        item.payload = bus::encode_event(event).into_bytes();
    }
    describe_item(&mut item, event);
    item
}

/// Builds the quarantine item of an event whose sender used the same id before for other content.
pub(crate) fn reused_event(event: &Event, sequence: u64) -> QuarantinedItem {
    let mut item =
        QuarantinedItem::message("EVENTS", sequence, QuarantineReason::IdReused, unix_micros(now()));
    item.cause =
        format!("{} used the id {:?} before, for something else", event.sender(), event.source_event_id);
    item.payload = bus::encode_event(event).into_bytes();
    describe_item(&mut item, event);
    item
}

fn message_item(delivery: &Delivery<Event>, reason: QuarantineReason, cause: String) -> QuarantinedItem {
    let mut item = QuarantinedItem::message(delivery.stream(), delivery.sequence, reason, unix_micros(now()));
    item.cause = cause;
    item.payload = delivery.payload.to_vec();
    item
}

pub(crate) fn describe_item(item: &mut QuarantinedItem, event: &Event) {
    item.subject.clone_from(&event.subject);
    item.kind = event.kind.to_string();
    item.is_departure = event.takes_away();
}

/// Reads what it can of a message that cannot be decoded: its type, its subject, and whether it takes access away.
fn payload_glimpse(payload: &[u8]) -> (String, String, bool) {
    let Ok(Value::Object(envelope)) = serde_json::from_slice(payload) else { return Default::default() };
    let text = |name: &str| {
        let body = envelope.values().find(|value| value.is_object())?;
        Some(body.get(name)?.as_str()?.to_owned())
    };
    let kind = text("type").or_else(|| text("kind")).unwrap_or_default();
    let is_departure = ["left", "deleted", "removed"].iter().any(|word| kind.ends_with(word));
    (kind, text("subject").unwrap_or_default(), is_departure)
}

/// Sets an item aside, counts and logs it.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn set_aside(store: &Store, item: &QuarantinedItem) -> Result<(), StoreError> {
    let tx = store.begin().await?;
    quarantine::put_item(&tx, SERVICE, item).await?;
    if let Some(part) = feed_unread::Model::of_item(item) {
        feed_unread::put(&tx, part).await?;
    }
    tx.commit().await.map_err(StoreError::statement("set an item aside"))?;
    log_item(item);
    Ok(())
}

/// Counts an item that was set aside, and logs it.
pub(crate) fn log_item(item: &QuarantinedItem) {
    telemetry::metrics::count_quarantined(SERVICE, item.reason.as_str());
    tracing::error!(
        item = item.id,
        reason = item.reason.as_str(),
        kind = item.kind,
        departure = item.is_departure,
        cause = item.cause,
        "set aside: see `usher quarantine ls`"
    );
}

/// Lists a page of the items that are set aside, for operators.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn list_items(
    store: &Store,
    after: Option<&ListPosition>,
    limit: u64,
) -> Result<QuarantineReply, StoreError> {
    let count = quarantine::count_items(store.reader(), SERVICE).await?;
    let page = ItemPage::read(store, SERVICE, after, limit.min(QUARANTINE_MAX)).await?;
    let (items, next_cursor) = (page.items, page.next_cursor);
    let items = items.into_iter().map(|item| QuarantinedMessage {
        id: format!("{SERVICE}:{}", item.id),
        at: item.at,
        reason: item.reason.as_str().to_owned(),
        cause: item.cause,
        subject: item.subject,
        kind: item.kind,
        departure: item.is_departure,
    });
    Ok(QuarantineReply {
        items: items.collect(),
        total: count.items,
        departures: count.departures,
        next_cursor,
        unavailable: Vec::new(),
    })
}

/// Removes an item that was dealt with. Its feed run, if any, can be decided after that.
pub(crate) async fn remove(store: &Store, id: &str) -> Result<(), StoreError> {
    let tx = store.begin().await?;
    quarantine::remove_item(&tx, SERVICE, id).await?;
    feed_unread::remove(&tx, id).await?;
    tx.commit().await.map_err(StoreError::statement("remove a quarantined item"))
}

/// Removes the quarantined parts of settled runs. The names of repeated rows and the end of a file mean nothing without their
/// run. Everything else stays in the quarantine.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn forget_settled_parts(store: &Store) -> Result<(), StoreError> {
    for (part, is_over) in feed_unread::settled(store.reader()).await? {
        let tx = store.begin().await?;
        feed_unread::remove(&tx, &part.item).await?;
        if is_over {
            quarantine::remove_item(&tx, SERVICE, &part.item).await?;
        }
        tx.commit().await.map_err(StoreError::statement("remove the parts of settled feeds"))?;
        tracing::warn!(
            item = part.item,
            run = part.run,
            kind = part.kind,
            "the run of an unread message is settled"
        );
    }
    Ok(())
}
