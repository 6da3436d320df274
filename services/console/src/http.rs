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
use crate::read::TimelineEntry;

/// State that all handlers share.
#[derive(Debug)]
pub(crate) struct ConsoleState {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) operators: TokenTable<String>,
    pub(crate) recovery: Recovery,
}

impl ConsoleState {
    /// Sends a control request to the service that owns the resource. A failure becomes a problem.
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

pub(crate) type ConsoleStateInner = Arc<ConsoleState>;

/// Returns the router with all routes.
pub(crate) fn console_router(context: ConsoleState) -> Router {
    let context: ConsoleStateInner = Arc::new(context);
    let for_operators = Router::new()
        .route("/v1/status", get(status::show_status))
        .route("/v1/people/{person}/trace", get(people::trace_person))
        .route("/v1/dead", get(dead::list_dead_letters))
        .route("/v1/dead/groups", get(dead::groups::list_dead_letter_groups))
        .route("/v1/dead/{id}", get(dead::show_dead_letter))
        .route("/v1/dead/replays", get(dead::replays::list_replays))
        .route("/v1/dead/replays/{id}", get(dead::replays::show_replay))
        .route("/v1/dead/{id}/preview", get(dead::preview_replay))
        .route("/v1/feeds", get(feeds::list_feed_runs))
        .route("/v1/feeds/{run}", get(feeds::show_feed_run))
        .route("/v1/people/findings", get(findings::list_findings))
        .route("/v1/people/records", get(records::list_records))
        .route("/v1/outbox", get(outbox::list_outboxes))
        .route("/v1/schedule", get(schedule::list_schedule))
        .route("/v1/leavers", get(leavers::list_leavers))
        .route("/v1/leavers/export", get(evidence::export_evidence))
        .route("/v1/leavers/chain", get(evidence::check_evidence_chain))
        .route("/v1/leavers/keys", get(evidence::list_evidence_keys))
        .route("/v1/access-orders", get(orders::list_access_orders).post(orders::place_access_order))
        .route("/v1/quarantine", get(quarantine::list_quarantine))
        .route("/v1/held", get(held::list_held))
        .route("/v1/targets/{target}/test", post(held::test_target))
        .route("/v1/targets/{target}/reconcile", get(reconcile::show_reconciliation))
        .route("/v1/verify", get(verify::show_verifications).post(verify::start_verification))
        .route("/v1/plans", post(plans::start_plan))
        .route("/v1/plans/{id}", get(plans::show_plan))
        .route("/v1/policies", get(policies::list_policies))
        .route("/v1/policies/{target}", get(policies::show_policy))
        .route("/v1/policies/{target}/versions", get(policies::list_policy_versions))
        .route("/v1/provision", post(provision::provision_person))
        .route("/v1/targets/{target}/{kind}/{subject}", get(provision::show_row))
        .merge(action_routes(&context))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&context), auth::require_operator));
    edge::protect_router(
        for_operators.route("/v1/openapi.json", get(openapi::openapi_document)).with_state(context),
    )
}

/// Routes that are refused while the action cannot be recorded in the journal. Access orders and provisioning check it
/// themselves: `usher off` and read-only requests work in any case.
fn action_routes(context: &ConsoleStateInner) -> Router<ConsoleStateInner> {
    Router::new()
        .route("/v1/dead/replays", post(dead::replays::start_replay))
        .route("/v1/dead/replays/{id}/cancel", post(dead::replays::cancel_replay))
        .route("/v1/dead/replay", post(dead::replay_dead_letters))
        .route("/v1/dead/discard", post(dead::discard_dead_letters))
        .route("/v1/feeds/{run}/accept", post(feeds::accept_feed_run))
        .route("/v1/feeds/{run}/reject", post(feeds::reject_feed_run))
        .route("/v1/people/records/resolve", post(records::resolve_record))
        .route("/v1/people/join", post(records::join_people))
        .route("/v1/outbox/retry", post(outbox::retry_message))
        .route("/v1/outbox/discard", post(outbox::discard_message))
        .route("/v1/schedule/cancel", post(schedule::cancel_scheduled))
        .route("/v1/leavers/keys/rotate", post(evidence::rotate_evidence_key))
        .route("/v1/quarantine/retry", post(quarantine::retry_quarantined))
        .route("/v1/held/approve", post(held::approve_held))
        .route("/v1/held/reject", post(held::reject_held))
        .route("/v1/conflicts/resolve", post(held::resolve_conflict))
        .route("/v1/targets/{target}/pause", post(held::pause_target))
        .route("/v1/targets/{target}/resume", post(held::resume_target))
        .route("/v1/policies/apply", post(policies::apply_policy))
        .route("/v1/targets/{target}/reconcile", post(reconcile::start_reconciliation))
        .route_layer(axum::middleware::from_fn_with_state(Arc::clone(context), audit::require_audit))
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
