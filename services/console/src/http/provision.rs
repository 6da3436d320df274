//! Provisioning of one person or group on demand: import, scope, match, action.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use edge::{FieldErrors, PROBLEM_JSON, Problem};
use lifecycle::{
    Actor, ExplainRequest, ExplainedPerson, PreviewReply, PreviewRequest, ProvisionReply, ProvisionRequest,
    ResourceKind, RowReply, RowRequest, verbs,
};

use super::audit::{AuditReady, check_audit};
use super::auth::OperatorName;
use super::problem::{invalid_one, invalid_request};
use super::reason::check_reason;
use super::{ConsoleState, ConsoleStateInner};
use crate::api::{ProvisionAnswer, ProvisionRequestBody, QueuedProvision, ServiceProblem};
use crate::{LOOK_TIMEOUT, WRITER};

/// Reason in the timeline if the request has none.
const WHY_DEFAULT: &str = "provisioned on demand";

/// Provisions one person or group on demand
///
/// Returns the result of the policy and the request that the writer would send. Unless it is a dry run, the change is queued.
/// If the target cannot be read, nothing is queued.
#[utoipa::path(
    post,
    path = "/v1/provision",
    request_body = ProvisionRequestBody,
    responses(
        (status = 200, body = ProvisionAnswer, description = "each step with its result"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: no person or group has that key or login name, or the target has no policy"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`person` or `target` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn provision_person(
    State(context): State<ConsoleStateInner>,
    Extension(OperatorName(who)): Extension<OperatorName>,
    edge::JsonBody(body): edge::JsonBody<ProvisionRequestBody>,
) -> Result<Json<ProvisionAnswer>, Problem> {
    let actor = check_request(&body, who)?;
    let ready = match body.dry_run {
        true => None,
        false => Some(check_audit(&context.bus).await?),
    };
    let question = ExplainRequest { subject: body.person, target: body.target };
    let explained: ExplainedPerson = context.ask::<verbs::ExplainVerb>(&question).await?;
    let (look, look_problem) = match look_at_target(&context, &explained).await {
        Ok(look) => (look, None),
        Err(problem) => (None, Some(ServiceProblem::new(WRITER, &problem))),
    };
    let queued = match ready {
        Some(ready) if look_problem.is_none() => {
            Some(set_in_motion(&context, &explained, actor, ready).await?)
        }
        _ => None,
    };
    Ok(Json(ProvisionAnswer { explained, look, look_problem, queued }))
}

fn check_request(body: &ProvisionRequestBody, who: String) -> Result<Actor, Problem> {
    let mut wrong = FieldErrors::default();
    let why = check_reason(body.why.as_deref().unwrap_or(WHY_DEFAULT), &mut wrong);
    for (pointer, name) in [("/person", &body.person), ("/target", &body.target)] {
        if name.trim().is_empty() {
            wrong.add(pointer, "is required");
        }
    }
    if wrong.is_empty() { Ok(Actor { who, why }) } else { Err(invalid_request(wrong)) }
}

/// Reads the resource at the target and returns the request to send; `None` if there is no desired state.
async fn look_at_target(
    context: &ConsoleState,
    explained: &ExplainedPerson,
) -> Result<Option<PreviewReply>, Problem> {
    let Some(desired) = explained.desired.clone() else { return Ok(None) };
    let (target, subject) = (explained.target.clone(), explained.subject.clone());
    let question = PreviewRequest { target, subject, desired };
    context.ask_within::<verbs::PreviewVerb>(&question, LOOK_TIMEOUT).await.map(Some)
}

async fn set_in_motion(
    context: &ConsoleState,
    explained: &ExplainedPerson,
    actor: Actor,
    ready: AuditReady,
) -> Result<QueuedProvision, Problem> {
    let request = ProvisionRequest {
        target: explained.target.clone(),
        kind: explained.kind,
        subject: explained.subject.clone(),
        actor,
    };
    let mapper: ProvisionReply = context.act::<verbs::MapperProvisionVerb>(ready, &request).await?;
    let writer = match mapper.revision {
        0 => None,
        _ => Some(context.act::<verbs::WriterProvisionVerb>(ready, &request).await?),
    };
    let (who, kind) = (&request.actor.who, request.kind.as_str());
    tracing::info!(who, target_name = request.target, kind, "provisioned on demand");
    Ok(QueuedProvision { mapper, writer })
}

/// Returns the writer's progress with one account or group
#[utoipa::path(
    get,
    path = "/v1/targets/{target}/{kind}/{subject}",
    params(
        ("target" = String, Path, description = "name of the target"),
        ("kind" = String, Path, description = "`user` or `group`"),
        ("subject" = String, Path, description = "key of the person or group"),
    ),
    responses(
        (status = 200, body = RowReply, description = "the state of the account, group or membership"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "there is no such target"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "the kind is neither `user` nor `group`"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn show_row(
    State(context): State<ConsoleStateInner>,
    Path((target, kind, subject)): Path<(String, String, String)>,
) -> Result<Json<RowReply>, Problem> {
    let kind = match kind.as_str() {
        "user" => ResourceKind::User,
        "group" => ResourceKind::Group,
        _ => return Err(invalid_one("path:kind", "must be user or group")),
    };
    Ok(Json(context.ask::<verbs::RowVerb>(&RowRequest { target, kind, subject }).await?))
}
