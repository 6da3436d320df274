//! Dead letters: reads them, and passes the operator's requests to the writer.

pub(super) mod groups;
pub(super) mod replays;

use axum::Json;
use axum::extract::{Path, State};
use edge::{FieldErrors, PROBLEM_JSON, Problem};
use lifecycle::{
    Actor, AttemptClass, DeadLetterId, DiscardReply, DiscardRequest, ErrorCode, PreviewReplayReply,
    PreviewReplayRequest, ReplayReply, ReplayRequest, failure_group, verbs,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::audit::AuditedOperator;
use super::problem::{database_problem, invalid_one, invalid_request, no_such_letter};
use super::query::{CheckedQuery, PageQuery};
use super::reason::check_reason;
use super::{ConsoleStateInner, format_instant, person_name, trace_entry};
use crate::LOOK_TIMEOUT;
use crate::api::{
    DeadClosed, DeadDetail, DeadLetterList, DeadSummary, DiscardAnswer, DiscardRequestBody, LetterOutcome,
    ReplayAnswer, ReplayRequestBody,
};
use crate::read::{self, DeadFilter, DeadRow};

/// Maximum number of dead letters in one request; the writer accepts no more.
const IDS_MAX: usize = 1_000;

/// Filter of the list of dead letters.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DeadQuery {
    /// Limits the list to this target.
    target: Option<String>,
    /// State to list: `open` (default), `replayed`, `discarded` or `all`.
    state: Option<String>,
    /// Limits the list to letters whose last failed operation was this one. Account conflicts are the letters of `adopt`.
    operation: Option<String>,
}

impl DeadQuery {
    fn filter(self) -> Result<DeadFilter, Problem> {
        let state = match self.state.as_deref() {
            None | Some("open") => Some("open"),
            Some("replayed") => Some("replayed"),
            Some("discarded") => Some("discarded"),
            Some("all") => None,
            Some(_) => {
                return Err(invalid_one("query:state", "must be open, replayed, discarded or all"));
            }
        };
        Ok(DeadFilter { target: self.target, state, operation: self.operation })
    }
}

/// Lists dead letters, newest first
#[utoipa::path(
    get,
    path = "/v1/dead",
    params(DeadQuery, PageQuery),
    responses(
        (status = 200, body = DeadLetterList, description = "a page of dead letters"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "a query parameter is wrong"),
    )
)]
pub(super) async fn list_dead_letters(
    State(context): State<ConsoleStateInner>,
    CheckedQuery(query): CheckedQuery<DeadQuery>,
    CheckedQuery(page): CheckedQuery<PageQuery>,
) -> Result<Json<DeadLetterList>, Problem> {
    let (filter, page) = (query.filter()?, page.page()?);
    let rows = read::dead_letters(&context.store, &filter, &page).await.map_err(database_problem)?;
    Ok(Json(DeadLetterList {
        items: rows.rows.into_iter().map(letter_summary).collect(),
        next_cursor: rows.next.map(|cursor| cursor.text()),
    }))
}

/// Returns a dead letter with its decision, requests and responses
#[utoipa::path(
    get,
    path = "/v1/dead/{id}",
    params(("id" = String, Path, description = "ded_...")),
    responses(
        (status = 200, body = DeadDetail, description = "the dead letter"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "no such dead letter"),
    )
)]
pub(super) async fn show_dead_letter(
    State(context): State<ConsoleStateInner>,
    Path(id): Path<String>,
) -> Result<Json<DeadDetail>, Problem> {
    let store = &context.store;
    let row = read::dead_letter(store, &id).await.map_err(database_problem)?;
    let row = row.ok_or_else(|| no_such_letter(&id))?;
    let died_at = row.at_micros;
    let code = code_of(&row.class, &row.error);
    let (exchange, failures) = (row.exchange.clone(), row.failures.clone());
    let summary = letter_summary(row);
    let requests = read::list_attempts(store, &summary, died_at).await.map_err(database_problem)?;
    let decision = read::latest_decision(store, &summary).await;
    Ok(Json(DeadDetail {
        requests: requests.into_iter().map(trace_entry).collect(),
        remedy: code.remedy().to_owned(),
        exchange: exchange.and_then(|exchange| serde_json::from_value(exchange).ok()),
        failures: failures.and_then(|failures| serde_json::from_value(failures).ok()).unwrap_or_default(),
        decision: decision.map_err(database_problem)?.map(trace_entry),
        person: person_name(store, summary.subject.clone()).await.map_err(database_problem)?,
        summary,
    }))
}

