//! Stores events on the broker and builds the answer.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use bus::{Bus, OutgoingMessage, PublishError, PublishedMessage, StoredContent};
use edge::{FieldErrors, Problem};
use futures_util::StreamExt;
use lifecycle::{EventId, ThinNotice, TraceContext};
use serde::Serialize;
use telemetry::chain;
use utoipa::ToSchema;

use crate::intake::received::{ReceivedEvent, event_too_large};
use crate::intake::state::IntakeState;

/// The maximum number of events in a request for which each event gets its own span.
const EVENT_SPANS_MAX: usize = 100;
/// The delay of `Retry-After` when the broker did not answer or is overloaded.
const PAUSE: Duration = Duration::from_secs(2);
/// The delay of `Retry-After` when the stream is full.
const PAUSE_FOR_SPACE: Duration = Duration::from_secs(60);

/// The answer to an accepted request. Every event is durably stored.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AcceptedEvents {
    /// One entry for each event of the request, in order.
    pub(crate) accepted: Vec<AcceptedEvent>,
    /// The number of notices about people whose records will be fetched.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    pub(crate) to_fetch: usize,
    /// The number of notices that have no relevant content; the log has the reasons.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    pub(crate) ignored: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's way to ask")]
pub(crate) fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// One stored event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AcceptedEvent {
    /// The event's id in Usher, the same for the same `source` and `id`.
    #[schema(value_type = String, examples("evt_0123456789abcdef0123456789abcdef"))]
    pub(crate) id: EventId,
    /// The source's id of the event.
    pub(crate) source_event_id: String,
    /// `true` if the event had been stored before.
    pub(crate) duplicate: bool,
}

/// Stores all events, and the notices of people whose records must be fetched. `request` is the context of the request's span.
/// `named_trace` tells whether the request itself named its trace, which takes precedence over the traces of its events.
pub(crate) async fn store_events(
    intake: &IntakeState,
    received: Vec<ReceivedEvent>,
    thin: Vec<ThinNotice>,
    request: TraceContext,
    named_trace: bool,
) -> Result<AcceptedEvents, Problem> {
    let bus = &intake.bus;
    check_quota(intake, &received)?;
    let with_spans = received.len() <= EVENT_SPANS_MAX;
    let mut spans = Vec::new();
    let mut messages = Vec::with_capacity(received.len() + thin.len());
    for one in &received {
        let own = one.trace.filter(|_| !named_trace);
        let context = if with_spans {
            let span = tracing::info_span!("event", event = %one.event.id, kind = %one.event.kind);
            let context = telemetry::in_trace(&span, Some(own.unwrap_or(request)));
            if own.is_some() {
                telemetry::link_span(&span, request);
            }
            // The span stays open until the event is stored.
            spans.push(span);
            context
        } else {
            own.unwrap_or(request)
        };
        let message = OutgoingMessage::event(&one.event, context);
        messages.push(match &one.content {
            Some(hash) => message.with_content(hash.clone()),
            None => message,
        });
    }
    let sizes: Vec<u64> = messages.iter().map(|message| message.bytes() as u64).collect();
    messages.extend(thin.iter().map(|notice| OutgoingMessage::notice(notice, request)));
    let mut results = bus.publish(messages).await;
    drop(spans);
    let of_thin = results.split_off(received.len());
    count_stored(intake, &received, &results, &sizes);
    refuse_reused_ids(bus, &received, &results, request).await?;
    let events = accepted_answer(received, results)?;
    if let Some(error) = of_thin.iter().find_map(|result| result.as_ref().err()) {
        tracing::warn!(error = chain(error), "notices are not known to be stored");
        return Err(not_stored(error, events.accepted.len(), events.accepted.len() + of_thin.len()));
    }
    Ok(AcceptedEvents { to_fetch: of_thin.len(), ..events })
}

/// Refuses a request of a sender that is over its share, unless it has only departures.
fn check_quota(intake: &IntakeState, received: &[ReceivedEvent]) -> Result<(), Problem> {
    let others = received.iter().filter(|one| !one.event.kind.is_departure());
    let senders: BTreeSet<&str> = others.map(|one| one.event.sender()).collect();
    senders.into_iter().try_for_each(|sender| intake.quota.check(sender))
}

/// Counts the stored bytes for their senders.
fn count_stored(
    intake: &IntakeState,
    received: &[ReceivedEvent],
    results: &[Result<PublishedMessage, PublishError>],
    sizes: &[u64],
) {
    for ((one, result), bytes) in received.iter().zip(results).zip(sizes) {
        if let Ok(PublishedMessage { sequence, duplicate: false }) = result {
            let stream = intake.bus.event_stream(&one.event.subject);
            intake.quota.note_stored(one.event.sender(), &stream, *sequence, *bytes);
        }
    }
}

