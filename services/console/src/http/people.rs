//! Timelines of people and groups.

use axum::Json;
use axum::extract::{Path, State};
use edge::{PROBLEM_JSON, Problem};

use super::problem::{database_problem, no_such_person};
use super::query::{CheckedQuery, PageQuery};
use super::{ConsoleStateInner, person_name, trace_entry};
use crate::api::PersonTrace;
use crate::read;

/// Returns the timeline of a person or group, oldest entry first
#[utoipa::path(
    get,
    path = "/v1/people/{person}/trace",
    params(("person" = String, Path, description = "key of a person or group, or a login name in any case"), PageQuery),
    responses(
        (status = 200, body = PersonTrace, description = "a page of the timeline"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "no person or group has that key or login name"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "a query parameter is wrong"),
    )
)]
pub(super) async fn trace_person(
    State(context): State<ConsoleStateInner>,
    Path(person): Path<String>,
    CheckedQuery(query): CheckedQuery<PageQuery>,
) -> Result<Json<PersonTrace>, Problem> {
    let page = query.page()?;
    let found = read::find_subject(&context.store, &person).await.map_err(database_problem)?;
    let key = found.ok_or_else(|| no_such_person(&person))?;
    let rows = read::read_timeline(&context.store, &key, &page).await.map_err(database_problem)?;
    Ok(Json(PersonTrace {
        person: person_name(&context.store, key).await.map_err(database_problem)?,
        entries: rows.rows.into_iter().map(trace_entry).collect(),
        next_cursor: rows.next.map(|cursor| cursor.text()),
    }))
}
