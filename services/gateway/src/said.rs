//! Turns a notice of an adapter into an event.

use edge::{FieldErrors, JsonPointer};
use lifecycle::{Event, EventId, unix_micros};
use sources::NoticeEvent;
use time::OffsetDateTime;

use crate::EventLimits;
use crate::limits::{check_key, keys_fault, normalise_manager, text_fault};
use crate::received::{EventPlace, ReceivedEvent, content_hash};

/// Builds the event of `source` for the notice. Its faults are added to `errors`.
pub(crate) fn received_event(
    source: String,
    said: NoticeEvent,
    at: &JsonPointer,
    limits: &EventLimits,
    now: OffsetDateTime,
    errors: &mut FieldErrors,
) -> Option<ReceivedEvent> {
    let id = said.dedupe_id();
    // The time of the statement is left out: some systems send the time of each attempt.
    let effective = said.effective_at.map(unix_micros);
    let content = (said.kind, said.dated, &said.subject, effective, &said.attributes, &said.members);
    let content = if said.withdraws { content_hash(&(content, "withdraws")) } else { content_hash(&content) };
    let NoticeEvent {
        kind,
        subject,
        at: said_at,
        effective_at,
        dated,
        mut attributes,
        members,
        withdraws,
        unread,
        ..
    } = said;
    if let Some(fault) = text_fault(&id) {
        errors.add(at, format!("the id of the notice {fault}"));
    }
    limits.check_attributes(&attributes, at, errors);
    normalise_manager(&mut attributes, at, errors);
    let subject = match check_key(Some(&subject)) {
        Ok(key) => key.to_owned(),
        Err(fault) => {
            errors.add(at, format!("the key of the person or group {fault}"));
            return None;
        }
    };
    let members = members.map(|members| {
        let members: Vec<serde_json::Value> = members.into_iter().map(Into::into).collect();
        limits.members(&members, |_| at.clone(), at, errors)
    });
    // A statement dated in the future would take precedence over every statement made until then.
    let time = said_at.min(now);
    let event = Event {
        id: EventId::of(&source, &id),
        source: source.clone(),
        source_event_id: id,
        kind,
        subject,
        time,
        effective_at: effective_at.unwrap_or(time),
        accepted_at: now,
        sender: source,
        dated: Some(dated),
        attributes,
        members,
        feed: None,
        withdraws,
        unread,
    };
    if let Some(fault) = keys_fault(&event) {
        errors.add(at, fault);
    }
    Some(ReceivedEvent {
        event,
        place: EventPlace::Operation(at.clone()),
        trace: None,
        content: Some(content),
    })
}
