//! Verification: compares the mapper's decisions with the writer's state.

use axum::Json;
use axum::extract::State;
use edge::{PROBLEM_JSON, Problem};
use lifecycle::{VerifyReply, VerifyRequest, verbs};

use super::ConsoleStateInner;
use super::audit::AuditedOperator;
use super::reason::check_actor;
use crate::api::VerifyRequestBody;

/// Starts a verification of one or all targets after any running verification
#[utoipa::path(
    post,
    path = "/v1/verify",
    request_body = VerifyRequestBody,
    responses(
        (status = 200, body = VerifyReply, description = "the verifications"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "there is no policy for the target"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn start_verification(
    State(context): State<ConsoleStateInner>,
    AuditedOperator { who, ready }: AuditedOperator,
    edge::JsonBody(body): edge::JsonBody<VerifyRequestBody>,
) -> Result<Json<VerifyReply>, Problem> {
    let actor = check_actor(who, &body.why)?;
    let request = VerifyRequest { target: body.target, orders_complete: body.orders_complete, actor };
    let reply: VerifyReply = context.act::<verbs::VerifyVerb>(ready, &request).await?;
    tracing::info!(who = request.actor.who, target_name = request.target, "verification asked for");
    Ok(Json(reply))
}

/// Lists the last verification of each target
#[utoipa::path(
    get,
    path = "/v1/verify",
    responses(
        (status = 200, body = VerifyReply, description = "the verifications"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn show_verifications(
    State(context): State<ConsoleStateInner>,
) -> Result<Json<VerifyReply>, Problem> {
    Ok(Json(context.ask::<verbs::VerificationsVerb>(&()).await?))
}
