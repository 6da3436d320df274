//! Accounts of leavers: what is proven to be off, and what the others wait for.

use axum::Json;
use axum::extract::State;
use edge::{PROBLEM_JSON, Problem};
use lifecycle::{LEAVERS_MAX, LeaversReply, LeaversRequest, ObligationState, verb};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::IntoParams;

use super::ConsoleStateInner;
use super::problem::invalid_one;
use super::query::CheckedQuery;
use crate::MAPPER;

/// Accounts per page unless asked otherwise.
const LIMIT: u64 = 100;

/// Which part is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LeaversQuery {
    /// Only at this target.
    target: Option<String>,
    /// Only of this person: key, or login name at the source.
    person: Option<String>,
    /// `true`: only those whose objective has passed.
    overdue: Option<bool>,
    /// `true`: only those with other accounts that are active, in any state but `ended`.
    others: Option<bool>,
    /// Only what was decided from this moment on (RFC 3339).
    since: Option<String>,
    /// Only what was decided before this moment (RFC 3339).
    until: Option<String>,
    /// Comma-separated: `open`, `proven`, `kept_by_policy`, `ended`; `open,kept_by_policy` unless said.
    state: Option<String>,
    /// How many at most: 1 to 1,000, 100 unless said.
    limit: Option<u64>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Accounts of people who left, were erased, or are out of scope: those that are not proven to be off, with what they wait
/// for and who can help, and the evidence of the others. Those that are due first come first.
#[utoipa::path(
    get,
    path = "/v1/leavers",
    params(LeaversQuery),
    responses(
        (status = 200, body = serde_json::Value, description = "`counts` of all (`withAccess`, `overdue`, `keptByPolicy`, `otherAccounts`, `otherAccountsUnknown`, `unverified`, `undecided`, and `byTarget`); `undecided`, on the first page: departures that are not decided yet (`people`, `since`, `waiting`, `helper`); `leavers`: `id`, `target`, `person`, `memberOf`, `cause`, `state`, `saidAt`, `receivedAt`, `effectiveAt`, `decidedAt`, `dueAt`, `overdue`, `waiting` (`reason`, `detail`), `helper`, `evidence` (`kind`, `at`), `verifiedAt`, `reopenedAt`, `checkedAt`, `endedAt` and `otherAccounts` (`accounts` with `remoteId`, `login`, `active`, `likeness`, `seenAt`; `unnamed`, `reconciledAt`, `gaps`) of each; `notDecided` (`unread`, `contradictions`, `unbuilt`, `recordConflicts`, `heldFeeds`, `quarantined`, `quarantinedDepartures`): what was received and not decided; `nextCursor` while there is more"),
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
    Ok(Json(context.ask(MAPPER, verb::LEAVERS, &request).await?))
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
