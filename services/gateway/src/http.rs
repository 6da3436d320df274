//! The HTTP routes of the gateway.

mod bulk;
mod docs;
mod feeds;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use edge::{AccessRule, Caller, Network, Problem, RequestId, TokenTable, protect_router, read_body};
use lifecycle::{SourceProblemKind, TraceContext, UNKNOWN_SENDER};
use time::OffsetDateTime;
use tracing::Instrument;
use tracing::field::Empty;

use crate::EventLimits;
use crate::admission::quota::SenderQuota;
use crate::admission::{AdmittedSource, LoadPressure};
use crate::cloudevents::{self, EventMode};
use crate::config::ScimBulkConfig;
use crate::csv_feeds::CsvFeed;
use crate::intake::{self, AcceptedEvents};
use crate::problems::ProblemLog;
use crate::received::{ReceivedEvent, check_sizes};
use crate::webhooks::{self, NoticeReport, WebhookReading, WebhookSource};

pub use docs::gateway_openapi;
pub(crate) use feeds::{file_too_large, note_upload as note_file};

/// The delay of `Retry-After` when there is no connection to the broker.
const PAUSE_FOR_BROKER: Duration = Duration::from_secs(2);

/// The header that identifies an upload, for callers that may have to repeat it.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The state that the handlers share.
#[derive(Debug)]
pub(crate) struct AppState {
    pub(crate) bus: bus::Bus,
    /// The sources by token.
    pub(crate) sources: TokenTable<Arc<AdmittedSource>>,
    /// The webhooks by name.
    pub(crate) webhooks: HashMap<String, WebhookSource>,
    /// The CSV feeds by name.
    pub(crate) feeds: HashMap<String, Arc<CsvFeed>>,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) pressure: LoadPressure,
    pub(crate) quota: SenderQuota,
    pub(crate) problems: ProblemLog,
    pub(crate) limits: EventLimits,
    /// The maximum length of a request body, in bytes.
    pub(crate) body_bytes_max: usize,
    pub(crate) scim_bulk: ScimBulkConfig,
    /// The maximum time for a request body to arrive, or between two pieces of a streamed one.
    pub(crate) body_time_max: Duration,
}

/// Builds the router of the API. `scim` has the routes of identity providers, if there are any.
pub(crate) fn gateway_router(gate: Arc<AppState>, scim: Router) -> Router {
    let routes = Router::new()
        .route("/v1/events", post(post_events))
        .route("/v1/feeds/scim-bulk", post(bulk::scim_bulk))
        .route("/v1/feeds/csv/{name}", post(feeds::post_csv))
        .route("/v1/webhooks/{name}", post(post_notice).get(post_notice).options(post_notice))
        .route("/v1/openapi.json", get(async || Json(gateway_openapi())))
        .with_state(gate);
    protect_router(routes.merge(scim)).layer(map_response(count_refusal))
}

/// Counts refused requests by their problem code.
async fn count_refusal(response: Response) -> Response {
    if let Some(problem) = response.extensions().get::<Problem>() {
        telemetry::metrics::ingest_rejected(problem.code());
    }
    response
}

