//! The SCIM bulk endpoint for HR feeds.

use std::io::Read;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use edge::{Problem, RequestId};
use lifecycle::{SourceProblemKind, TraceContext};
use tracing::Instrument;
use tracing::field::Empty;

use super::{AppState, IDEMPOTENCY_KEY, acceptance_time, docs};
use crate::inbound::scim_bulk::{BulkReport, BulkUpload, take_upload};
use crate::intake::admission::AdmittedSource;
use crate::intake::headers::{media_type, read_traceparent};
use crate::intake::state::IntakeState;
use crate::intake::streamed::ToBroker;
use crate::intake::streamed::pipe::body_pipe;

/// Submit a SCIM bulk request
///
/// Each operation contains the complete record of a user or group, or deletes one; `externalId` is the key. The request is processed
/// while it arrives and answered once every valid operation is durably stored. Invalid operations are listed by their position and do
/// not affect the others. A request that is repeated with the same `Idempotency-Key` header is recognised as a duplicate. Without
/// that header each request creates new events. This is harmless, because a record without changes has no effect.
#[utoipa::path(
    post, path = "/v1/feeds/scim-bulk", operation_id = "postScimBulk", tag = "ingest", security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A key that identifies the request when it is repeated.")),
    request_body(content(
        (docs::BulkRequestSchema = "application/scim+json"),
        (docs::BulkRequestSchema = "application/json"),
    )),
    responses(
        (status = 202, body = BulkReport, description = "Every good operation is durably stored."),
        docs::RefusalResponses,
    )
)]
pub(super) async fn scim_bulk(
    State(state): State<Arc<AppState>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let source = state.known(&parts)?;
    let parent = read_traceparent(&parts.headers);
    let span = tracing::info_span!("ingest", door = "scim-bulk", request_id = %id, source = source.name, trace_id = Empty);
    let trace = telemetry::in_trace(&span, parent);
    async {
        let taken = upload_bulk(&state, &source, &parts.headers, body, trace).await;
        note_bulk(&state.intake, &source, &taken);
        taken.map(|report| (StatusCode::ACCEPTED, Json(report)).into_response())
    }
    .instrument(span)
    .await
}

/// Streams a bulk request from the connection to the broker.
async fn upload_bulk(
    state: &AppState,
    source: &Arc<AdmittedSource>,
    headers: &HeaderMap,
    body: Body,
    trace: TraceContext,
) -> Result<BulkReport, Problem> {
    let intake = &state.intake;
    let _room = intake.room(source)?;
    match media_type(headers)?.as_deref() {
        Some("application/scim+json" | "application/json") => {}
        _ => return Err(Problem::unsupported_media_type("send application/scim+json or application/json")),
    }
    let bytes_max = state.scim_bulk.bytes_max;
    let too_large = || Problem::too_large(format!("a bulk request may have at most {bytes_max} bytes"));
    let announced = headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > bytes_max) {
        return Err(too_large());
    }
    let upload = BulkUpload {
        source: Arc::clone(source),
        key: headers.get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok()).map(str::to_owned),
        limits: intake.limits,
        operations_max: state.scim_bulk.operations_max,
        operation_bytes_max: intake.body_bytes_max,
        now: acceptance_time(),
    };
    let (inlet, outlet) = body_pipe();
    let mut sink = ToBroker { intake: Arc::clone(intake), trace };
    let pour = inlet.pour(body, bytes_max, intake.body_time_max, too_large);
    let taking = take_upload(upload, Box::new(outlet) as Box<dyn Read + Send>, &mut sink);
    tokio::pin!(pour, taking);
    tokio::select! {
        taken = &mut taking => taken,
        poured = &mut pour => match (poured, taking.await) {
            (Ok(()), taken) => taken,
            // Report the cause of the interruption rather than the interruption, unless there was a worse error first.
            (Err(why), Err(problem)) if problem.code() == "body_broken" => Err(why),
            (Err(_), taken) => taken,
        },
    }
}

/// Records the metrics and writes the single log line of a request.
fn note_bulk(intake: &IntakeState, source: &AdmittedSource, taken: &Result<BulkReport, Problem>) {
    match taken {
        Ok(report) => {
            let BulkReport { operations, failed, duplicates, .. } = *report;
            let new = operations - failed - duplicates;
            telemetry::metrics::events_accepted(&source.name, "accepted", new);
            telemetry::metrics::events_accepted(&source.name, "duplicate", duplicates);
            if failed == 0 {
                intake.problems.end(&source.name, SourceProblemKind::BadRows);
            }
            intake.problems.note(
                &source.name,
                SourceProblemKind::BadRows,
                failed,
                "operations of a bulk request",
            );
            if failed > 0 {
                tracing::warn!(operations, failed, duplicates, "some operations of a bulk request are wrong");
            } else {
                tracing::debug!(operations, duplicates, "bulk request taken");
            }
        }
        Err(problem) => {
            intake.problems.note_refusal(&source.name, problem);
            let (status, wrong_fields) = (problem.status().as_u16(), problem.errors().len());
            tracing::info!(code = problem.code(), status, wrong_fields, "request refused");
        }
    }
}
