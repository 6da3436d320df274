//! An event that was parsed but is not stored yet.

use edge::{FieldErrors, JsonPointer, Problem};
use lifecycle::{Event, TraceContext};
use sha2::{Digest, Sha256};

use crate::intake::limits::EventLimits;

/// The position of an event in its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EventPlace {
    /// A CloudEvent in the body.
    Body(JsonPointer),
    /// A CloudEvent in binary mode: its attributes are headers, and the body is its data.
    Headers,
    /// An operation of a SCIM BulkRequest.
    Operation(JsonPointer),
}

impl EventPlace {
    /// Returns the pointer to the event as a whole.
    pub(crate) fn whole(&self) -> String {
        match self {
            Self::Body(at) | Self::Operation(at) => at.to_string(),
            Self::Headers => String::new(),
        }
    }

    /// Returns the pointer to the CloudEvents attribute `name`.
    pub(crate) fn attribute(&self, name: &str) -> String {
        match self {
            Self::Body(at) => at.key(name).to_string(),
            Self::Headers => format!("header:ce-{name}"),
            Self::Operation(at) if name == "type" => at.key("path").to_string(),
            Self::Operation(at) => at.to_string(),
        }
    }
}

/// An event, its position in the request, and the trace context that it names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReceivedEvent {
    pub(crate) event: Event,
    pub(crate) place: EventPlace,
    pub(crate) trace: Option<TraceContext>,
    /// The hash of the content that the sender gave under this id; `None` if the id is derived from the content.
    pub(crate) content: Option<String>,
}

/// Returns the hash of the content that a sender gave under an id. A repeated request has the same hash, a reused id another one.
pub(crate) fn content_hash(said: &impl serde::Serialize) -> String {
    let json = serde_json::to_vec(said).expect("values with text keys are always JSON");
    hex::encode(&Sha256::digest(json)[..16])
}

/// Refuses the request if one of its events is longer than the maximum.
pub(crate) fn check_sizes(received: &[ReceivedEvent], limits: &EventLimits) -> Result<(), Problem> {
    let mut errors = FieldErrors::default();
    for one in received.iter().filter(|one| limits.is_too_large(&one.event)) {
        let max = limits.event_bytes_max;
        errors.add(one.place.whole(), format!("an event may have at most {max} bytes as it is stored"));
    }
    if errors.is_empty() { Ok(()) } else { Err(errors.into_problem(event_too_large())) }
}

/// Returns the problem for an event that is too large to be stored.
pub(crate) fn event_too_large() -> Problem {
    Problem::new(
        axum::http::StatusCode::PAYLOAD_TOO_LARGE,
        "event_too_large",
        "an event is larger than can be stored; split its members over several events",
    )
}

/// Refuses a request with more events than the maximum.
pub(crate) fn check_count(count: usize, limits: &EventLimits) -> Result<(), Problem> {
    if count <= limits.batch_max {
        return Ok(());
    }
    let detail = format!("{count} events in one request; at most {} are taken", limits.batch_max);
    Err(Problem::new(axum::http::StatusCode::PAYLOAD_TOO_LARGE, "batch_too_large", detail))
}