/// The maximum number of concurrent lookups of stored events.
const LOOKS_AT_ONCE: usize = 32;

/// Refuses events whose id their sender has used before for different content: they
/// are not duplicates. The mapper receives them too, and lists them for operators.
async fn refuse_reused_ids(
    bus: &Bus,
    received: &[ReceivedEvent],
    results: &[Result<PublishedMessage, PublishError>],
    request: TraceContext,
) -> Result<(), Problem> {
    let mut looks = Vec::new();
    for (index, (one, result)) in received.iter().zip(results).enumerate() {
        if let Ok(PublishedMessage { sequence, duplicate: true }) = result
            && one.content.is_some()
        {
            let (bus, key, sequence) = (bus.clone(), one.event.subject.clone(), *sequence);
            looks.push(async move { (index, bus.stored_content(&key, sequence).await) });
        }
    }
    let looks: Vec<_> = futures_util::stream::iter(looks).buffered(LOOKS_AT_ONCE).collect().await;
    let (mut errors, mut beside) = (FieldErrors::default(), Vec::new());
    for (index, stored) in looks {
        let one = &received[index];
        let hash = one.content.clone().unwrap_or_default();
        let mut is_unknown = matches!(stored, Ok(StoredContent::Gone));
        let is_same = match stored {
            Ok(StoredContent::Hash(stored)) => stored == hash,
            // The message was stored before hashes were introduced.
            Ok(StoredContent::Unknown) => true,
            // The mapper knows the content, and lists the event if it differs.
            Ok(StoredContent::Gone) => true,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "it is not known whether an id was used for something else");
                is_unknown = true;
                true
            }
        };
        if !is_same || is_unknown {
            beside.push(OutgoingMessage::event(&one.event, request).with_content(hash).beside());
        }
        if !is_same {
            let detail = "this id was used before for a different event: give each event its own id";
            errors.add(one.place.attribute("id"), detail);
        }
    }
    if let Some(error) = bus.publish(beside).await.into_iter().find_map(Result::err) {
        tracing::warn!(error = chain(&error), "a reused id is not known to be stored");
        return Err(not_stored(&error, 0, received.len()));
    }
    if errors.is_empty() {
        return Ok(());
    }
    let detail = "an id was used before for a different event; the other events of the request are stored";
    Err(errors.into_problem(Problem::new(StatusCode::CONFLICT, "id_reused", detail)))
}

/// Builds the answer if all events are stored, otherwise the problem of the failed ones.
fn accepted_answer(
    received: Vec<ReceivedEvent>,
    results: Vec<Result<PublishedMessage, PublishError>>,
) -> Result<AcceptedEvents, Problem> {
    let total = received.len();
    let mut accepted = Vec::with_capacity(total);
    let mut too_large = FieldErrors::default();
    let mut worst: Option<PublishError> = None;
    for (one, result) in received.into_iter().zip(results) {
        match result {
            Ok(PublishedMessage { duplicate, .. }) => accepted.push(AcceptedEvent {
                id: one.event.id,
                source_event_id: one.event.source_event_id,
                duplicate,
            }),
            Err(PublishError::TooLarge { bytes, max }) => {
                let detail =
                    format!("the event has {bytes} bytes as it is stored; the broker accepts at most {max}");
                too_large.add(one.place.whole(), detail);
            }
            Err(error) => worst = Some(error),
        }
    }
    if let Some(error) = worst {
        tracing::warn!(
            error = chain(&error),
            stored = accepted.len(),
            total,
            "events are not known to be stored"
        );
        return Err(not_stored(&error, accepted.len(), total));
    }
    if too_large.is_empty() {
        Ok(AcceptedEvents { accepted, to_fetch: 0, ignored: 0 })
    } else {
        Err(too_large.into_problem(event_too_large()))
    }
}

/// Returns the 503 problem for events that are not known to be stored.
fn not_stored(error: &PublishError, stored: usize, total: usize) -> Problem {
    let (code, pause) = match error {
        PublishError::Overloaded { .. } => ("overloaded", PAUSE),
        PublishError::Full { .. } => ("storage_full", PAUSE_FOR_SPACE),
        _ => ("not_stored", PAUSE),
    };
    let detail = format!(
        "{stored} of {total} events are known to be stored; repeating the whole request is safe: an event that was \
         stored already is recognised"
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(pause)
}
