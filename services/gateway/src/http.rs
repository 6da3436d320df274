//! The HTTP routes of the gateway.

mod bulk;
mod docs;
mod events;
mod feeds;
mod webhooks;

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use edge::{Problem, SharedTokenTable, protect_router};
use lifecycle::{SourceProblemKind, UNKNOWN_SENDER};
use time::OffsetDateTime;

use crate::inbound::csv_feeds::CsvFeed;
use crate::inbound::scim_bulk::ScimBulkConfig;
use crate::inbound::webhooks::WebhookSource;
use crate::intake::admission::AdmittedSource;
use crate::intake::state::{IntakeState, count_unknown_token};
use crate::intake::storage::AcceptedEvents;

pub use docs::gateway_openapi;

/// The header that identifies an upload, for callers that may have to repeat it.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The state that the handlers share.
#[derive(Debug)]
pub(crate) struct AppState {
    pub(crate) intake: Arc<IntakeState>,
    /// The sources by token.
    pub(crate) sources: SharedTokenTable<Arc<AdmittedSource>>,
    /// The sources that were configured at the start.
    pub(crate) admitted: Vec<Arc<AdmittedSource>>,
    /// The webhooks by name.
    pub(crate) webhooks: HashMap<String, WebhookSource>,
    /// The CSV feeds by name.
    pub(crate) feeds: HashMap<String, Arc<CsvFeed>>,
    pub(crate) scim_bulk: ScimBulkConfig,
}

/// Builds the router of the API. `scim` has the routes of identity providers, if there are any.
pub(crate) fn gateway_router(state: Arc<AppState>, scim: Router) -> Router {
    let post_notice = webhooks::post_notice;
    let routes = Router::new()
        .route("/v1/events", post(events::post_events))
        .route("/v1/feeds/scim-bulk", post(bulk::scim_bulk))
        .route("/v1/feeds/csv/{name}", post(feeds::post_csv))
        .route("/v1/webhooks/{name}", post(post_notice).get(post_notice).options(post_notice))
        .route("/v1/openapi.json", get(async || Json(gateway_openapi())))
        .route(edge::ERROR_PAGE_PATH, get(edge::error_page::show_error_code))
        .with_state(state);
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

impl AppState {
    /// Returns the source that holds the token, if the caller's address and certificate are permitted.
    pub(crate) fn known(&self, parts: &Parts) -> Result<Arc<AdmittedSource>, Problem> {
        let sources = self.sources.current();
        let source = self.intake.authenticate(&sources, parts).inspect_err(|_| {
            count_unknown_token();
            self.intake.note_unproven(UNKNOWN_SENDER, "no token, or an unknown one");
        })?;
        self.intake.admit(source, parts).inspect_err(|_| self.intake.note_stranger(&source.name))?;
        self.intake.problems.end_known(&source.name, SourceProblemKind::RefusedCredentials);
        Ok(Arc::clone(source))
    }
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
