//! Scheduled changes at the mapper.

use axum::Json;
use axum::extract::State;
use edge::{FieldErrors, PROBLEM_JSON, Problem};
use lifecycle::{
    Actor, CancelScheduleReply, CancelScheduleRequest, SCHEDULE_CANCEL_MAX, SCHEDULE_PEOPLE_MAX,
    ScheduleReply, ScheduleRequest, verbs,
};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::IntoParams;

use super::ConsoleStateInner;
use super::audit::AuditedOperator;
use super::problem::{invalid_one, invalid_request};
use super::query::CheckedQuery;
use super::reason::check_reason;
use crate::api::CancelSchedule;

/// Default number of people per page.
const LIMIT: u64 = 100;

/// Filter and page of the scheduled changes.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ScheduleQuery {
    /// Limits the list to this person: key, or login name at the source.
    person: Option<String>,
    /// End of the period (RFC 3339): only changes that take effect until then are listed.
    until: Option<String>,
    /// Maximum number of people: 1 to 200, 100 by default.
    limit: Option<u64>,
    /// `nextCursor` of the previous page.
    cursor: Option<String>,
}

/// Lists scheduled changes
///
/// People are ordered by their next change. Each is listed with all scheduled changes.
#[utoipa::path(
    get,
    path = "/v1/schedule",
    params(ScheduleQuery),
    responses(
        (status = 200, body = ScheduleReply, description = "a page of scheduled changes"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: there is no such person"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "a query parameter is wrong"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn list_schedule(
    State(context): State<ConsoleStateInner>,
    CheckedQuery(query): CheckedQuery<ScheduleQuery>,
) -> Result<Json<ScheduleReply>, Problem> {
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=SCHEDULE_PEOPLE_MAX).contains(&limit) {
        return Err(invalid_one("query:limit", format!("must be 1 to {SCHEDULE_PEOPLE_MAX}")));
    }
    let moment = |text: &String| {
        let wrong = "must be a moment like 2026-07-01T00:00:00Z";
        OffsetDateTime::parse(text, &Rfc3339).map_err(|_| invalid_one("query:until", wrong))
    };
    let until = query.until.as_ref().map(moment).transpose()?;
    let request = ScheduleRequest { person: query.person, until, limit, cursor: query.cursor };
    Ok(Json(context.ask::<verbs::ScheduleVerb>(&request).await?))
}

/// Cancels scheduled changes before they take effect
///
/// Later statements of the source count as usual.
#[utoipa::path(
    post,
    path = "/v1/schedule/cancel",
    request_body = CancelSchedule,
    responses(
        (status = 200, body = CancelScheduleReply, description = "the cancelled and the remaining changes"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`what` or `why` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn cancel_scheduled(
    State(context): State<ConsoleStateInner>,
    AuditedOperator { who, ready }: AuditedOperator,
    edge::JsonBody(body): edge::JsonBody<CancelSchedule>,
) -> Result<Json<CancelScheduleReply>, Problem> {
    let mut wrong = FieldErrors::default();
    let actor = Actor { who, why: check_reason(&body.why, &mut wrong) };
    if !(1..=SCHEDULE_CANCEL_MAX).contains(&body.what.len()) {
        wrong.add("/what", format!("must be 1 to {SCHEDULE_CANCEL_MAX} ids or people"));
    }
    if !wrong.is_empty() {
        return Err(invalid_request(wrong));
    }
    let request = CancelScheduleRequest { what: body.what, actor };
    let reply: CancelScheduleReply = context.act::<verbs::CancelScheduleVerb>(ready, &request).await?;
    tracing::info!(who = request.actor.who, cancelled = reply.cancelled.len(), "scheduled changes cancelled");
    Ok(Json(reply))
}
