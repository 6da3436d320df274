//! The endpoint of webhooks.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use edge::{Problem, RequestId, TokenHash};
use lifecycle::{SourceProblemKind, TraceContext, UNKNOWN_SENDER};
use tracing::Instrument;
use tracing::field::Empty;

use super::{AppState, acceptance_time, docs, note_request};
use crate::inbound::webhooks::{self, WebhookReading, WebhookSource};
use crate::intake::notices::NoticeReport;
use crate::intake::received::check_sizes;
use crate::intake::state::{IntakeState, note_proven};
use crate::intake::storage::{AcceptedEvents, store_events};

/// Deliver a webhook notice
///
/// Accepts a notice in the HR system's own format and with its own signature, as configured for the webhook of
/// this name. Returns 202 only after every event is durably stored. A notice that is sent again is recognised as a
/// duplicate. Handshakes (a challenge, a ping or an OPTIONS request) receive the response that the system expects.
#[utoipa::path(
    post, path = "/v1/webhooks/{name}", operation_id = "postNotice", tag = "ingest",
    params(("name" = String, Path, description = "The webhook's name in the configuration.")),
    request_body(content((serde_json::Value = "application/json"), (String = "application/x-www-form-urlencoded"))),
    responses((status = 202, body = AcceptedEvents, description = "Every event is durably stored."), docs::RefusalResponses)
)]
pub(super) async fn post_notice(
    State(state): State<Arc<AppState>>,
    Extension(id): Extension<RequestId>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return webhooks::answer_options(&parts.headers).map(answer_handshake);
    }
    let intake = &state.intake;
    // Checked before the name is looked up, so that the response does not reveal which names exist.
    intake.check_load()?;
    let origin = intake.origin(&parts);
    intake.guard.admit(origin, Some(webhook_credential(&name)), Instant::now())?;
    let Some(webhook) = state.webhooks.get(&name) else {
        telemetry::metrics::caller_refused("unknown_source");
        intake.guard.note_wrong(origin, None, Instant::now());
        intake.note_unproven(UNKNOWN_SENDER, "a webhook name that is not configured");
        return Err(webhooks::not_verified());
    };
    let (source, sender) = (&webhook.notices.source, webhook.notices.event_source());
    intake.admit(source, &parts).map_err(|_| {
        intake.note_stranger(&sender);
        webhooks::not_verified()
    })?;
    let span = tracing::info_span!("ingest", door = "webhook", request_id = %id, source = source.name, trace_id = Empty);
    let context = telemetry::in_trace(&span, None);
    async {
        match take_notices(intake, webhook, &parts, body, context).await {
            Ok(TakenNotices::Handshake(handshake)) => Ok(answer_handshake(handshake)),
            Ok(TakenNotices::Stored(accepted)) => {
                let result = Ok(accepted);
                note_request(source, &result);
                result.map(|accepted| (StatusCode::ACCEPTED, Json(accepted)).into_response())
            }
            Err(problem) => {
                if problem.status() == StatusCode::UNAUTHORIZED {
                    intake.note_unproven(&sender, "a notice that was not verified");
                    let delay = intake.guard.note_wrong(origin, Some(&sender), Instant::now());
                    intake.guard.delay_answer(delay).await;
                    return Err(problem);
                }
                intake.problems.note_refusal(&sender, &problem);
                note_request(source, &Err(problem.clone()));
                Err(problem)
            }
        }
    }
    .instrument(span)
    .await
}

/// Returns the credential under which a webhook's verified senders are known: a signature differs with each notice.
fn webhook_credential(name: &str) -> TokenHash {
    TokenHash::of(&format!("webhook/{name}"))
}

/// The outcome of a request that was verified.
enum TakenNotices {
    /// The request was a handshake.
    Handshake(WebhookReading),
    /// The events of its notices are stored.
    Stored(AcceptedEvents),
}

/// Verifies the request, reads its notices, and stores their events.
async fn take_notices(
    intake: &IntakeState,
    webhook: &WebhookSource,
    parts: &Parts,
    body: Body,
    context: TraceContext,
) -> Result<TakenNotices, Problem> {
    let source = &webhook.notices.source;
    source.check_rate(Instant::now())?;
    let body = intake.unproven_body(parts, body).await?;
    let reading =
        webhook.hear(parts.method.as_str(), &parts.headers, &body, &intake.limits, acceptance_time())?;
    let sender = webhook.notices.event_source();
    note_proven(&parts.extensions);
    intake.guard.note_right(intake.origin(parts), webhook_credential(&source.name), Instant::now());
    intake.problems.end_known(&sender, SourceProblemKind::RefusedCredentials);
    let NoticeReport { received, thin, ignored, unknown } = match reading {
        WebhookReading::Handshake { .. } => return Ok(TakenNotices::Handshake(reading)),
        WebhookReading::Notices(report) => report,
    };
    for name in &unknown {
        intake.problems.note(&sender, SourceProblemKind::UnknownTypes, 1, name);
    }
    let _room = intake.pressure.enter_for(source)?;
    check_sizes(&received, &intake.limits)?;
    source.authorise(&received)?;
    source.authorise_thin(&thin)?;
    source.spend(received.len() + thin.len(), Instant::now())?;
    let accepted = store_events(intake, received, thin, context, false).await?;
    Ok(TakenNotices::Stored(AcceptedEvents { ignored, ..accepted }))
}

/// Builds the response to a handshake.
fn answer_handshake(heard: WebhookReading) -> Response {
    let WebhookReading::Handshake { status, headers, body } = heard else {
        return StatusCode::ACCEPTED.into_response();
    };
    let mut response = match body {
        Some(body) => (status, Json(body)).into_response(),
        None => status.into_response(),
    };
    for (name, value) in headers {
        let pair = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
        if let Some((name, value)) = pair {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
