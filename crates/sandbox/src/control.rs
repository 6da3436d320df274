//! `/_sandbox/...`: what tests and the demo ask over HTTP. Without a token; never in the ledger, never at fault.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::behaviour::Behaviour;
use crate::faults::{FaultId, FaultRule, FaultStatus};
use crate::ledger::Entry;
use crate::sandbox::World;

/// Ledger entries in one answer at most.
const ENTRIES_MAX: usize = 10_000;

type Shared = State<Arc<World>>;

pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/_sandbox/ledger", get(ledger))
        .route("/_sandbox/state", get(state))
        .route("/_sandbox/faults", get(faults).post(inject).delete(clear))
        .route("/_sandbox/faults/{id}", delete(remove))
        .route("/_sandbox/behaviour", get(behaviour).put(set_behaviour))
        .route("/_sandbox/reset", post(reset))
}

#[derive(Debug, Deserialize)]
struct LedgerQuery {
    /// Only entries with a higher sequence number.
    #[serde(default)]
    since: u64,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
struct LedgerPage {
    entries: Vec<Entry>,
    /// Requests since the start.
    total: u64,
    /// Entries that are gone because the ledger was full.
    dropped: u64,
}

async fn ledger(State(world): Shared, Query(query): Query<LedgerQuery>) -> Json<LedgerPage> {
    let limit = query.limit.unwrap_or(1_000).min(ENTRIES_MAX);
    Json(LedgerPage {
        entries: world.ledger.since(query.since, limit),
        total: world.ledger.len(),
        dropped: world.ledger.dropped(),
    })
}

async fn state(State(world): Shared) -> Json<crate::State> {
    Json(crate::State::of(&world.directory()))
}

async fn faults(State(world): Shared) -> Json<Vec<FaultStatus>> {
    Json(world.faults.list())
}

/// Takes one rule, or a list of them.
async fn inject(State(world): Shared, Json(rules): Json<Value>) -> Result<Json<Value>, (StatusCode, String)> {
    let rules: Result<Vec<FaultRule>, _> = match rules {
        Value::Array(_) => serde_json::from_value(rules),
        one => serde_json::from_value(one).map(|rule| vec![rule]),
    };
    let rules = rules.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    let ids: Vec<FaultId> = rules.into_iter().map(|rule| world.faults.inject(rule)).collect();
    Ok(Json(json!({ "ids": ids })))
}

async fn clear(State(world): Shared) -> StatusCode {
    world.faults.clear();
    StatusCode::NO_CONTENT
}

async fn remove(State(world): Shared, Path(id): Path<FaultId>) -> StatusCode {
    if world.faults.remove(id) { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

async fn behaviour(State(world): Shared) -> Json<Behaviour> {
    Json((*world.behaviour()).clone())
}

async fn set_behaviour(State(world): Shared, Json(behaviour): Json<Behaviour>) -> StatusCode {
    world.set_behaviour(behaviour);
    StatusCode::NO_CONTENT
}

async fn reset(State(world): Shared) -> StatusCode {
    world.reset();
    StatusCode::NO_CONTENT
}