/// Previews the replay of a dead letter
///
/// Returns the request that a replay would send now. The target is read, and nothing is changed.
#[utoipa::path(
    get,
    path = "/v1/dead/{id}/preview",
    params(("id" = String, Path, description = "ded_...")),
    responses(
        (status = 200, body = PreviewReplayReply, description = "the outcome of a replay"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "no such dead letter"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the target cannot be reached now"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn preview_replay(
    State(context): State<ConsoleStateInner>,
    Path(id): Path<String>,
) -> Result<Json<PreviewReplayReply>, Problem> {
    let id = id.parse().map_err(|_| no_such_letter(&id))?;
    let answer =
        context.ask_within::<verbs::PreviewReplayVerb>(&PreviewReplayRequest { id }, LOOK_TIMEOUT).await;
    answer.map(Json)
}

/// Returns the code of a failure. A class that this version does not know, from a newer writer, gives a general code.
fn code_of(class: &str, error: &str) -> ErrorCode {
    let known = AttemptClass::ALL.into_iter().find(|known| known.as_str() == class);
    ErrorCode::of(known.unwrap_or(AttemptClass::Permanent), error)
}

fn letter_summary(row: DeadRow) -> DeadSummary {
    let closed = row.closed.map(|closed| DeadClosed {
        at: format_instant(closed.at_micros),
        by: closed.by,
        why: closed.why,
        outcome: closed.outcome,
    });
    let group = failure_group([&row.target, &row.kind, &row.operation, &row.class], &row.error);
    DeadSummary {
        id: row.id,
        state: row.state,
        at: format_instant(row.at_micros),
        target: row.target,
        kind: row.kind,
        subject: row.subject,
        member_of: row.member_of,
        revision: row.revision,
        operation: row.operation,
        code: code_of(&row.class, &row.error).to_string(),
        group,
        class: row.class,
        error: row.error,
        attempts: row.attempts,
        closed,
    }
}

/// Replays dead letters
#[utoipa::path(
    post,
    path = "/v1/dead/replay",
    request_body = ReplayRequestBody,
    responses(
        (status = 200, body = ReplayAnswer, description = "the outcome for each letter"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` or the dead letters to replay are missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn replay_dead_letters(
    State(context): State<ConsoleStateInner>,
    AuditedOperator { who, ready }: AuditedOperator,
    edge::JsonBody(body): edge::JsonBody<ReplayRequestBody>,
) -> Result<Json<ReplayAnswer>, Problem> {
    let mut wrong = FieldErrors::default();
    let actor = Actor { who, why: check_reason(&body.why, &mut wrong) };
    let ids = match (&body.ids, &body.target, &body.group) {
        (Some(ids), None, None) => letter_ids(ids, &mut wrong),
        (None, Some(_), None) | (None, None, Some(_)) => Vec::new(), // looked up once everything else is right
        _ => {
            wrong.add("/ids", "give one of `ids`, `target` and `group`");
            Vec::new()
        }
    };
    if !wrong.is_empty() {
        return Err(invalid_request(wrong));
    }
    let (ids, more) = match (body.target, body.group) {
        (Some(target), _) => open_letters(&context, &target).await?,
        (None, Some(group)) => parse_ids(groups::letters_of(&context, &group, IDS_MAX).await?),
        (None, None) => (ids, false),
    };
    let request = ReplayRequest { ids, dry_run: body.dry_run, actor };
    if request.ids.is_empty() {
        return Ok(Json(ReplayAnswer { outcomes: Vec::new(), more: false }));
    }
    let reply: ReplayReply = context.act::<verbs::ReplayVerb>(ready, &request).await?;
    tracing::info!(who = request.actor.who, letters = request.ids.len(), "dead letters replayed");
    let outcome = |(id, outcome): (DeadLetterId, _)| LetterOutcome { id: id.to_string(), outcome };
    Ok(Json(ReplayAnswer { outcomes: reply.outcomes.into_iter().map(outcome).collect(), more }))
}

/// Discards dead letters without a retry
#[utoipa::path(
    post,
    path = "/v1/dead/discard",
    request_body = DiscardRequestBody,
    responses(
        (status = 200, body = DiscardAnswer, description = "the discarded letters"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` or the dead letters to discard are missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn discard_dead_letters(
    State(context): State<ConsoleStateInner>,
    AuditedOperator { who, ready }: AuditedOperator,
    edge::JsonBody(body): edge::JsonBody<DiscardRequestBody>,
) -> Result<Json<DiscardAnswer>, Problem> {
    let mut wrong = FieldErrors::default();
    let actor = Actor { who, why: check_reason(&body.why, &mut wrong) };
    let ids = match &body.group {
        None => letter_ids(&body.ids, &mut wrong),
        Some(_) if !body.ids.is_empty() => {
            wrong.add("/ids", "give either `ids` or `group`");
            Vec::new()
        }
        Some(_) => Vec::new(),
    };
    if !wrong.is_empty() {
        return Err(invalid_request(wrong));
    }
    let ids = match &body.group {
        Some(group) => parse_ids(groups::letters_of(&context, group, IDS_MAX).await?).0,
        None => ids,
    };
    let request = DiscardRequest { ids, actor };
    let reply: DiscardReply = context.act::<verbs::DiscardVerb>(ready, &request).await?;
    tracing::info!(who = request.actor.who, letters = reply.discarded.len(), "dead letters discarded");
    Ok(Json(DiscardAnswer { discarded: reply.discarded.into_iter().map(String::from).collect() }))
}

fn letter_ids(ids: &[String], wrong: &mut FieldErrors) -> Vec<DeadLetterId> {
    if ids.is_empty() || ids.len() > IDS_MAX {
        wrong.add("/ids", format!("must name 1 to {IDS_MAX} dead letters"));
        return Vec::new();
    }
    let mut parsed = Vec::with_capacity(ids.len());
    for (at, id) in ids.iter().enumerate() {
        match id.parse() {
            Ok(id) => parsed.push(id),
            Err(_) => wrong.add(format_args!("/ids/{at}"), "is no id of a dead letter"),
        }
    }
    parsed
}

/// Returns the ids of the oldest open dead letters of a target, and whether the target has more.
async fn open_letters(
    context: &ConsoleStateInner,
    target: &str,
) -> Result<(Vec<DeadLetterId>, bool), Problem> {
    read::open_letters(&context.store, target, IDS_MAX).await.map_err(database_problem).map(parse_ids)
}

fn parse_ids((ids, more): (Vec<String>, bool)) -> (Vec<DeadLetterId>, bool) {
    (ids.into_iter().filter_map(|id| id.parse().ok()).collect(), more)
}
