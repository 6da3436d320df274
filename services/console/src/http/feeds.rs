//! Runs of full feeds at the mapper.

use axum::Json;
use axum::extract::{Path, State};
use edge::{PROBLEM_JSON, Problem};
use lifecycle::{DecideFeedRequest, FeedRunId, FeedRunStatus, FeedsReply, FeedsRequest, verbs};
use serde::Deserialize;
use utoipa::IntoParams;

use super::audit::AuditedOperator;
use super::problem::invalid_one;
use super::query::{CheckedQuery, PageQuery};
use super::reason::check_actor;
use super::{ConsoleState, ConsoleStateInner};
use crate::api::{AcceptFeedRun, PauseRequestBody};

/// Filter of the list of runs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FeedsQuery {
    /// Limits the list to this feed.
    feed: Option<String>,
}

/// Lists full-feed runs, newest first
#[utoipa::path(
    get,
    path = "/v1/feeds",
    params(FeedsQuery, PageQuery),
    responses(
        (status = 200, body = FeedsReply, description = "a page of runs"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: the cursor is wrong"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "a query parameter is wrong"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn list_feed_runs(
    State(context): State<ConsoleStateInner>,
    CheckedQuery(query): CheckedQuery<FeedsQuery>,
    CheckedQuery(page): CheckedQuery<PageQuery>,
) -> Result<Json<FeedsReply>, Problem> {
    let limit = page.limit()?;
    let request = FeedsRequest { feed: query.feed, run: None, limit, cursor: page.into_cursor() };
    Ok(Json(context.ask::<verbs::FeedsVerb>(&request).await?))
}

/// Returns a full-feed run with a sample of the keys missing from it
#[utoipa::path(
    get,
    path = "/v1/feeds/{run}",
    params(("run" = String, Path, description = "the run's id")),
    responses(
        (status = 200, body = FeedRunStatus, description = "the run"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: there is no such run"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "not the id of a run"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn show_feed_run(
    State(context): State<ConsoleStateInner>,
    Path(run): Path<String>,
) -> Result<Json<FeedRunStatus>, Problem> {
    let run = Some(run_id(&run)?);
    let request = FeedsRequest { feed: None, run, limit: 1, cursor: None };
    let reply: FeedsReply = context.ask::<verbs::FeedsVerb>(&request).await?;
    let found = reply.items.into_iter().next().map(Json);
    found.ok_or_else(|| Problem::new(axum::http::StatusCode::CONFLICT, "refused", "there is no such run"))
}

/// Accepts a held full-feed run
///
/// The people missing from it have left.
#[utoipa::path(
    post,
    path = "/v1/feeds/{run}/accept",
    params(("run" = String, Path, description = "the run's id")),
    request_body = AcceptFeedRun,
    responses(
        (status = 200, body = FeedRunStatus, description = "the run after the decision"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: there is no such run, it is not held, the file is empty or incomplete, or another number of people leaves by now (`changed_since_shown`)"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` or `people` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn accept_feed_run(
    State(context): State<ConsoleStateInner>,
    operator: AuditedOperator,
    Path(run): Path<String>,
    edge::JsonBody(body): edge::JsonBody<AcceptFeedRun>,
) -> Result<Json<FeedRunStatus>, Problem> {
    let Some(people) = body.people else {
        return Err(invalid_one(
            "/people",
            "list first: give `missing` plus `leaving` of the run, as `GET /v1/feeds` showed it",
        ));
    };
    decide_feed_run(&context, operator, &run, &body.why, Some(people)).await
}

/// Rejects a held full-feed run as wrong
///
/// No person leaves because of it.
#[utoipa::path(
    post,
    path = "/v1/feeds/{run}/reject",
    params(("run" = String, Path, description = "the run's id")),
    request_body = PauseRequestBody,
    responses(
        (status = 200, body = FeedRunStatus, description = "the run after the decision"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: there is no such run, or it is not held"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn reject_feed_run(
    State(context): State<ConsoleStateInner>,
    operator: AuditedOperator,
    Path(run): Path<String>,
    edge::JsonBody(body): edge::JsonBody<PauseRequestBody>,
) -> Result<Json<FeedRunStatus>, Problem> {
    decide_feed_run(&context, operator, &run, &body.why, None).await
}

async fn decide_feed_run(
    context: &ConsoleState,
    operator: AuditedOperator,
    run: &str,
    why: &str,
    people: Option<u64>,
) -> Result<Json<FeedRunStatus>, Problem> {
    let AuditedOperator { who, ready } = operator;
    let run = run_id(run)?;
    let actor = check_actor(who, why)?;
    let accept = people.is_some();
    let request = DecideFeedRequest { run, accept, people, actor };
    let reply: FeedRunStatus = context.act::<verbs::DecideFeedVerb>(ready, &request).await?;
    tracing::info!(who = request.actor.who, run = %request.run, accept, "full feed decided");
    Ok(Json(reply))
}

fn run_id(text: &str) -> Result<FeedRunId, Problem> {
    text.parse().map_err(|_| invalid_one("path:run", "must be `run_` and 32 hexadecimal digits"))
}
