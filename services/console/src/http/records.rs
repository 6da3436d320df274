//! Source records that the mapper matches to people.

use axum::Json;
use axum::extract::State;
use edge::{PROBLEM_JSON, Problem};
use lifecycle::{
    JoinPeopleReply, JoinPeopleRequest, RECORDS_MAX, RecordStatus, RecordsReply, RecordsRequest,
    ResolveRecordRequest, SourceRecord, verbs,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::ConsoleStateInner;
use super::audit::AuditedOperator;
use super::problem::invalid_one;
use super::query::CheckedQuery;
use super::reason::check_actor;
use crate::api::{JoinPeople, ResolveRecord};

/// Default number of records per page.
const LIMIT: u64 = 100;

/// Filter and page of the list of records.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RecordsQuery {
    /// Status to list: `conflict` (default), `waiting`, `linked` or `gone`.
    status: Option<String>,
    /// Limits the list to this source, by its name in `mapper.people`.
    source: Option<String>,
    /// Maximum number of records: 1 to 500, 100 by default.
    limit: Option<u64>,
    /// `nextCursor` of the previous page.
    cursor: Option<String>,
}

/// Lists source records that are matched to people, ordered by source and key
#[utoipa::path(
    get,
    path = "/v1/people/records",
    params(RecordsQuery),
    responses(
        (status = 200, body = RecordsReply, description = "a page of records"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: the cursor is wrong"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "a query parameter is wrong"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn list_records(
    State(context): State<ConsoleStateInner>,
    CheckedQuery(query): CheckedQuery<RecordsQuery>,
) -> Result<Json<RecordsReply>, Problem> {
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=RECORDS_MAX).contains(&limit) {
        return Err(invalid_one("query:limit", format!("must be 1 to {RECORDS_MAX}")));
    }
    let status = query.status.as_deref().unwrap_or(RecordStatus::Conflict.as_str());
    let status = RecordStatus::named(status)
        .ok_or_else(|| invalid_one("query:status", "must be conflict, waiting, linked or gone"))?;
    let request = RecordsRequest { status, source: query.source, limit, cursor: query.cursor };
    Ok(Json(context.ask::<verbs::RecordsVerb>(&request).await?))
}

/// Resolves a source record
///
/// Records that the record belongs to a person, or does not. The decision is kept and overrides later statements of sources.
#[utoipa::path(
    post,
    path = "/v1/people/records/resolve",
    request_body = ResolveRecord,
    responses(
        (status = 200, body = SourceRecord, description = "the record after the decision"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: there is no such record or person, or the person has another record of the source"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn resolve_record(
    State(context): State<ConsoleStateInner>,
    AuditedOperator { who, ready }: AuditedOperator,
    edge::JsonBody(body): edge::JsonBody<ResolveRecord>,
) -> Result<Json<SourceRecord>, Problem> {
    let actor = check_actor(who, &body.why)?;
    let ResolveRecord { source, key, person, same, .. } = body;
    let request = ResolveRecordRequest { source, key, person, same, actor };
    let record: SourceRecord = context.act::<verbs::ResolveRecordVerb>(ready, &request).await?;
    tracing::info!(who = request.actor.who, source = request.source, same, "a record was decided about");
    Ok(Json(record))
}

/// Joins two keys that belong to one person
///
/// For example after a rehire under another key, or for a duplicate in HR. This cannot be undone.
#[utoipa::path(
    post,
    path = "/v1/people/join",
    request_body = JoinPeople,
    responses(
        (status = 200, body = JoinPeopleReply, description = "the joined keys"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: there is no such person, or the other key has accounts or records"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn join_people(
    State(context): State<ConsoleStateInner>,
    AuditedOperator { who, ready }: AuditedOperator,
    edge::JsonBody(body): edge::JsonBody<JoinPeople>,
) -> Result<Json<JoinPeopleReply>, Problem> {
    let actor = check_actor(who, &body.why)?;
    let JoinPeople { person, other, leave_accounts, .. } = body;
    let request = JoinPeopleRequest { person, other, leave_accounts, actor };
    let reply: JoinPeopleReply = context.act::<verbs::JoinPeopleVerb>(ready, &request).await?;
    tracing::info!(who = request.actor.who, "two keys are one person");
    Ok(Json(reply))
}
