//! Accounts of leavers: those proven disabled, and what the others wait for.

use axum::Json;
use axum::extract::State;
use edge::{PROBLEM_JSON, Problem};
use lifecycle::{LEAVERS_MAX, LeaversReply, LeaversRequest, ObligationState, verbs};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::IntoParams;

use super::ConsoleStateInner;
use super::problem::invalid_one;
use super::query::CheckedQuery;

/// Default number of accounts per page.
const LIMIT: u64 = 100;

/// Filter and page of the list of leavers' accounts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LeaversQuery {
    /// Limits the list to this target.
    target: Option<String>,
    /// Limits the list to this person: key, or login name at the source.
    person: Option<String>,
    /// `true`: only accounts whose objective has passed.
    overdue: Option<bool>,
    /// `true`: only leavers with other active accounts, in any state but `ended`.
    others: Option<bool>,
    /// Start of the period of decisions (RFC 3339), inclusive.
    since: Option<String>,
    /// End of the period of decisions (RFC 3339), exclusive.
    until: Option<String>,
    /// Comma-separated states: `open`, `proven`, `kept_by_policy`, `ended`; `open,kept_by_policy` by default.
    state: Option<String>,
    /// Maximum number of accounts: 1 to 1,000, 100 by default.
    limit: Option<u64>,
    /// `nextCursor` of the previous page.
    cursor: Option<String>,
}

/// Lists leavers' accounts, those that are due first at the top
///
/// Covers people who left, were erased, or are out of scope. An account that is not yet proven disabled comes with the reason
/// and the party that can act; the others come with their evidence.
#[utoipa::path(
    get,
    path = "/v1/leavers",
    params(LeaversQuery),
    responses(
        (status = 200, body = LeaversReply, description = "a page of leavers' accounts"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: there is no such person"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "a query parameter is wrong"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn list_leavers(
    State(context): State<ConsoleStateInner>,
    CheckedQuery(query): CheckedQuery<LeaversQuery>,
) -> Result<Json<LeaversReply>, Problem> {
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=LEAVERS_MAX).contains(&limit) {
        return Err(invalid_one("query:limit", format!("must be 1 to {LEAVERS_MAX}")));
    }
    let request = LeaversRequest {
        since: parse_moment("query:since", query.since.as_deref())?,
        until: parse_moment("query:until", query.until.as_deref())?,
        states: parse_states(query.state.as_deref())?,
        target: query.target,
        person: query.person,
        overdue: query.overdue.unwrap_or_default(),
        others: query.others.unwrap_or_default(),
        limit,
        cursor: query.cursor,
    };
    Ok(Json(context.ask::<verbs::LeaversVerb>(&request).await?))
}

fn parse_moment(pointer: &str, text: Option<&str>) -> Result<Option<OffsetDateTime>, Problem> {
    let wrong = "must be a moment like 2026-07-01T00:00:00Z";
    let parsed = text.map(|text| OffsetDateTime::parse(text, &Rfc3339));
    parsed.transpose().map_err(|_| invalid_one(pointer, wrong))
}

fn parse_states(text: Option<&str>) -> Result<Vec<ObligationState>, Problem> {
    let named = |name: &str| {
        ObligationState::ALL.into_iter().find(|state| state.as_str() == name).ok_or_else(|| {
            invalid_one("query:state", "must be open, proven, kept_by_policy or ended, separated by commas")
        })
    };
    text.into_iter().flat_map(|text| text.split(',')).map(named).collect()
}
