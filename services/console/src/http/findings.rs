//! Findings about people that an operator should review.

use axum::Json;
use axum::extract::State;
use edge::{PROBLEM_JSON, Problem};
use lifecycle::{FINDINGS_MAX, FindingKind, FindingsReply, FindingsRequest, verbs};
use serde::Deserialize;
use utoipa::IntoParams;

use super::ConsoleStateInner;
use super::problem::invalid_one;
use super::query::CheckedQuery;

/// Default number of findings per page.
const LIMIT: u64 = 100;

/// Filter and page of the findings.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FindingsQuery {
    /// Kind of the findings: `contradiction`, `unread`, `unbuilt`, `refused_departure` or `refused`.
    kind: String,
    /// Limits the list to this target.
    target: Option<String>,
    /// Maximum number of findings: 1 to 500, 100 by default.
    limit: Option<u64>,
    /// `nextCursor` of the previous page.
    cursor: Option<String>,
}

/// Lists findings about people, ordered by person
///
/// Findings are contradictions about employment, values that could not be read, people who cannot be built for a target, and
/// statements that their senders have no right to make. A settled finding is no longer listed.
#[utoipa::path(
    get,
    path = "/v1/people/findings",
    params(FindingsQuery),
    responses(
        (status = 200, body = FindingsReply, description = "a page of findings"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: the cursor is wrong"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "a query parameter is wrong"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn list_findings(
    State(context): State<ConsoleStateInner>,
    CheckedQuery(query): CheckedQuery<FindingsQuery>,
) -> Result<Json<FindingsReply>, Problem> {
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=FINDINGS_MAX).contains(&limit) {
        return Err(invalid_one("query:limit", format!("must be 1 to {FINDINGS_MAX}")));
    }
    let kind = FindingKind::named(&query.kind).ok_or_else(|| {
        invalid_one("query:kind", "must be contradiction, unread, unbuilt, refused_departure or refused")
    })?;
    let request = FindingsRequest { kind, target: query.target, limit, cursor: query.cursor };
    Ok(Json(context.ask::<verbs::FindingsVerb>(&request).await?))
}
