//! CloudEvents 1.0 over the HTTP binding: structured, batch and binary mode.

mod binary;
mod data;
mod draft;
#[cfg(test)]
mod tests;

use axum::http::HeaderMap;
use edge::{FieldErrors, JsonPointer, Problem, parse_json};
use readings::DateReader;
use serde_json::Value;
use time::OffsetDateTime;

use crate::intake::headers::media_type;
use crate::intake::limits::{DEPTH_MAX, EventLimits};
use crate::intake::received::{EventPlace, ReceivedEvent, check_count, check_sizes};
use draft::EventDraft;

/// The content mode of a request: how it carries its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventMode {
    /// The body is the event.
    Structured,
    /// The body is an array of events.
    Batch,
    /// The headers are the event, the body is its data.
    Binary,
}

impl EventMode {
    /// Returns the mode that the content type asks for.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        const TAKEN: &str = "send application/cloudevents+json, application/cloudevents-batch+json, or application/json \
                             with the event's attributes in ce- headers";
        match media_type(headers)?.as_deref() {
            Some("application/cloudevents+json") => Ok(Self::Structured),
            Some("application/cloudevents-batch+json") => Ok(Self::Batch),
            Some(other) if other.starts_with("application/cloudevents") => {
                Err(Problem::unsupported_media_type(TAKEN))
            }
            Some(other) if is_json(other) && binary::is_binary(headers) => Ok(Self::Binary),
            // An event without data has no content type.
            None if binary::is_binary(headers) => Ok(Self::Binary),
            _ => Err(Problem::unsupported_media_type(TAKEN)),
        }
    }
}

/// Returns whether a media type without parameters is JSON.
pub(crate) fn is_json(essence: &str) -> bool {
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// The inputs of parsing. The result depends on nothing else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventInput<'a> {
    pub(crate) mode: EventMode,
    /// The name of the source that the request's token belongs to.
    pub(crate) sender: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) limits: &'a EventLimits,
    /// Parses the whole days that this source names.
    pub(crate) dates: &'a DateReader,
    pub(crate) now: OffsetDateTime,
}

/// Parses the events of a request, in order. Returns all of them, or a problem that names each wrong field.
pub(crate) fn parse_request(input: EventInput<'_>) -> Result<Vec<ReceivedEvent>, Problem> {
    let mut errors = FieldErrors::default();
    let received = match input.mode {
        EventMode::Binary => vec![parse_binary(input, &mut errors)?],
        EventMode::Structured => {
            let event = parse_json(input.body, DEPTH_MAX)?;
            vec![parse_structured(event, JsonPointer::root(), input, &mut errors)]
        }
        EventMode::Batch => {
            let Value::Array(events) = parse_json(input.body, DEPTH_MAX)? else {
                errors.add(JsonPointer::root(), "a batch is an array of events");
                return Err(Problem::invalid("the batch is invalid", errors));
            };
            check_count(events.len(), input.limits)?;
            let place = |index| JsonPointer::root().index(index);
            let each = events.into_iter().enumerate();
            each.map(|(index, event)| parse_structured(event, place(index), input, &mut errors)).collect()
        }
    };
    if !errors.is_empty() {
        return Err(Problem::invalid("no event of the request was accepted", errors));
    }
    let received: Vec<ReceivedEvent> = received.into_iter().flatten().collect();
    check_sizes(&received, input.limits)?;
    Ok(received)
}

fn parse_structured(
    event: Value,
    at: JsonPointer,
    input: EventInput<'_>,
    errors: &mut FieldErrors,
) -> Option<ReceivedEvent> {
    let Value::Object(mut fields) = event else {
        errors.add(at, "an event is an object");
        return None;
    };
    if fields.get("data_base64").is_some_and(|data| !data.is_null()) {
        errors.add(at.key("data_base64"), "only JSON data is supported: send it as `data`");
    }
    let data = fields.remove("data");
    let data_at = at.key("data");
    let mut draft = EventDraft::new(EventPlace::Body(at));
    for (name, value) in fields {
        match value {
            Value::String(text) => draft.set(&name, text),
            Value::Null => {}
            _ => draft.refuse(&name, "must be a string", errors),
        }
    }
    draft.finish(data, &data_at, input, errors)
}

fn parse_binary(input: EventInput<'_>, errors: &mut FieldErrors) -> Result<Option<ReceivedEvent>, Problem> {
    let data = if input.body.is_empty() { None } else { Some(parse_json(input.body, DEPTH_MAX)?) };
    let draft = binary::draft_from_headers(input.headers, errors);
    Ok(draft.finish(data, &JsonPointer::root(), input, errors))
}
