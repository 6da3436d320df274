//! Commands that could not be read or stored, and trying them again.

use std::collections::HashMap;

use bus::{DecodeReason, Delivery};
use lifecycle::{
    Command, QUARANTINE_MAX, QuarantineReply, QuarantineRequest, QuarantinedMessage, RetriedItem,
    RetryOutcome, RetryQuarantinedReply, RetryQuarantinedRequest, WaitReason, WaitingFor,
};
use serde_json::Value;
use store::quarantine::{self, QuarantineReason, QuarantinedItem};
use store::{Store, StoreError};

use crate::facts::SERVICE;
use crate::intake::takes_away;
use crate::{micros, now};

/// How a command is set aside that cannot be read.
pub(crate) fn unreadable_command(delivery: &Delivery<Command>, reason: &DecodeReason) -> QuarantinedItem {
    let kind = match reason {
        DecodeReason::Version(_) => QuarantineReason::NewerVersion,
        DecodeReason::Syntax { .. } | DecodeReason::Shape { .. } => QuarantineReason::Unreadable,
    };
    let mut item = QuarantinedItem::message(delivery.stream(), delivery.sequence, kind, micros(now()));
    item.cause = reason.to_string();
    item.payload = delivery.payload.to_vec();
    // A command whose lane is the leavers' says so, whatever else of it is not understood.
    let text = String::from_utf8_lossy(&item.payload);
    item.is_departure = delivery.is_departure() || text.contains("\"lane\":\"leaver\"");
    if let Some((subject, target)) = glimpse(&item.payload) {
        item.subject = about(&subject, &target);
    }
    item
}

/// Subject and target of a command that cannot be read, as far as they can be told.
fn glimpse(payload: &[u8]) -> Option<(String, String)> {
    let Ok(Value::Object(envelope)) = serde_json::from_slice(payload) else { return None };
    let body = envelope.values().find(|value| value.is_object())?;
    let text = |name: &str| Some(body.get(name)?.as_str()?.to_owned());
    Some((text("subject")?, text("target")?))
}

/// What an item of a person's account, or of a group, is about.
pub(crate) fn about(subject: &str, target: &str) -> String {
    format!("{subject} at {target}")
}

/// By person: what is set aside that would have switched off the accounts of `people` at `target`, as something to wait for.
///
/// # Errors
/// As the database reports them.
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

/// How a command is set aside that could not be stored.
pub(crate) fn not_stored(
    delivery: &Delivery<Command>,
    command: &Command,
    error: &StoreError,
) -> QuarantinedItem {
    let reason = QuarantineReason::NotStored;
    let mut item = QuarantinedItem::message(delivery.stream(), delivery.sequence, reason, micros(now()));
    item.cause = error_chain(error);
    item.payload = delivery.payload.to_vec();
    item.subject = about(&command.subject, &command.target);
    item.kind = command.desired.kind().as_str().to_owned();
    item.is_departure = takes_away(&command.desired);
    item
}

/// Sets an item aside, counts it and says so.
///
/// # Errors
/// As the database reports them.
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

/// What this version may understand and an earlier one did not.
///
/// # Errors
/// As the database reports them.
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

/// What is set aside, as operators see it.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn list_items(
    store: &Store,
    request: &QuarantineRequest,
) -> Result<QuarantineReply, StoreError> {
    let count = quarantine::count_items(store.reader(), SERVICE).await?;
    let limit = request.limit.min(QUARANTINE_MAX);
    let items =
        if limit == 0 { Vec::new() } else { quarantine::list_items(store.reader(), SERVICE, limit).await? };
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
        unavailable: Vec::new(),
    })
}

/// Puts commands back on COMMANDS, where the intake takes them like any other, and forgets them here.
///
/// # Errors
/// As the database reports them.
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

async fn send_again(store: &Store, bus: &bus::Bus, item: &QuarantinedItem) -> Result<(), String> {
    if item.reason == QuarantineReason::StateUnreadable {
        let cause = "it goes on by itself when the mapper says it again: `usher verify`, or `usher apply` for a guard";
        return Err(cause.to_owned());
    }
    let command: Command = bus::decode_payload(&item.payload).map_err(|reason| reason.to_string())?;
    let message = bus::OutgoingMessage::command(&command, lifecycle::TraceContext::root()).again(&item.id);
    let sent = bus.publish(vec![message]).await;
    sent.into_iter().collect::<Result<Vec<_>, _>>().map_err(|error| error_chain(&error))?;
    quarantine::remove_item(store.writer(), SERVICE, &item.id).await.map_err(|error| error_chain(&error))
}

/// The error and its causes.
fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
