//! `/_sandbox/...`: control paths for tests and the demo. They
//! require no token, and are not in the ledger nor subject to faults.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::behaviour::SandboxBehaviour;
use crate::context::SandboxContext;
use crate::faults::{FaultId, FaultRule, FaultStatus};
use crate::ledger::LedgerEntry;

/// The maximum number of ledger entries in one answer.
const ENTRIES_MAX: usize = 10_000;

type ControlContext = State<Arc<SandboxContext>>;

/// Returns the routes of the control paths.
pub(crate) fn control_routes() -> Router<Arc<SandboxContext>> {
    Router::new()
        .route("/_sandbox/ledger", get(show_ledger))
        .route("/_sandbox/state", get(show_state))
        .route("/_sandbox/faults", get(list_faults).post(inject_fault).delete(clear_faults))
        .route("/_sandbox/faults/{id}", delete(remove_fault))
        .route("/_sandbox/behaviour", get(show_behaviour).put(set_behaviour))
        .route("/_sandbox/reset", post(reset_sandbox))
}

/// The query parameters of `GET /_sandbox/ledger`.
#[derive(Debug, Deserialize)]
struct LedgerQuery {
    /// The sequence number after which entries are returned.
    #[serde(default)]
    since: u64,
    limit: Option<usize>,
}

/// The answer of `GET /_sandbox/ledger`.
#[derive(Debug, Serialize)]
struct LedgerPage {
    entries: Vec<LedgerEntry>,
    /// The number of requests since the start.
    total: u64,
    /// The number of entries that were dropped because the ledger was full.
    dropped: u64,
}

async fn show_ledger(State(world): ControlContext, Query(query): Query<LedgerQuery>) -> Json<LedgerPage> {
    let limit = query.limit.unwrap_or(1_000).min(ENTRIES_MAX);
    Json(LedgerPage {
        entries: world.ledger.since(query.since, limit),
        total: world.ledger.len(),
        dropped: world.ledger.dropped(),
    })
}

async fn show_state(State(world): ControlContext) -> Json<crate::SandboxState> {
    Json(crate::SandboxState::of(&world.directory()))
}

async fn list_faults(State(world): ControlContext) -> Json<Vec<FaultStatus>> {
    Json(world.faults.list())
}

/// Injects one rule, or a list of rules.
async fn inject_fault(
    State(world): ControlContext,
    Json(rules): Json<Value>,
) -> Result<Json<Value>, (StatusCode, String)> {
    let rules: Result<Vec<FaultRule>, _> = match rules {
        Value::Array(_) => serde_json::from_value(rules),
        one => serde_json::from_value(one).map(|rule| vec![rule]),
    };
    let rules = rules.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    let ids: Vec<FaultId> = rules.into_iter().map(|rule| world.faults.inject(rule)).collect();
    Ok(Json(json!({ "ids": ids })))
}

async fn clear_faults(State(world): ControlContext) -> StatusCode {
    world.faults.clear();
    StatusCode::NO_CONTENT
}

async fn remove_fault(State(world): ControlContext, Path(id): Path<FaultId>) -> StatusCode {
    if world.faults.remove(id) { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

async fn show_behaviour(State(world): ControlContext) -> Json<SandboxBehaviour> {
    Json((*world.behaviour()).clone())
}

async fn set_behaviour(State(world): ControlContext, Json(behaviour): Json<SandboxBehaviour>) -> StatusCode {
    world.set_behaviour(behaviour);
    StatusCode::NO_CONTENT
}

async fn reset_sandbox(State(world): ControlContext) -> StatusCode {
    world.reset();
    StatusCode::NO_CONTENT
}
