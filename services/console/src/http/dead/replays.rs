//! Replays of many dead letters, as background operations of the writer.

use axum::Json;
use axum::extract::{Path, State};
use edge::{FieldErrors, PROBLEM_JSON, Problem};
use lifecycle::{
    Actor, CancelReplayRequest, ReplayId, ReplayRun, ReplayRuns, ReplayRunsRequest, StartReplayRequest, verbs,
};

use super::super::ConsoleStateInner;
use super::super::audit::AuditedOperator;
use super::super::problem::{invalid_request, no_such_replay};
use super::super::query::{CheckedQuery, PageQuery};
use super::super::reason::{check_actor, check_reason};
use super::letter_ids;
use crate::api::{PauseRequestBody, StartReplay};

/// Maximum number of dead letters replayed per second.
const PER_SECOND_MAX: u32 = 1_000;

/// Starts a replay of dead letters
///
/// The writer replays them one after the other in the background. The replay continues after a restart.
#[utoipa::path(
    post,
    path = "/v1/dead/replays",
    request_body = StartReplay,
    responses(
        (status = 200, body = ReplayRun, description = "the progress of the replay"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "too many replays are running"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` or the dead letters to replay are missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(crate) async fn start_replay(
    State(context): State<ConsoleStateInner>,
    AuditedOperator { who, ready }: AuditedOperator,
    edge::JsonBody(body): edge::JsonBody<StartReplay>,
) -> Result<Json<ReplayRun>, Problem> {
    let mut wrong = FieldErrors::default();
    let actor = Actor { who, why: check_reason(&body.why, &mut wrong) };
    let ids = body.ids.as_ref().map(|ids| letter_ids(ids, &mut wrong));
    let chosen = [body.ids.is_some(), body.target.is_some(), body.group.is_some()];
    if chosen.into_iter().filter(|chosen| *chosen).count() != 1 {
        wrong.add("/ids", "give one of `ids`, `target` and `group`");
    }
    if body.per_second.is_some_and(|number| !(1..=PER_SECOND_MAX).contains(&number)) {
        wrong.add("/perSecond", format!("must be 1 to {PER_SECOND_MAX}"));
    }
    if !wrong.is_empty() {
        return Err(invalid_request(wrong));
    }
    let StartReplay { target, group, per_second, .. } = body;
    let request = StartReplayRequest { ids, target, group, per_second, actor };
    let run: ReplayRun = context.act::<verbs::StartReplayVerb>(ready, &request).await?;
    tracing::info!(who = request.actor.who, replay = %run.id, letters = run.total, "dead letters are tried again");
    Ok(Json(run))
}

/// Lists the running replays and the last finished ones, newest first
#[utoipa::path(
    get,
    path = "/v1/dead/replays",
    params(PageQuery),
    responses(
        (status = 200, body = ReplayRuns, description = "a page of replays"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the writer refused: the cursor is wrong"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "a query parameter is wrong"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(crate) async fn list_replays(
    State(context): State<ConsoleStateInner>,
    CheckedQuery(page): CheckedQuery<PageQuery>,
) -> Result<Json<ReplayRuns>, Problem> {
    let limit = Some(page.limit()?);
    let request = ReplayRunsRequest { id: None, limit, cursor: page.into_cursor() };
    context.ask::<verbs::ReplayRunsVerb>(&request).await.map(Json)
}

/// Returns the progress of a replay
#[utoipa::path(
    get,
    path = "/v1/dead/replays/{id}",
    params(("id" = String, Path, description = "rpl_...")),
    responses(
        (status = 200, body = ReplayRun, description = "the progress of the replay"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "no such replay"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(crate) async fn show_replay(
    State(context): State<ConsoleStateInner>,
    Path(id): Path<String>,
) -> Result<Json<ReplayRun>, Problem> {
    let request = ReplayRunsRequest { id: Some(parse_replay_id(&id)?), ..ReplayRunsRequest::default() };
    let runs: ReplayRuns = context.ask::<verbs::ReplayRunsVerb>(&request).await?;
    runs.items.into_iter().next().map(Json).ok_or_else(|| no_such_replay(&id))
}

/// Cancels a replay
///
/// Dead letters that were not replayed yet stay as they are.
#[utoipa::path(
    post,
    path = "/v1/dead/replays/{id}/cancel",
    params(("id" = String, Path, description = "rpl_...")),
    request_body = PauseRequestBody,
    responses(
        (status = 200, body = ReplayRun, description = "the progress of the replay"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "no such replay"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the replay has ended"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(crate) async fn cancel_replay(
    State(context): State<ConsoleStateInner>,
    AuditedOperator { who, ready }: AuditedOperator,
    Path(id): Path<String>,
    edge::JsonBody(body): edge::JsonBody<PauseRequestBody>,
) -> Result<Json<ReplayRun>, Problem> {
    let id = parse_replay_id(&id)?;
    let actor = check_actor(who, &body.why)?;
    let request = CancelReplayRequest { id, actor };
    let run = context.act::<verbs::CancelReplayVerb>(ready, &request).await?;
    tracing::info!(who = request.actor.who, replay = %request.id, "a replay was cancelled");
    Ok(Json(run))
}

fn parse_replay_id(id: &str) -> Result<ReplayId, Problem> {
    id.parse().map_err(|_| no_such_replay(id))
}
