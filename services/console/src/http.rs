//! The operator API over HTTP.
//!
//! Every request below `/v1` needs an operator's bearer token, except the OpenAPI document and the pages of error codes.

mod audit;
mod auth;
mod dead;
mod evidence;
mod feeds;
mod findings;
mod held;
mod leavers;
mod openapi;
mod orders;
mod outbox;
mod people;
mod plans;
mod policies;
mod problem;
mod provision;
mod quarantine;
mod query;
mod reason;
mod reconcile;
mod records;
mod routes;
mod schedule;
mod status;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use bus::Bus;
use edge::{Network, Problem};
use lifecycle::{OperatorVerb, VerbRight};
use recovery::Recovery;
use store::Store;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use self::audit::AuditReady;
use crate::CONTROL_TIMEOUT;
use crate::api::{PersonName, TraceEntry};
use crate::operators::OperatorDirectory;
use crate::read::TimelineEntry;

/// State that all handlers share.
#[derive(Debug)]
pub(crate) struct ConsoleState {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) operators: Arc<OperatorDirectory>,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) recovery: Recovery,
}

impl ConsoleState {
    /// Asks the service that owns the resource. A failure becomes a problem.
    async fn ask<V: OperatorVerb>(&self, question: &V::Request) -> Result<V::Reply, Problem> {
        self.ask_within::<V>(question, CONTROL_TIMEOUT).await
    }

    /// Asks with a timeout of its own. A verb that changes something does not compile: it needs [`Self::act`].
    async fn ask_within<V: OperatorVerb>(
        &self,
        question: &V::Request,
        timeout: Duration,
    ) -> Result<V::Reply, Problem> {
        const { assert!(matches!(V::RIGHT, VerbRight::Read), "an act needs the proof that it can be recorded") };
        self.bus.ask::<V>(question, timeout).await.map_err(problem::no_answer)
    }

    /// Requests an act of the service that owns the resource. `ready` proves that the journal can record it.
    async fn act<V: OperatorVerb>(
        &self,
        ready: AuditReady,
        request: &V::Request,
    ) -> Result<V::Reply, Problem> {
        self.act_within::<V>(ready, request, CONTROL_TIMEOUT).await
    }

    /// Requests an act with a timeout of its own.
    async fn act_within<V: OperatorVerb>(
        &self,
        _ready: AuditReady,
        request: &V::Request,
        timeout: Duration,
    ) -> Result<V::Reply, Problem> {
        const { assert!(matches!(V::RIGHT, VerbRight::Act), "the verb changes nothing") };
        self.bus.ask::<V>(request, timeout).await.map_err(problem::no_answer)
    }
}

pub(crate) type ConsoleStateInner = Arc<ConsoleState>;

/// Returns the console's OpenAPI document, as `GET /v1/openapi.json` serves it.
pub fn console_openapi() -> serde_json::Value {
    let router = routes::operator_routes().merge(routes::open_routes());
    openapi::finish_document(router.into_openapi())
}

/// Returns the router with all routes, and with the document that describes them.
pub(crate) fn console_router(context: ConsoleState) -> Router {
    let context: ConsoleStateInner = Arc::new(context);
    let known = axum::middleware::from_fn_with_state(Arc::clone(&context), auth::require_operator);
    let for_operators = routes::operator_routes().layer(known);
    let (router, document) = for_operators.merge(routes::open_routes()).split_for_parts();
    let document = openapi::finish_document(document);
    let answer = async move || axum::Json(document.clone());
    edge::protect_router(router.route("/v1/openapi.json", get(answer)).with_state(context))
}

/// Formats a time as RFC 3339 to the microsecond, in UTC.
fn format_instant(micros: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

fn trace_entry(entry: TimelineEntry) -> TraceEntry {
    TraceEntry {
        at: format_instant(entry.at_micros),
        service: entry.service,
        trace_id: entry.trace_id,
        fact: entry.fact,
    }
}

async fn person_name(store: &Store, key: String) -> Result<PersonName, store::StoreError> {
    let user_name = crate::read::user_name(store, &key).await?;
    Ok(PersonName { key, user_name })
}
