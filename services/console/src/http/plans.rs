//! Plans: the effect of a policy on all people and groups.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use edge::{FieldErrors, PROBLEM_JSON, Problem, TextPlace, TextSpan};
use lifecycle::{Actor, PlanId, PlanRequest, PlanStatus, verbs};

use super::ConsoleStateInner;
use super::auth::OperatorName;
use super::problem::{invalid_request, no_such_plan};
use crate::api::StartPlan;

/// Maximum size of a policy, in bytes.
const POLICY_BYTES_MAX: usize = 256 * 1024;
/// Maximum length of the name of a file or person, in characters.
const NAME_CHARS_MAX: usize = 1_000;
/// Default number of changes that a plan lists.
const CHANGES_DEFAULT: u32 = 100;
/// Maximum number of changes that a plan lists.
const CHANGES_MAX: u32 = 10_000;

/// Starts a plan: a preview of a policy
#[utoipa::path(
    post,
    path = "/v1/plans",
    request_body = StartPlan,
    responses(
        (status = 202, body = PlanStatus, description = "the plan is being computed: `id` names it, `state` is `running`, `done` of `total` people and groups are evaluated"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: too many plans are running, or no person or group matches `person`"),
        (status = 413, body = Problem, content_type = PROBLEM_JSON, description = "the policy is longer than 256 KiB"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`policy` is missing or wrong (`errors[].place` is the place, with a `hint`), or another field of the body is"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn start_plan(
    State(context): State<ConsoleStateInner>,
    Extension(OperatorName(who)): Extension<OperatorName>,
    edge::JsonBody(body): edge::JsonBody<StartPlan>,
) -> Result<(StatusCode, Json<PlanStatus>), Problem> {
    let changes_max = body.changes_max.unwrap_or(CHANGES_DEFAULT);
    check_plan(&body, changes_max)?;
    check_policy(&body)?;
    let request = PlanRequest {
        policy: body.policy,
        file: body.file.unwrap_or_else(|| "policy.yaml".to_owned()),
        person: body.person,
        changes_max,
        actor: Actor { who, why: "plan".to_owned() },
    };
    let plan: PlanStatus = context.ask::<verbs::PlanVerb>(&request).await?;
    tracing::info!(who = request.actor.who, plan = %plan.id, target_name = plan.target, "plan started");
    Ok((StatusCode::ACCEPTED, Json(plan)))
}

/// Checks the policy here too, to report the place of an error: the mapper can report it only as text.
fn check_policy(body: &StartPlan) -> Result<(), Problem> {
    let file = body.file.as_deref().unwrap_or("policy.yaml");
    let Err(error) = policy::Policy::parse(&body.policy, file) else { return Ok(()) };
    let mut wrong = FieldErrors::default();
    for error in error.all() {
        let place = TextPlace {
            line: error.line,
            column: error.column,
            span: error.span().map(|span| TextSpan { start: span.start, end: span.end }),
            hint: Some(error.fix.clone()),
            snippet: error.snippet().map(str::to_owned),
        };
        wrong.add_at("/policy", error.what.clone(), place);
    }
    Err(invalid_request(wrong))
}

fn check_plan(body: &StartPlan, changes_max: u32) -> Result<(), Problem> {
    if body.policy.len() > POLICY_BYTES_MAX {
        let detail = format!("a policy may have at most {POLICY_BYTES_MAX} bytes");
        return Err(Problem::too_large(detail).with_error("/policy", "is too long"));
    }
    let mut wrong = FieldErrors::default();
    if body.policy.trim().is_empty() {
        wrong.add("/policy", "is required: the policy, as YAML");
    }
    for (pointer, name) in [("/file", &body.file), ("/person", &body.person)] {
        let Some(name) = name else { continue };
        if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX {
            wrong.add(pointer, format!("must have 1 to {NAME_CHARS_MAX} characters"));
        }
    }
    if changes_max > CHANGES_MAX {
        wrong.add("/changesMax", format!("must be 0 to {CHANGES_MAX}"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(invalid_request(wrong)) }
}

/// Returns the state of a plan, and its result once it is finished
#[utoipa::path(
    get,
    path = "/v1/plans/{id}",
    params(("id" = String, Path, description = "pln_...")),
    responses(
        (status = 200, body = PlanStatus, description = "the progress of the plan, and the plan once it is finished"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "the id is not that of a plan"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper no longer knows the plan"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn show_plan(
    State(context): State<ConsoleStateInner>,
    Path(id): Path<String>,
) -> Result<Json<PlanStatus>, Problem> {
    let id: PlanId = id.parse().map_err(|_| no_such_plan(&id))?;
    Ok(Json(context.ask::<verbs::PlanStatusVerb>(&id).await?))
}
