//! Quarantines commands that could not be read or stored, and retries them.

use std::collections::HashMap;

use bus::{DecodeReason, Delivery};
use lifecycle::{
    Command, QUARANTINE_MAX, QuarantineReply, QuarantinedMessage, RetriedItem, RetryOutcome,
    RetryQuarantinedReply, RetryQuarantinedRequest, WaitReason, WaitingFor,
};
use serde_json::Value;
use store::quarantine::{self, ItemPage, QuarantineReason, QuarantinedItem};
use store::{ListPosition, Store, StoreError};

use telemetry::chain_text;

use crate::rows::access::takes_away;
use crate::rows::facts::SERVICE;
use crate::{micros, now};

/// Builds the quarantined item of a command that cannot be read.
pub(crate) fn unreadable_command(delivery: &Delivery<Command>, reason: &DecodeReason) -> QuarantinedItem {
    let kind = match reason {
        DecodeReason::Version(_) => QuarantineReason::NewerVersion,
        DecodeReason::Syntax { .. } | DecodeReason::Shape { .. } => QuarantineReason::Unreadable,
    };
    let mut item = QuarantinedItem::message(delivery.stream(), delivery.sequence, kind, micros(now()));
    item.cause = reason.to_string();
    item.payload = delivery.payload.to_vec();
    // A command in the leavers' lane says so, even if the rest of it cannot be read.
    let text = String::from_utf8_lossy(&item.payload);
    item.is_departure = delivery.is_departure() || text.contains("\"lane\":\"leaver\"");
    if let Some((subject, target)) = glimpse(&item.payload) {
        item.subject = about(&subject, &target);
    }
    item
}

/// Returns the subject and target of a command that cannot be read, as far as they can be extracted.
fn glimpse(payload: &[u8]) -> Option<(String, String)> {
    let Ok(Value::Object(envelope)) = serde_json::from_slice(payload) else { return None };
    let body = envelope.values().find(|value| value.is_object())?;
    let text = |name: &str| Some(body.get(name)?.as_str()?.to_owned());
    Some((text("subject")?, text("target")?))
}

/// Returns the description of a person's account, or of a group, that an item is about.
pub(crate) fn about(subject: &str, target: &str) -> String {
    format!("{subject} at {target}")
}

/// Returns the quarantined commands that would have switched off the accounts of `people` at `target`, by person, as wait reasons.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn departures_of(
    store: &Store,
    target: &str,
    people: &[String],
) -> Result<HashMap<String, WaitReason>, StoreError> {
    let by_about: HashMap<String, &String> =
        people.iter().map(|person| (about(person, target), person)).collect();
    let subjects: Vec<String> = by_about.keys().cloned().collect();
    let items = quarantine::departures_of(store.reader(), SERVICE, &subjects).await?;
    let told = items.into_iter().filter_map(|item| {
        let person = by_about.get(&item.subject)?;
        let detail = format!("{SERVICE}:{}: {}", item.id, item.cause);
        Some(((*person).clone(), WaitReason::because(WaitingFor::Quarantine, detail)))
    });
    Ok(told.collect())
}

/// Builds the quarantined item of a command that could not be stored.
pub(crate) fn not_stored(
    delivery: &Delivery<Command>,
    command: &Command,
    error: &StoreError,
) -> QuarantinedItem {
    let reason = QuarantineReason::NotStored;
    let mut item = QuarantinedItem::message(delivery.stream(), delivery.sequence, reason, micros(now()));
    item.cause = chain_text(error);
    item.payload = delivery.payload.to_vec();
    item.subject = about(&command.subject, &command.target);
    item.kind = command.desired.kind().as_str().to_owned();
    item.is_departure = takes_away(&command.desired);
    item
}

/// Puts an item into the quarantine, counts it and logs it.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn set_aside(store: &Store, item: &QuarantinedItem) -> Result<(), StoreError> {
    quarantine::put_item(store.writer(), SERVICE, item).await?;
    telemetry::metrics::count_quarantined(SERVICE, item.reason.as_str());
    tracing::error!(
        item = item.id,
        reason = item.reason.as_str(),
        departure = item.is_departure,
        cause = item.cause,
        "set aside: see `usher quarantine ls`"
    );
    Ok(())
}

/// Returns the items that this version can read and an earlier one could not.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn to_read_again(store: &Store) -> Result<Vec<(QuarantinedItem, Command)>, StoreError> {
    let items = quarantine::list_items(store.reader(), SERVICE, QUARANTINE_MAX).await?;
    let read = |item: QuarantinedItem| {
        let command = bus::decode_payload::<Command>(&item.payload).ok()?;
        Some((item, command))
    };
    let waiting = |item: &QuarantinedItem| {
        matches!(item.reason, QuarantineReason::NewerVersion | QuarantineReason::Unreadable)
    };
    Ok(items.into_iter().filter(waiting).filter_map(read).collect())
}

/// Returns a page of the quarantined items, as operators see them.
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
    let next_cursor = page.next_cursor;
    let items = page.items.into_iter().map(|item| QuarantinedMessage {
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

/// Publishes commands on COMMANDS again, where the intake takes them like any other, and removes them from the quarantine.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn retry_commands(
    store: &Store,
    bus: &bus::Bus,
    request: &RetryQuarantinedRequest,
) -> Result<RetryQuarantinedReply, StoreError> {
    let mut items = Vec::with_capacity(request.ids.len());
    for id in &request.ids {
        let (outcome, cause) = match quarantine::get_item(store.reader(), SERVICE, id).await? {
            None => (RetryOutcome::NotFound, String::new()),
            Some(item) => match send_again(store, bus, &item).await {
                Ok(()) => (RetryOutcome::Done, String::new()),
                Err(cause) => (RetryOutcome::Refused, cause),
            },
        };
        tracing::info!(item = id, who = request.actor.who, why = request.actor.why, ?outcome, "tried again");
        items.push(RetriedItem { id: id.clone(), outcome, cause });
    }
    Ok(RetryQuarantinedReply { items })
}

/// Publishes the command of one item again, and removes the item.
async fn send_again(store: &Store, bus: &bus::Bus, item: &QuarantinedItem) -> Result<(), String> {
    if item.reason == QuarantineReason::StateUnreadable {
        let cause = "it continues by itself when the mapper sends it again: `usher verify`, or `usher apply` for a guard";
        return Err(cause.to_owned());
    }
    let command: Command = bus::decode_payload(&item.payload).map_err(|reason| reason.to_string())?;
    let message = bus::OutgoingMessage::command(&command, lifecycle::TraceContext::root()).again(&item.id);
    let sent = bus.publish(vec![message]).await;
    sent.into_iter().collect::<Result<Vec<_>, _>>().map_err(|error| chain_text(&error))?;
    quarantine::remove_item(store.writer(), SERVICE, &item.id).await.map_err(|error| chain_text(&error))
}
