//! An event that was understood but is not stored yet.

use edge::{FieldErrors, JsonPointer, Problem};
use lifecycle::{Event, TraceContext};
use sha2::{Digest, Sha256};

use crate::EventLimits;

/// Where an event stands in its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EventPlace {
    /// A CloudEvent in the body.
    Body(JsonPointer),
    /// A CloudEvent whose attributes are headers and whose data is the body.
    Headers,
    /// An operation of a SCIM BulkRequest.
    Operation(JsonPointer),
}

impl EventPlace {
    /// The event as a whole.
    pub(crate) fn whole(&self) -> String {
        match self {
            Self::Body(at) | Self::Operation(at) => at.to_string(),
            Self::Headers => String::new(),
        }
    }

    /// The CloudEvents attribute `name`.
    pub(crate) fn attribute(&self, name: &str) -> String {
        match self {
            Self::Body(at) => at.key(name).to_string(),
            Self::Headers => format!("header:ce-{name}"),
            Self::Operation(at) if name == "type" => at.key("path").to_string(),
            Self::Operation(at) => at.to_string(),
        }
    }
}

/// An event, where it stood, and the trace that it said it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReceivedEvent {
    pub(crate) event: Event,
    pub(crate) place: EventPlace,
    pub(crate) trace: Option<TraceContext>,
    /// A hash of what its sender said under its id; nothing where the id follows from what is said.
    pub(crate) content: Option<String>,
}

/// A hash of what a sender said under an id: the same for a request that is repeated, another for a reused id.
pub(crate) fn content_hash(said: &impl serde::Serialize) -> String {
    let json = serde_json::to_vec(said).expect("values with text keys are always JSON");
    Sha256::digest(json)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Refuses the request when one of its events is longer than may be stored.
pub(crate) fn check_sizes(received: &[ReceivedEvent], limits: &EventLimits) -> Result<(), Problem> {
    let mut errors = FieldErrors::default();
    for one in received.iter().filter(|one| limits.is_too_large(&one.event)) {
        let max = limits.event_bytes_max;
        errors.add(one.place.whole(), format!("an event may have at most {max} bytes as it is stored"));
    }
    if errors.is_empty() { Ok(()) } else { Err(errors.into_problem(event_too_large())) }
}

/// The problem for an event that cannot be stored because of its size.
pub(crate) fn event_too_large() -> Problem {
    Problem::new(
        axum::http::StatusCode::PAYLOAD_TOO_LARGE,
        "event_too_large",
        "an event is larger than can be stored; split its members over several events",
    )
}

/// Refuses a request of more events than one may have.
pub(crate) fn check_count(count: usize, limits: &EventLimits) -> Result<(), Problem> {
    if count <= limits.batch_max {
        return Ok(());
    }
    let detail = format!("{count} events in one request; at most {} are taken", limits.batch_max);
    Err(Problem::new(axum::http::StatusCode::PAYLOAD_TOO_LARGE, "batch_too_large", detail))
}
