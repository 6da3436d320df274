//! The endpoint of CloudEvents.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use edge::{Problem, RequestId};
use lifecycle::TraceContext;
use tracing::Instrument;
use tracing::field::Empty;

use super::{AppState, acceptance_time, docs, note_request};
use crate::inbound::cloudevents::{EventInput, EventMode, parse_request};
use crate::intake::admission::AdmittedSource;
use crate::intake::headers::read_traceparent;
use crate::intake::state::IntakeState;
use crate::intake::storage::{AcceptedEvents, store_events};

/// Submit CloudEvents
///
/// Accepts one CloudEvent or a batch, in structured, batch or binary mode. Returns 202 only after every event is durably stored. The
/// events of a request are accepted all together or not at all. Repeating a request is safe, because `source` and `id` identify an event.
#[utoipa::path(
    post, path = "/v1/events", operation_id = "postEvents", tag = "ingest", security(("bearer" = [])),
    request_body(content(
        (docs::CloudEventSchema = "application/cloudevents+json"),
        (Vec<docs::CloudEventSchema> = "application/cloudevents-batch+json"),
        (docs::EventData = "application/json"),
    ), description = "Structured or batch mode. With application/json, binary mode: the attributes are `ce-` headers, \
                      and the body is the data."),
    responses((status = 202, body = AcceptedEvents, description = "Every event is durably stored."), docs::RefusalResponses)
)]
pub(super) async fn post_events(
    State(state): State<Arc<AppState>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let source = &state.known(&parts)?;
    let parent = read_traceparent(&parts.headers);
    let span = tracing::info_span!("ingest", door = "events", request_id = %id, source = source.name, trace_id = Empty);
    let context = telemetry::in_trace(&span, parent);
    async {
        let result =
            take_events(&state.intake, source, &parts.headers, body, context, parent.is_some()).await;
        if let Err(problem) = &result {
            state.intake.problems.note_refusal(&source.name, problem);
        }
        note_request(source, &result);
        result.map(|accepted| (StatusCode::ACCEPTED, Json(accepted)).into_response())
    }
    .instrument(span)
    .await
}

/// Admits the request, parses, authorises and stores its events.
async fn take_events(
    intake: &IntakeState,
    source: &AdmittedSource,
    headers: &HeaderMap,
    body: Body,
    context: TraceContext,
    named_trace: bool,
) -> Result<AcceptedEvents, Problem> {
    let _room = intake.room(source)?;
    let mode = EventMode::of(headers)?;
    let body = intake.body(headers, body).await?;
    let input = EventInput {
        mode,
        sender: &source.name,
        headers,
        body: &body,
        limits: &intake.limits,
        dates: source.dates(),
        now: acceptance_time(),
    };
    let received = parse_request(input)?;
    source.authorise(&received)?;
    source.spend(received.len(), Instant::now())?;
    store_events(intake, received, Vec::new(), context, named_trace).await
}
