//! The operator API over HTTP.
//!
//! Every request below `/v1` needs an operator's bearer token, except the OpenAPI document.

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
mod schedule;
mod status;
mod verify;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use bus::{Bus, ControlFailure};
use edge::{Problem, TokenTable};
use recovery::Recovery;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::Store;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::CONTROL_TIMEOUT;
use crate::api::{PersonName, TraceEntry};
use crate::read::Entry;

/// What the handlers work with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) operators: TokenTable<String>,
    pub(crate) recovery: Recovery,
}

impl Context {
    /// Asks the service that owns the thing; what comes instead of an answer is a problem.
    async fn ask<Q: Serialize, R: DeserializeOwned>(
        &self,
        service: &str,
        verb: &str,
        question: &Q,
    ) -> Result<R, Problem> {
        let answer: Result<R, ControlFailure> =
            self.bus.request(service, verb, question, CONTROL_TIMEOUT).await;
        answer.map_err(problem::no_answer)
    }
}

pub(crate) type Shared = Arc<Context>;

/// All routes.
pub(crate) fn router(context: Context) -> Router {
    let context: Shared = Arc::new(context);
    let for_operators = Router::new()
        .route("/v1/status", get(status::status))
        .route("/v1/people/{person}/trace", get(people::trace))
        .route("/v1/dead", get(dead::list))
        .route("/v1/dead/groups", get(dead::groups::groups))
        .route("/v1/dead/{id}", get(dead::show))
        .route("/v1/dead/replays", get(dead::replays::list))
        .route("/v1/dead/replays/{id}", get(dead::replays::show))
        .route("/v1/dead/{id}/preview", get(dead::preview))
        .route("/v1/feeds", get(feeds::list))
        .route("/v1/feeds/{run}", get(feeds::show))
        .route("/v1/people/findings", get(findings::list))
        .route("/v1/people/records", get(records::list))
        .route("/v1/outbox", get(outbox::list))
        .route("/v1/schedule", get(schedule::list))
        .route("/v1/leavers", get(leavers::list))
        .route("/v1/leavers/export", get(evidence::export))
        .route("/v1/leavers/chain", get(evidence::chain))
        .route("/v1/leavers/keys", get(evidence::keys))
        .route("/v1/access-orders", get(orders::list).post(orders::order))
        .route("/v1/quarantine", get(quarantine::list))
        .route("/v1/held", get(held::list))
        .route("/v1/targets/{target}/test", post(held::test))
        .route("/v1/targets/{target}/reconcile", get(reconcile::show))
        .route("/v1/verify", get(verify::show).post(verify::start))
        .route("/v1/plans", post(plans::start_plan))
        .route("/v1/plans/{id}", get(plans::plan))
        .route("/v1/policies", get(policies::policies))
        .route("/v1/policies/{target}", get(policies::policy))
        .route("/v1/policies/{target}/versions", get(policies::versions))
        .route("/v1/provision", post(provision::provision))
        .route("/v1/targets/{target}/{kind}/{subject}", get(provision::row))
        .merge(acts(&context))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&context), auth::require_operator));
    edge::protect(for_operators.route("/v1/openapi.json", get(openapi::document)).with_state(context))
}

/// What is refused while it cannot be kept in the journal. Orders and provisioning look themselves: `usher off` and what
/// is only looked at are done all the same.
fn acts(context: &Shared) -> Router<Shared> {
    Router::new()
        .route("/v1/dead/replays", post(dead::replays::start))
        .route("/v1/dead/replays/{id}/cancel", post(dead::replays::cancel))
        .route("/v1/dead/replay", post(dead::replay))
        .route("/v1/dead/discard", post(dead::discard))
        .route("/v1/feeds/{run}/accept", post(feeds::accept))
        .route("/v1/feeds/{run}/reject", post(feeds::reject))
        .route("/v1/people/records/resolve", post(records::resolve))
        .route("/v1/people/join", post(records::join))
        .route("/v1/outbox/retry", post(outbox::retry))
        .route("/v1/outbox/discard", post(outbox::discard))
        .route("/v1/schedule/cancel", post(schedule::cancel))
        .route("/v1/leavers/keys/rotate", post(evidence::rotate))
        .route("/v1/quarantine/retry", post(quarantine::retry))
        .route("/v1/held/approve", post(held::approve))
        .route("/v1/held/reject", post(held::reject))
        .route("/v1/conflicts/resolve", post(held::resolve_conflict))
        .route("/v1/targets/{target}/pause", post(held::pause))
        .route("/v1/targets/{target}/resume", post(held::resume))
        .route("/v1/policies/apply", post(policies::apply))
        .route("/v1/targets/{target}/reconcile", post(reconcile::start))
        .route_layer(axum::middleware::from_fn_with_state(Arc::clone(context), audit::require_audit))
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
