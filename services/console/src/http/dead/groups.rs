//! Groups of dead letters that failed in the same way.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use edge::{PROBLEM_JSON, Problem};
use lifecycle::failure_group;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::problem::database_problem;
use super::super::query::CheckedQuery;
use super::super::{ConsoleStateInner, format_instant};
use crate::api::{DeadGroup, DeadGroups};
use crate::read::{self, OpenLetter};

/// Maximum number of open dead letters that are grouped: the oldest ones.
const LETTERS_MAX: u64 = 100_000;

/// Filter of the groups.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct GroupsQuery {
    /// Limits the groups to this target.
    target: Option<String>,
}

/// Groups open dead letters by target, kind, operation, class and code, largest group first
#[utoipa::path(
    get,
    path = "/v1/dead/groups",
    params(GroupsQuery),
    responses(
        (status = 200, body = DeadGroups, description = "the groups"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
    )
)]
pub(crate) async fn list_dead_letter_groups(
    State(context): State<ConsoleStateInner>,
    CheckedQuery(query): CheckedQuery<GroupsQuery>,
) -> Result<Json<DeadGroups>, Problem> {
    let letters = read::all_open_letters(&context.store, query.target.as_deref(), LETTERS_MAX);
    let mut groups: BTreeMap<String, DeadGroup> = BTreeMap::new();
    for letter in letters.await.map_err(database_problem)? {
        let name = name_of(&letter);
        let at = format_instant(letter.at_micros);
        let group = groups.entry(name.clone()).or_insert_with(|| DeadGroup {
            group: name,
            count: 0,
            first: at.clone(),
            last: at.clone(),
            sample: letter.id.clone(),
            error: letter.error.clone(),
            code: super::code_of(&letter.class, &letter.error).to_string(),
        });
        group.count += 1;
        group.last = at;
    }
    let mut groups: Vec<DeadGroup> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    Ok(Json(DeadGroups { groups }))
}

/// Returns the ids of a group's dead letters, oldest first, and whether there are more than `max`.
pub(super) async fn letters_of(
    context: &ConsoleStateInner,
    group: &str,
    max: usize,
) -> Result<(Vec<String>, bool), Problem> {
    let target = group.split('/').next();
    let letters =
        read::all_open_letters(&context.store, target, LETTERS_MAX).await.map_err(database_problem)?;
    let mut ids: Vec<String> =
        letters.into_iter().filter(|letter| name_of(letter) == group).map(|letter| letter.id).collect();
    let more = ids.len() > max;
    ids.truncate(max);
    Ok((ids, more))
}

fn name_of(letter: &OpenLetter) -> String {
    let OpenLetter { target, kind, operation, class, error, .. } = letter;
    failure_group([target, kind, operation, class], error)
}