/// Returns the time of acceptance, by the clock that all replicas share if there is one.
fn acceptance_time() -> OffsetDateTime {
    store::clock::now()
}

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
async fn post_events(
    State(gate): State<Arc<AppState>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Problem> {
    let mode = |headers: &HeaderMap| EventMode::of(headers);
    gate.take("events", id, request, mode, |mode, source, headers, body| {
        let (limits, now, sender, dates) = (&gate.limits, acceptance_time(), &source.name, source.dates());
        cloudevents::parse_request(cloudevents::EventInput {
            mode,
            sender,
            headers,
            body,
            limits,
            dates,
            now,
        })
    })
    .await
}

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
async fn post_notice(
    State(gate): State<Arc<AppState>>,
    Extension(id): Extension<RequestId>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return webhooks::answer_options(&parts.headers).map(answer_handshake);
    }
    // Checked before the name is looked up, so that the response does not reveal which names exist.
    let _room = gate.room_for_all()?;
    let Some(webhook) = gate.webhooks.get(&name) else {
        telemetry::metrics::caller_refused("unknown_source");
        tracing::warn!("a notice to a webhook that is not configured was refused");
        gate.note_unproven(UNKNOWN_SENDER, "a webhook name that is not configured");
        return Err(webhooks::not_verified());
    };
    let (source, sender) = (&webhook.source, webhook.event_source());
    gate.admit(source, &parts).map_err(|_| {
        gate.note_stranger(&sender);
        webhooks::not_verified()
    })?;
    let span = tracing::info_span!("ingest", door = "webhook", request_id = %id, source = source.name, trace_id = Empty);
    let context = telemetry::in_trace(&span, None);
    async {
        let result = async {
            source.check_rate(Instant::now())?;
            let body = gate.body(&parts.headers, body).await?;
            let heard = webhook.hear(
                parts.method.as_str(),
                &parts.headers,
                &body,
                &gate.limits,
                acceptance_time(),
            )?;
            gate.problems.end_known(&sender, SourceProblemKind::RefusedCredentials);
            let NoticeReport { received, thin, ignored, unknown } = match heard {
                WebhookReading::Handshake { .. } => return Ok(Err(answer_handshake(heard))),
                WebhookReading::Notices(told) => told,
            };
            for name in &unknown {
                gate.problems.note(&sender, SourceProblemKind::UnknownTypes, 1, name);
            }
            check_sizes(&received, &gate.limits)?;
            source.authorise(&received)?;
            source.authorise_thin(&thin)?;
            source.spend(received.len() + thin.len(), Instant::now())?;
            let accepted = intake::store_events(&gate, received, thin, context, false).await?;
            Ok::<Result<AcceptedEvents, Response>, Problem>(Ok(AcceptedEvents { ignored, ..accepted }))
        };
        match result.await {
            Ok(Err(handshake)) => Ok(handshake),
            Ok(Ok(accepted)) => {
                let result = Ok(accepted);
                note_request(source, &result);
                result.map(|accepted| (StatusCode::ACCEPTED, Json(accepted)).into_response())
            }
            Err(problem) => {
                if problem.status() == StatusCode::UNAUTHORIZED {
                    gate.note_unproven(&sender, "a notice that was not verified");
                }
                gate.problems.note_refusal(&sender, &problem);
                note_request(source, &Err(problem.clone()));
                Err(problem)
            }
        }
    }
    .instrument(span)
    .await
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

impl AppState {
    /// Handles a request for events: authenticates the source, admits the request, parses, authorises and stores its events, and answers.
    async fn take<F>(
        &self,
        door: &'static str,
        id: RequestId,
        request: Request,
        format: impl FnOnce(&HeaderMap) -> Result<F, Problem>,
        parse: impl FnOnce(F, &AdmittedSource, &HeaderMap, &[u8]) -> Result<Vec<ReceivedEvent>, Problem>,
    ) -> Result<Response, Problem> {
        let (parts, body) = request.into_parts();
        let source = self.known(&parts)?;
        let parent = read_traceparent(&parts.headers);
        let span =
            tracing::info_span!("ingest", door, request_id = %id, source = source.name, trace_id = Empty);
        let context = telemetry::in_trace(&span, parent);
        async {
            let result = async {
                let (headers, room) = (&parts.headers, self.room(source));
                let _room = room?;
                let format = format(headers)?;
                let body = self.body(headers, body).await?;
                let received = parse(format, source, headers, &body)?;
                source.authorise(&received)?;
                source.spend(received.len(), Instant::now())?;
                intake::store_events(self, received, Vec::new(), context, parent.is_some()).await
            };
            let result = result.await;
            if let Err(problem) = &result {
                self.problems.note_refusal(&source.name, problem);
            }
            note_request(source, &result);
            result.map(|accepted| (StatusCode::ACCEPTED, Json(accepted)).into_response())
        }
        .instrument(span)
        .await
    }

    /// Returns the source that holds the token, if the caller's address and certificate are permitted.
    pub(crate) fn known(&self, parts: &Parts) -> Result<&Arc<AdmittedSource>, Problem> {
        let source = self.sources.authenticate(&parts.headers).inspect_err(|_| {
            unknown_token();
            self.note_unproven(UNKNOWN_SENDER, "no token, or an unknown one");
        })?;
        self.admit(source, parts).inspect_err(|_| self.note_stranger(&source.name))?;
        self.problems.end_known(&source.name, SourceProblemKind::RefusedCredentials);
        Ok(source)
    }

    /// Records a request as `sender`, which may be [`UNKNOWN_SENDER`], that does not prove its origin.
    pub(crate) fn note_unproven(&self, sender: &str, detail: &str) {
        self.problems.note(sender, SourceProblemKind::RefusedCredentials, 1, detail);
    }

    /// Records a request as `sender` from an address or with a certificate that is not permitted.
    pub(crate) fn note_stranger(&self, sender: &str) {
        self.note_unproven(sender, "from an address or with a certificate that `access` does not name");
    }

    /// Refuses a caller from an address that is not permitted. The response is
    /// that of an unknown token, so it does not reveal that the token is valid.
    pub(crate) fn admit(&self, source: &AdmittedSource, parts: &Parts) -> Result<(), Problem> {
        self.admit_to(source.access(), &source.name, parts)
    }

    /// Checks the caller's address and certificate against `access`, and refuses it like an unknown token.
    pub(crate) fn admit_to(&self, access: &AccessRule, name: &str, parts: &Parts) -> Result<(), Problem> {
        let caller = Caller::of(&parts.extensions, &parts.headers, &self.trusted_proxies);
        access.admits(&caller).map_err(|stranger| {
            telemetry::metrics::caller_refused(stranger.as_str());
            tracing::warn!(source = name, address = ?caller.address, why = %stranger, "a caller was refused");
            Problem::unauthorised(edge::UNKNOWN_TOKEN)
        })
    }

    /// Admits one request of a source, if its rate and the load permit it.
    pub(crate) fn room(&self, source: &AdmittedSource) -> Result<impl Drop + use<>, Problem> {
        source.check_rate(Instant::now())?;
        self.room_for_all()
    }

    /// Admits a request of any caller.
    fn room_for_all(&self) -> Result<impl Drop + use<>, Problem> {
        if !self.bus.connected() {
            let detail = "events cannot be stored now; repeating the request later is safe";
            return Err(Problem::unavailable("broker_unreachable", detail, PAUSE_FOR_BROKER));
        }
        self.pressure.enter()
    }

    /// Reads the body of a request, within the limits of size and time.
    pub(crate) async fn body(&self, headers: &HeaderMap, body: Body) -> Result<bytes::Bytes, Problem> {
        read_body(headers, body, self.body_bytes_max, self.body_time_max).await
    }
}

/// Counts a request without a token, or with a token that belongs to no source.
pub(crate) fn unknown_token() {
    telemetry::metrics::caller_refused("unknown_token");
}

/// Returns the W3C trace context of a request, if it has a valid one.
pub(crate) fn read_traceparent(headers: &HeaderMap) -> Option<TraceContext> {
    headers.get("traceparent")?.to_str().ok()?.parse().ok()
}

/// Records the metrics and writes the single log line of a request.
fn note_request(source: &AdmittedSource, result: &Result<AcceptedEvents, Problem>) {
    match result {
        Ok(accepted) => {
            let duplicates = accepted.accepted.iter().filter(|event| event.duplicate).count() as u64;
            let new = accepted.accepted.len() as u64 - duplicates;
            telemetry::metrics::events_accepted(&source.name, "accepted", new);
            telemetry::metrics::events_accepted(&source.name, "duplicate", duplicates);
            telemetry::metrics::notices_accepted(&source.name, accepted.to_fetch as u64);
            tracing::debug!(new, duplicates, to_fetch = accepted.to_fetch, "events stored");
        }
        Err(problem) => {
            let (status, wrong_fields) = (problem.status().as_u16(), problem.errors().len());
            tracing::info!(code = problem.code(), status, wrong_fields, "request refused");
        }
    }
}
