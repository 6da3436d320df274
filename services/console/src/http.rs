//! The operator API over HTTP.
//!
//! Every request below `/v1` needs an operator's bearer token, except the OpenAPI document.

mod auth;
mod dead;
mod openapi;
mod people;
mod problem;
mod query;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use bus::Bus;
use edge::TokenTable;
use store::Store;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::api::{PersonName, TraceEntry};
use crate::read::Entry;

/// What the handlers work with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) operators: TokenTable<String>,
}

pub(crate) type Shared = Arc<Context>;

/// All routes.
pub(crate) fn router(context: Context) -> Router {
    let context: Shared = Arc::new(context);
    let for_operators = Router::new()
        .route("/v1/status", get(status::status))
        .route("/v1/people/{person}/trace", get(people::trace))
        .route("/v1/dead", get(dead::list))
        .route("/v1/dead/{id}", get(dead::show))
        .route("/v1/dead/replay", post(dead::replay))
        .route("/v1/dead/discard", post(dead::discard))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&context), auth::require_operator));
    edge::protect(for_operators.route("/v1/openapi.json", get(openapi::document)).with_state(context))
}

/// RFC 3339 to the microsecond, in UTC.
fn instant(micros: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

fn trace_entry(entry: Entry) -> TraceEntry {
    TraceEntry {
        at: instant(entry.at_micros),
        service: entry.service,
        trace_id: entry.trace_id,
        fact: entry.fact,
    }
}

async fn person_name(store: &Store, key: String) -> Result<PersonName, store::StoreError> {
    let user_name = crate::read::user_name(store, &key).await?;
    Ok(PersonName { key, user_name })
}
