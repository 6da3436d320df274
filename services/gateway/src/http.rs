//! The routes.

mod docs;
mod feeds;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use edge::{Problem, RequestId, TokenTable, protect, read_body};
use lifecycle::TraceContext;
use time::OffsetDateTime;
use tracing::Instrument;
use tracing::field::Empty;

use crate::Limits;
use crate::admission::{Pressure, Source};
use crate::cloudevents::{self, Mode};
use crate::csv_feeds::CsvFeed;
use crate::intake::{self, Accepted};
use crate::received::{Received, check_sizes};
use crate::scim_bulk;
use crate::webhooks::{Heard, Webhook};

pub use docs::openapi;
pub(crate) use feeds::note as note_file;

/// What a caller is told to wait when there is no connection to the broker.
const PAUSE_FOR_BROKER: Duration = Duration::from_secs(2);

/// Names an upload, for callers that may have to repeat one.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) bus: bus::Bus,
    pub(crate) sources: TokenTable<Source>,
    pub(crate) webhooks: HashMap<String, Webhook>,
    pub(crate) feeds: HashMap<String, Arc<CsvFeed>>,
    pub(crate) pressure: Pressure,
    pub(crate) limits: Limits,
    pub(crate) body_bytes_max: usize,
    pub(crate) body_time_max: Duration,
}

/// The API; `scim` is that of identity providers, if there are any.
pub(crate) fn router(gate: Arc<Gate>, scim: Router) -> Router {
    let routes = Router::new()
        .route("/v1/events", post(events))
        .route("/v1/feeds/scim-bulk", post(scim_bulk))
        .route("/v1/feeds/csv/{name}", post(feeds::csv))
        .route("/v1/webhooks/{name}", any(webhook))
        .route("/v1/openapi.json", get(async || Json(openapi())))
        .layer(map_response(count_refusal))
        .with_state(gate);
    protect(routes.merge(scim))
}

async fn count_refusal(response: Response) -> Response {
    if let Some(problem) = response.extensions().get::<Problem>() {
        telemetry::metrics::ingest_rejected(problem.code());
    }
    response
}

/// The time of acceptance.
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Take CloudEvents
///
/// Answers 202 only after every event is durably stored. All events of a request are taken or none; repeating a
/// request is always safe, because `source` and `id` name an event.
#[utoipa::path(
    post, path = "/v1/events", operation_id = "postEvents", tag = "ingest", security(("bearer" = [])),
    request_body(content(
        (docs::CloudEvent = "application/cloudevents+json"),
        (Vec<docs::CloudEvent> = "application/cloudevents-batch+json"),
        (docs::EventData = "application/json"),
    ), description = "Structured or batch mode; with application/json binary mode: the attributes are `ce-` headers, \
                      the body is the data."),
    responses(docs::Answers)
)]
async fn events(
    State(gate): State<Arc<Gate>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Problem> {
    let mode = |headers: &HeaderMap| Mode::of(headers);
    gate.take("events", id, request, mode, |mode, headers, body, _| {
        cloudevents::parse(cloudevents::Input { mode, headers, body, limits: &gate.limits, now: now() })
    })
    .await
}

/// Take a SCIM bulk request
///
/// Each operation is the whole record of a user or group, or deletes one; `externalId` is the key. All operations are
/// taken or none. An upload that is repeated with the same `Idempotency-Key` header is a duplicate; without that header
/// every upload says something new, which is harmless, because a record that says what is known changes nothing.
#[utoipa::path(
    post, path = "/v1/feeds/scim-bulk", operation_id = "postScimBulk", tag = "ingest", security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the upload.")),
    request_body(content(
        (docs::BulkRequest = "application/scim+json"),
        (docs::BulkRequest = "application/json"),
    )),
    responses(docs::Answers)
)]
async fn scim_bulk(
    State(gate): State<Arc<Gate>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Problem> {
    let is_scim = |headers: &HeaderMap| match cloudevents::essence(headers)?.as_deref() {
        Some("application/scim+json" | "application/json") => Ok(()),
        _ => Err(Problem::unsupported_media_type("send application/scim+json or application/json")),
    };
    let key = request.headers().get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok()).map(str::to_owned);
    gate.take("scim-bulk", id, request, is_scim, |(), _, body, source| {
        scim_bulk::parse(body, &source.name, key.as_deref(), &gate.limits, now())
    })
    .await
}

