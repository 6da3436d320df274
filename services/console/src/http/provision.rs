//! Provisioning one person or group on demand: import, scope, match, action.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use edge::{FieldErrors, PROBLEM_JSON, Problem};
use lifecycle::{
    Actor, ExplainRequest, Explained, LookReply, LookRequest, ProvisionReply, ProvisionRequest, ResourceKind,
    RowReply, RowRequest, verb,
};

use super::auth::OperatorName;
use super::problem::{invalid, invalid_one, no_answer};
use super::reason::reason;
use super::{Context, Shared};
use crate::api::{Provision, Provisioning, Queued, ServiceProblem};
use crate::{LOOK_TIMEOUT, MAPPER, WRITER};

/// What is kept in the timeline when no reason was given.
const WHY_DEFAULT: &str = "provisioned on demand";

/// Says what the policy makes of a person or group and what the writer would send, and has it done unless it is a dry
/// run. When the target cannot be looked at, nothing is done.
#[utoipa::path(
    post,
    path = "/v1/provision",
    request_body = Provision,
    responses(
        (status = 200, body = Provisioning),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: it knows nobody of that key or login name, or the target has no policy"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`person` or `target` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn provision(
    State(context): State<Shared>,
    Extension(OperatorName(who)): Extension<OperatorName>,
    edge::Json(body): edge::Json<Provision>,
) -> Result<Json<Provisioning>, Problem> {
    let actor = check(&body, who)?;
    if !body.dry_run {
        super::audit::check(&context.bus).await?;
    }
    let question = ExplainRequest { subject: body.person, target: body.target };
    let explained: Explained = context.ask(MAPPER, verb::EXPLAIN, &question).await?;
    let (look, look_problem) = match look(&context, &explained).await {
        Ok(look) => (look, None),
        Err(problem) => (None, Some(ServiceProblem::new(WRITER, &problem))),
    };
    let queued = if body.dry_run || look_problem.is_some() {
        None
    } else {
        Some(set_in_motion(&context, &explained, actor).await?)
    };
    Ok(Json(Provisioning { explained, look, look_problem, queued }))
}

fn check(body: &Provision, who: String) -> Result<Actor, Problem> {
    let mut wrong = FieldErrors::default();
    let why = reason(body.why.as_deref().unwrap_or(WHY_DEFAULT), &mut wrong);
    for (pointer, name) in [("/person", &body.person), ("/target", &body.target)] {
        if name.trim().is_empty() {
            wrong.add(pointer, "is required");
        }
    }
    if wrong.is_empty() { Ok(Actor { who, why }) } else { Err(invalid(wrong)) }
}

/// What is at the target, and what would be sent there; nothing when there is nothing to be said.
async fn look(context: &Context, explained: &Explained) -> Result<Option<LookReply>, Problem> {
    let Some(desired) = explained.desired.clone() else { return Ok(None) };
    let (target, subject) = (explained.target.clone(), explained.subject.clone());
    let question = LookRequest { target, subject, desired };
    let looked = context.bus.request(WRITER, verb::LOOK, &question, LOOK_TIMEOUT).await;
    looked.map(Some).map_err(no_answer)
}

async fn set_in_motion(context: &Context, explained: &Explained, actor: Actor) -> Result<Queued, Problem> {
    let request = ProvisionRequest {
        target: explained.target.clone(),
        kind: explained.kind,
        subject: explained.subject.clone(),
        actor,
    };
    let mapper: ProvisionReply = context.ask(MAPPER, verb::PROVISION, &request).await?;
    let writer = match mapper.revision {
        0 => None,
        _ => Some(context.ask(WRITER, verb::PROVISION, &request).await?),
    };
    let (who, kind) = (&request.actor.who, request.kind.as_str());
    tracing::info!(who, target_name = request.target, kind, "provisioned on demand");
    Ok(Queued { mapper, writer })
}

/// How far the writer is with one account or group.
#[utoipa::path(
    get,
    path = "/v1/targets/{target}/{kind}/{subject}",
    params(
        ("target" = String, Path, description = "name of the target"),
        ("kind" = String, Path, description = "`user` or `group`"),
        ("subject" = String, Path, description = "key of the person or group"),
    ),
    responses(
        (status = 200, body = serde_json::Value, description = "`status` (`in_sync`, `pending`, `retrying`, `conflict`, `dead`; null when the writer has never heard of it), `revision` and `appliedRevision`, `remoteId`, `error`, `membershipsPending`"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "there is no such target"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "the kind is neither `user` nor `group`"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn row(
    State(context): State<Shared>,
    Path((target, kind, subject)): Path<(String, String, String)>,
) -> Result<Json<RowReply>, Problem> {
    let kind = match kind.as_str() {
        "user" => ResourceKind::User,
        "group" => ResourceKind::Group,
        _ => return Err(invalid_one("path:kind", "must be user or group")),
    };
    Ok(Json(context.ask(WRITER, verb::ROW, &RowRequest { target, kind, subject }).await?))
}
