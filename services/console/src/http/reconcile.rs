//! Comparing whole targets with what they should have.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use edge::{FieldErrors, PROBLEM_JSON, Problem};
use lifecycle::{Actor, ReconcileRequest, Reconciliation, ReconciliationRequest, verb};

use super::Shared;
use super::auth::OperatorName;
use super::problem::invalid;
use super::reason::reason;
use crate::WRITER;
use crate::api::Reconcile;

/// Begins a comparison, or joins the one that is under way; ends it with `cancel`.
#[utoipa::path(
    post,
    path = "/v1/targets/{target}/reconcile",
    params(("target" = String, Path, description = "name of the target")),
    request_body = Reconcile,
    responses(
        (status = 200, body = serde_json::Value, description = "as for GET"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "there is no such target"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the writer refused: nothing to cancel"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn start(
    State(context): State<Shared>,
    Extension(OperatorName(who)): Extension<OperatorName>,
    Path(target): Path<String>,
    edge::Json(body): edge::Json<Reconcile>,
) -> Result<Json<Reconciliation>, Problem> {
    let mut wrong = FieldErrors::default();
    let actor = Actor { who, why: reason(&body.why, &mut wrong) };
    if !wrong.is_empty() {
        return Err(invalid(wrong));
    }
    let request = ReconcileRequest {
        target,
        dry_run: body.dry_run,
        allow_gone: body.allow_gone,
        cancel: body.cancel,
        actor,
    };
    let reply: Reconciliation = context.ask(WRITER, verb::RECONCILE, &request).await?;
    tracing::info!(
        who = request.actor.who,
        target_name = request.target,
        dry_run = request.dry_run,
        cancel = request.cancel,
        "comparison begun or ended"
    );
    Ok(Json(reply))
}

/// How far the last comparison of a target is, and what it found.
#[utoipa::path(
    get,
    path = "/v1/targets/{target}/reconcile",
    params(("target" = String, Path, description = "name of the target")),
    responses(
        (status = 200, body = serde_json::Value, description = "`state` (`running`, `finished`, `failed`, `cancelled`), `dryRun`, `who`, `started`, `ended`, `total`, `counts`, `attributes` (how often each differs), `found` (the first differences), `error`"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "there is no such target"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the writer refused: it was never compared"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn show(
    State(context): State<Shared>,
    Path(target): Path<String>,
) -> Result<Json<Reconciliation>, Problem> {
    Ok(Json(context.ask(WRITER, verb::RECONCILIATION, &ReconciliationRequest { target }).await?))
}
