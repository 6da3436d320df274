//! Policies in force, their versions, and applying a policy.

use axum::Json;
use axum::extract::{Path, State};
use edge::{FieldErrors, PROBLEM_JSON, Problem};
use lifecycle::{
    Actor, ApplyReply, ApplyRequest, MapperStatus, PlanId, PolicyRequest, PolicyText, PolicyVersions, verbs,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::ConsoleStateInner;
use super::audit::AuditedOperator;
use super::problem::{invalid_one, invalid_request};
use super::query::CheckedQuery;
use super::reason::check_reason;
use crate::api::ApplyRequestBody;

/// Lists the policies in force, the progress of evaluation, and the policy files that are not in force
#[utoipa::path(
    get,
    path = "/v1/policies",
    responses(
        (status = 200, body = MapperStatus, description = "the policies in force and the status of the mapper"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn list_policies(
    State(context): State<ConsoleStateInner>,
) -> Result<Json<MapperStatus>, Problem> {
    Ok(Json(context.ask::<verbs::MapperStatusVerb>(&()).await?))
}

/// The version of a policy.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct VersionQuery {
    /// Number of the version, from 1; the version in force by default.
    version: Option<i64>,
}

/// Returns a policy, byte for byte as it was applied
#[utoipa::path(
    get,
    path = "/v1/policies/{target}",
    params(("target" = String, Path, description = "name of the target"), VersionQuery),
    responses(
        (status = 200, body = PolicyText, description = "the policy"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: there is no such policy or version"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "a query parameter is wrong"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn show_policy(
    State(context): State<ConsoleStateInner>,
    Path(target): Path<String>,
    CheckedQuery(VersionQuery { version }): CheckedQuery<VersionQuery>,
) -> Result<Json<PolicyText>, Problem> {
    if version.is_some_and(|version| version < 1) {
        return Err(invalid_one("query:version", "versions count from 1"));
    }
    Ok(Json(context.ask::<verbs::PolicyVerb>(&PolicyRequest { target, version }).await?))
}

/// Lists the versions of a policy, newest first, at most 100
#[utoipa::path(
    get,
    path = "/v1/policies/{target}/versions",
    params(("target" = String, Path, description = "name of the target")),
    responses(
        (status = 200, body = PolicyVersions, description = "the versions, newest first"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: there is no such policy"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn list_policy_versions(
    State(context): State<ConsoleStateInner>,
    Path(target): Path<String>,
) -> Result<Json<PolicyVersions>, Problem> {
    let request = PolicyRequest { target, version: None };
    Ok(Json(context.ask::<verbs::PolicyVersionsVerb>(&request).await?))
}

/// Applies the policy of a plan
///
/// All people and groups are evaluated again in the background.
#[utoipa::path(
    post,
    path = "/v1/policies/apply",
    request_body = ApplyRequestBody,
    responses(
        (status = 200, body = ApplyReply, description = "the version in force now"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: the plan is not finished, does not include all people, is out of date, or removes more access than the policy's guard and `allowDeletes` allow"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`plan` or `why` is missing or wrong"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn apply_policy(
    State(context): State<ConsoleStateInner>,
    AuditedOperator { who, ready }: AuditedOperator,
    edge::JsonBody(body): edge::JsonBody<ApplyRequestBody>,
) -> Result<Json<ApplyReply>, Problem> {
    let mut wrong = FieldErrors::default();
    let actor = Actor { who, why: check_reason(&body.why, &mut wrong) };
    let plan = body.plan.parse::<PlanId>().map_err(|_| wrong.add("/plan", "is no id of a plan (pln_...)"));
    let Ok(plan) = plan else { return Err(invalid_request(wrong)) };
    if !wrong.is_empty() {
        return Err(invalid_request(wrong));
    }
    let request =
        ApplyRequest { plan, allow_deletes: body.allow_deletes, allow_grants: body.allow_grants, actor };
    let reply: ApplyReply = context.act::<verbs::ApplyVerb>(ready, &request).await?;
    let (who, version) = (&request.actor.who, reply.version);
    tracing::info!(who, plan = %request.plan, target_name = reply.target, version, "policy applied");
    Ok(Json(reply))
}
