//! Changes that the writer holds for approval, and paused targets.

use axum::Json;
use axum::extract::{Path, State};
use edge::{FieldErrors, PROBLEM_JSON, Problem};
use lifecycle::{
    Actor, DecideHeldReply, DecideHeldRequest, HeldReply, HeldRequest, PauseReply, PauseRequest, ReplayReply,
    ResolveConflictRequest, ResourceKind, TestReply, TestRequest, verbs,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::audit::AuditedOperator;
use super::problem::invalid_request;
use super::query::{CheckedQuery, PageQuery};
use super::reason::{check_actor, check_reason};
use super::{ConsoleState, ConsoleStateInner};
use crate::LOOK_TIMEOUT;
use crate::api::{DecideHeld, PauseRequestBody, ResolveConflict};

/// Maximum number of holds in one request.
const HOLDS_MAX: usize = 10_000;

/// The answer to a request that does not say what was shown.
const LIST_FIRST: &str = "list first: a decision covers the holds that were shown, as `holds` with `subject` and `hold` of `GET /v1/held`";

/// Filter of the list of held changes.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HeldQuery {
    /// Limits the list to this target.
    target: Option<String>,
}

/// Lists the changes that are held for approval, oldest first; memberships come last
#[utoipa::path(
    get,
    path = "/v1/held",
    params(HeldQuery, PageQuery),
    responses(
        (status = 200, body = HeldReply, description = "a page of held changes"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the writer refused: the cursor is wrong"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "a query parameter is wrong"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn list_held(
    State(context): State<ConsoleStateInner>,
    CheckedQuery(query): CheckedQuery<HeldQuery>,
    CheckedQuery(page): CheckedQuery<PageQuery>,
) -> Result<Json<HeldReply>, Problem> {
    let request = HeldRequest { target: query.target, limit: page.limit()?, cursor: page.into_cursor() };
    Ok(Json(context.ask::<verbs::HeldVerb>(&request).await?))
}

/// Approves held changes: the writer carries them out
#[utoipa::path(
    post,
    path = "/v1/held/approve",
    request_body = DecideHeld,
    responses(
        (status = 200, body = DecideHeldReply, description = "the number of decided changes"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "there is no such target"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "a hold has changed since it was listed (`changed_since_shown`), or more would be deleted than `deletions`"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` or the holds to approve are missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn approve_held(
    State(context): State<ConsoleStateInner>,
    operator: AuditedOperator,
    edge::JsonBody(body): edge::JsonBody<DecideHeld>,
) -> Result<Json<DecideHeldReply>, Problem> {
    decide_held(&context, operator, body, true).await
}

/// Rejects held changes
///
/// The target stays as it is until a new change is decided.
#[utoipa::path(
    post,
    path = "/v1/held/reject",
    request_body = DecideHeld,
    responses(
        (status = 200, body = DecideHeldReply, description = "the number of decided changes"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "there is no such target"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "a hold has changed since it was listed (`changed_since_shown`)"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` or the holds to reject are missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn reject_held(
    State(context): State<ConsoleStateInner>,
    operator: AuditedOperator,
    edge::JsonBody(body): edge::JsonBody<DecideHeld>,
) -> Result<Json<DecideHeldReply>, Problem> {
    decide_held(&context, operator, body, false).await
}

async fn decide_held(
    context: &ConsoleState,
    operator: AuditedOperator,
    body: DecideHeld,
    approve: bool,
) -> Result<Json<DecideHeldReply>, Problem> {
    let AuditedOperator { who, ready } = operator;
    let mut wrong = FieldErrors::default();
    let actor = Actor { who, why: check_reason(&body.why, &mut wrong) };
    if body.target.trim().is_empty() {
        wrong.add("/target", "is required");
    }
    check_holds(&body, &mut wrong);
    if !wrong.is_empty() {
        return Err(invalid_request(wrong));
    }
    let DecideHeld { target, holds, leave_changed, deletions, .. } = body;
    let request = DecideHeldRequest { target, holds, leave_changed, deletions, approve, actor };
    let reply: DecideHeldReply = context.act::<verbs::DecideHeldVerb>(ready, &request).await?;
    tracing::info!(
        who = request.actor.who,
        target_name = request.target,
        approve,
        decided = reply.decided,
        "held resources decided"
    );
    Ok(Json(reply))
}

/// Checks that the request names the holds that were shown.
fn check_holds(body: &DecideHeld, wrong: &mut FieldErrors) {
    let gone = [("/subjects", body.subjects.is_some()), ("/all", body.all), ("/by", body.by.is_some())];
    for (pointer, _) in gone.into_iter().filter(|(_, is_given)| *is_given) {
        wrong.add(pointer, LIST_FIRST);
    }
    if body.holds.is_empty() && wrong.is_empty() {
        wrong.add("/holds", LIST_FIRST);
    }
    if body.holds.len() > HOLDS_MAX {
        wrong.add("/holds", format!("must name 1 to {HOLDS_MAX} holds"));
    }
}

/// Resolves an account conflict
///
/// Links a person or group to a resource at the target that the writer could not adopt by itself.
#[utoipa::path(
    post,
    path = "/v1/conflicts/resolve",
    request_body = ResolveConflict,
    responses(
        (status = 200, body = ReplayReply, description = "the dead letter that this request closed"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the writer refused: there is no such conflict, it has changed since it was listed (`changed_since_shown`), or the resource is linked to another person or group"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` or another field is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn resolve_conflict(
    State(context): State<ConsoleStateInner>,
    AuditedOperator { who, ready }: AuditedOperator,
    edge::JsonBody(body): edge::JsonBody<ResolveConflict>,
) -> Result<Json<ReplayReply>, Problem> {
    let mut wrong = FieldErrors::default();
    let actor = Actor { who, why: check_reason(&body.why, &mut wrong) };
    for (pointer, value) in
        [("/target", &body.target), ("/subject", &body.subject), ("/remoteId", &body.remote_id)]
    {
        if value.trim().is_empty() {
            wrong.add(pointer, "is required");
        }
    }
    if body.revision.is_none() {
        wrong.add(
            "/revision",
            "list first: give the `revision` of the conflict's dead letter, as `GET /v1/dead` showed it",
        );
    }
    if !wrong.is_empty() {
        return Err(invalid_request(wrong));
    }
    let kind = if body.group { ResourceKind::Group } else { ResourceKind::User };
    let ResolveConflict { target, subject, remote_id, revision, .. } = body;
    let request = ResolveConflictRequest { target, kind, subject, remote_id, revision, actor };
    let reply = context.act_within::<verbs::ResolveConflictVerb>(ready, &request, LOOK_TIMEOUT).await?;
    tracing::info!(who = request.actor.who, target_name = request.target, "conflict resolved");
    Ok(Json(reply))
}

/// Tests the connection and credential of a target
///
/// Sends one lookup of an account that does not exist; nothing is changed.
#[utoipa::path(
    post,
    path = "/v1/targets/{target}/test",
    params(("target" = String, Path, description = "name of the target")),
    responses(
        (status = 200, body = TestReply, description = "the requests that were sent, and the result"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "there is no such target"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the writer refused: the target cannot be reached now"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn test_target(
    State(context): State<ConsoleStateInner>,
    Path(target): Path<String>,
) -> Result<Json<TestReply>, Problem> {
    let asked = context.ask_within::<verbs::TestTargetVerb>(&TestRequest { target }, LOOK_TIMEOUT).await;
    asked.map(Json)
}

/// Pauses a target: nothing is sent to it until it is resumed
#[utoipa::path(
    post,
    path = "/v1/targets/{target}/pause",
    params(("target" = String, Path, description = "name of the target")),
    request_body = PauseRequestBody,
    responses(
        (status = 200, body = PauseReply, description = "the state before the request"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "there is no such target"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn pause_target(
    State(context): State<ConsoleStateInner>,
    operator: AuditedOperator,
    Path(target): Path<String>,
    edge::JsonBody(body): edge::JsonBody<PauseRequestBody>,
) -> Result<Json<PauseReply>, Problem> {
    set_paused(&context, target, operator, &body, true).await
}

/// Resumes a paused target
#[utoipa::path(
    post,
    path = "/v1/targets/{target}/resume",
    params(("target" = String, Path, description = "name of the target")),
    request_body = PauseRequestBody,
    responses(
        (status = 200, body = PauseReply, description = "the state before the request"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "there is no such target"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn resume_target(
    State(context): State<ConsoleStateInner>,
    operator: AuditedOperator,
    Path(target): Path<String>,
    edge::JsonBody(body): edge::JsonBody<PauseRequestBody>,
) -> Result<Json<PauseReply>, Problem> {
    set_paused(&context, target, operator, &body, false).await
}

async fn set_paused(
    context: &ConsoleState,
    target: String,
    operator: AuditedOperator,
    body: &PauseRequestBody,
    paused: bool,
) -> Result<Json<PauseReply>, Problem> {
    let AuditedOperator { who, ready } = operator;
    let actor = check_actor(who, &body.why)?;
    let request = PauseRequest { target, paused, actor };
    let reply: PauseReply = context.act::<verbs::PauseVerb>(ready, &request).await?;
    tracing::info!(who = request.actor.who, target_name = request.target, paused, "target paused or resumed");
    Ok(Json(reply))
}