/// Take a notice of an HR system
///
/// In the system's own words and with its own signature, as the webhook of this name is configured. Answers 202 only
/// after every event is durably stored; a notice that is sent again is recognised. Handshakes (a challenge, a ping, an
/// OPTIONS request) are answered as the system expects.
#[utoipa::path(
    post, path = "/v1/webhooks/{name}", operation_id = "postNotice", tag = "ingest",
    params(("name" = String, Path, description = "The webhook's name in the configuration.")),
    request_body(content((serde_json::Value = "application/json"), (String = "application/x-www-form-urlencoded"))),
    responses(docs::Answers)
)]
async fn webhook(
    State(gate): State<Arc<Gate>>,
    Extension(id): Extension<RequestId>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let Some(webhook) = gate.webhooks.get(&name) else {
        return Err(Problem::not_found("no webhook of this name is configured"));
    };
    let (parts, body) = request.into_parts();
    let source = &webhook.source;
    let span = tracing::info_span!("ingest", door = "webhook", request_id = %id, source = source.name, trace_id = Empty);
    let context = telemetry::in_trace(&span, None);
    async {
        let result = async {
            let _room = gate.room(source)?;
            let body = gate.body(&parts.headers, body).await?;
            let heard = webhook.hear(parts.method.as_str(), &parts.headers, &body, &gate.limits, now())?;
            let (received, ignored) = match heard {
                Heard::Handshake { status, headers, body } => {
                    return Ok::<Result<Accepted, Response>, Problem>(Err(handshake(status, headers, body)));
                }
                Heard::Events { received, ignored } => (received, ignored),
            };
            check_sizes(&received, &gate.limits)?;
            source.authorise(&received)?;
            source.spend(received.len(), Instant::now())?;
            let accepted = intake::store(&gate.bus, received, context, false).await?;
            Ok(Ok(Accepted { ignored, ..accepted }))
        };
        match result.await {
            Ok(Err(handshake)) => Ok(handshake),
            Ok(Ok(accepted)) => {
                let result = Ok(accepted);
                note(source, &result);
                result.map(|accepted| (StatusCode::ACCEPTED, Json(accepted)).into_response())
            }
            Err(problem) => {
                note(source, &Err(problem.clone()));
                Err(problem)
            }
        }
    }
    .instrument(span)
    .await
}

fn handshake(
    status: StatusCode,
    headers: Vec<(String, String)>,
    body: Option<serde_json::Value>,
) -> Response {
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

impl Gate {
    /// What both doors do: who is it, is there room, what does it say, may they say it, store it, answer.
    async fn take<F>(
        &self,
        door: &'static str,
        id: RequestId,
        request: Request,
        format: impl FnOnce(&HeaderMap) -> Result<F, Problem>,
        parse: impl FnOnce(F, &HeaderMap, &[u8], &Source) -> Result<Vec<Received>, Problem>,
    ) -> Result<Response, Problem> {
        let (parts, body) = request.into_parts();
        let source = self.sources.authenticate(&parts.headers)?;
        let parent = traceparent(&parts.headers);
        let span =
            tracing::info_span!("ingest", door, request_id = %id, source = source.name, trace_id = Empty);
        let context = telemetry::in_trace(&span, parent);
        async {
            let result = async {
                let (headers, room) = (&parts.headers, self.room(source));
                let _room = room?;
                let format = format(headers)?;
                let body = self.body(headers, body).await?;
                let received = parse(format, headers, &body, source)?;
                source.authorise(&received)?;
                source.spend(received.len(), Instant::now())?;
                intake::store(&self.bus, received, context, parent.is_some()).await
            };
            let result = result.await;
            note(source, &result);
            result.map(|accepted| (StatusCode::ACCEPTED, Json(accepted)).into_response())
        }
        .instrument(span)
        .await
    }

    pub(crate) fn room(&self, source: &Source) -> Result<impl Drop + use<>, Problem> {
        source.check_rate(Instant::now())?;
        self.room_for_all()
    }

    /// Room for a request of whomever.
    fn room_for_all(&self) -> Result<impl Drop + use<>, Problem> {
        if !self.bus.connected() {
            let detail = "events cannot be stored now; repeating the request later is safe";
            return Err(Problem::unavailable("broker_unreachable", detail, PAUSE_FOR_BROKER));
        }
        self.pressure.enter()
    }

    pub(crate) async fn body(&self, headers: &HeaderMap, body: Body) -> Result<bytes::Bytes, Problem> {
        read_body(headers, body, self.body_bytes_max, self.body_time_max).await
    }
}

pub(crate) fn traceparent(headers: &HeaderMap) -> Option<TraceContext> {
    headers.get("traceparent")?.to_str().ok()?.parse().ok()
}

/// Metrics and the one log line of a request.
fn note(source: &Source, result: &Result<Accepted, Problem>) {
    match result {
        Ok(accepted) => {
            let duplicates = accepted.accepted.iter().filter(|event| event.duplicate).count() as u64;
            let new = accepted.accepted.len() as u64 - duplicates;
            telemetry::metrics::events_accepted(&source.name, "accepted", new);
            telemetry::metrics::events_accepted(&source.name, "duplicate", duplicates);
            tracing::debug!(new, duplicates, "events stored");
        }
        Err(problem) => {
            let (status, wrong_fields) = (problem.status().as_u16(), problem.errors().len());
            tracing::info!(code = problem.code(), status, wrong_fields, "request refused");
        }
    }
}
