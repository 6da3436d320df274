//! Reconciliation of targets with their desired state.

use axum::Json;
use axum::extract::{Path, State};
use edge::{PROBLEM_JSON, Problem};
use lifecycle::{ReconcileRequest, Reconciliation, ReconciliationRequest, verbs};

use super::ConsoleStateInner;
use super::audit::AuditedOperator;
use super::problem::invalid_one;
use super::reason::check_actor;
use crate::api::ReconcileRequestBody;

/// Starts or cancels the reconciliation of a target
///
/// Joins the running reconciliation, if there is one.
#[utoipa::path(
    post,
    path = "/v1/targets/{target}/reconcile",
    params(("target" = String, Path, description = "name of the target")),
    request_body = ReconcileRequestBody,
    responses(
        (status = 200, body = Reconciliation, description = "the progress of the reconciliation, or its result"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "there is no such target"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the writer refused: nothing to cancel"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn start_reconciliation(
    State(context): State<ConsoleStateInner>,
    AuditedOperator { who, ready }: AuditedOperator,
    Path(target): Path<String>,
    edge::JsonBody(body): edge::JsonBody<ReconcileRequestBody>,
) -> Result<Json<Reconciliation>, Problem> {
    let actor = check_actor(who, &body.why)?;
    if body.allow_gone {
        return Err(invalid_one(
            "/allowGone",
            "say how many may be gone, as `goneMax`: the failed reconciliation reports it",
        ));
    }
    let request = ReconcileRequest {
        target,
        dry_run: body.dry_run,
        gone_max: body.gone_max,
        cancel: body.cancel,
        actor,
    };
    let reply: Reconciliation = context.act::<verbs::ReconcileVerb>(ready, &request).await?;
    tracing::info!(
        who = request.actor.who,
        target_name = request.target,
        dry_run = request.dry_run,
        cancel = request.cancel,
        "comparison begun or ended"
    );
    Ok(Json(reply))
}

/// Returns the progress and findings of a target's last reconciliation
#[utoipa::path(
    get,
    path = "/v1/targets/{target}/reconcile",
    params(("target" = String, Path, description = "name of the target")),
    responses(
        (status = 200, body = Reconciliation, description = "the progress of the reconciliation, or its result"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "there is no such target"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the writer refused: the target was never reconciled"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn show_reconciliation(
    State(context): State<ConsoleStateInner>,
    Path(target): Path<String>,
) -> Result<Json<Reconciliation>, Problem> {
    Ok(Json(context.ask::<verbs::ReconciliationVerb>(&ReconciliationRequest { target }).await?))
}
