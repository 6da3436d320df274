//! Converts scoping filters to the scopes of a policy.
//!
//! A filter decides who has access, so nothing is guessed. An alternative with a clause that cannot
//! be converted, or without clauses, is omitted as a whole. If none is left, no one is in scope.

use std::fmt::Write as _;

use super::JobScope;
use crate::graph::{FilterClause, FilterGroup, GraphFilter};
use crate::note::ConversionNote;
use crate::yaml::{comment_text, quoted_text, yaml_scalar};

/// The condition that Entra always applies: it switches off accounts
/// whose `accountEnabled` is false, regardless of the filter.
const ENABLED: &str = "{ not: { attribute: accountEnabled, operator: IS FALSE } }";
/// The attribute of placeholder clauses, which stand for parts that an export does not contain. No person has it.
pub(crate) const PLACEHOLDER: &str = "replaceThisScope";
/// The placeholder for the groups that are assigned to the job. The group has no members.
const PLACEHOLDER_GROUP: &str = "replaceThisGroup";
/// A clause that holds for no person.
pub(super) const NOBODY: &str =
    "{ attribute: replaceThisScope, operator: EQUALS, value: \"its filter was not taken over\" }";

/// Returns the scope of people whose mapping is switched off or missing: no one is in scope, and no one loses anything.
pub(super) fn switched_off() -> String {
    format!(
        "  scope:\n    any:\n      - all:\n          - {{ attribute: {PLACEHOLDER}, operator: EQUALS, value: \"users \
         are not provisioned\" }}\n  outOfScope: keep\n"
    )
}

/// Returns the scope of people.
pub(super) fn user_scope(
    filter: Option<&GraphFilter>,
    job: &JobScope,
    notes: &mut Vec<ConversionNote>,
) -> String {
    with_mode(write_scope(filter, "users", Some(ENABLED), notes), job)
}

/// Returns the scope of groups.
pub(super) fn group_scope(
    filter: Option<&GraphFilter>,
    job: &JobScope,
    notes: &mut Vec<ConversionNote>,
) -> String {
    with_mode(write_scope(filter, "groups", None, notes), job)
}

/// Adds the assignment mode of the job to the scope.
fn with_mode(scope: String, job: &JobScope) -> String {
    const HEAD: &str = "  scope:\n";
    let (groups, comment) = match job {
        JobScope::Everybody => return scope,
        JobScope::Assigned(groups) => (groups.iter().map(|group| quoted_text(group)).collect(), ""),
        JobScope::NotSaid => (vec![quoted_text(PLACEHOLDER_GROUP)], " # no one: see above"),
    };
    let listed = groups.join(", ");
    let clauses = scope.strip_prefix(HEAD).unwrap_or(&scope);
    format!("{HEAD}    mode: assigned\n    assigned: {{ groups: [{listed}] }}{comment}\n{clauses}")
}

/// Writes the scope for a filter. `always` is a clause that is added to each alternative.
fn write_scope(
    filter: Option<&GraphFilter>,
    what: &str,
    always: Option<&str>,
    notes: &mut Vec<ConversionNote>,
) -> String {
    let place = format!("scope of {what}");
    let mut is_narrowed = false;
    if let Some(filter) = filter {
        let more = [
            ("inputFilterGroups", &filter.input_filter_groups),
            ("categoryFilterGroups", &filter.category_filter_groups),
        ];
        for (name, groups) in more {
            if !groups.is_empty() {
                is_narrowed = true;
                let text = format!(
                    "{name} are experimental in Graph and narrow the scope further: no one is in scope until the \
                     policy defines its scope"
                );
                notes.push(ConversionNote::left_out(&place, text));
            }
        }
    }
    let alternatives: &[FilterGroup] = filter.map_or(&[], |filter| &filter.groups);
    if alternatives.is_empty() && !is_narrowed {
        return match always {
            Some(clause) => format!("  scope:\n    any:\n      - all:\n          - {clause}\n"),
            None => String::new(),
        };
    }
    let mut text = "  scope:\n    any:\n".to_owned();
    let mut taken = 0;
    for group in alternatives.iter().filter(|_| !is_narrowed) {
        let place = match &group.name {
            Some(name) => format!("{place}, filter {name:?}"),
            None => place.clone(),
        };
        let clauses: Result<Vec<String>, String> = match group.clauses.as_slice() {
            [] => Err("it has no clauses".to_owned()),
            clauses => clauses.iter().map(|one| write_clause(one, &place, notes)).collect(),
        };
        match clauses {
            Ok(clauses) => {
                taken += 1;
                let name = group
                    .name
                    .as_deref()
                    .map_or_else(String::new, |name| format!(" # {}", comment_text(name)));
                let _ = writeln!(text, "      - all:{name}");
                for clause in clauses.iter().map(String::as_str).chain(always) {
                    let _ = writeln!(text, "          - {clause}");
                }
            }
            Err(why) => notes.push(ConversionNote::left_out(
                place,
                format!("{why}. The whole filter is left out, so that it admits no one"),
            )),
        }
    }
    if taken == 0 {
        let _ = writeln!(text, "      - all: # none of the filters could be taken over: no one is in scope");
        let _ = writeln!(text, "          - {NOBODY}");
    }
    text
}

/// Returns the Boolean that a clause compares with, if it is one.
fn truth_value(values: &[String]) -> Option<bool> {
    match values {
        [value] if value.eq_ignore_ascii_case("true") => Some(true),
        [value] if value.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Converts one clause, or returns the reason why it cannot be converted.
fn write_clause(
    clause: &FilterClause,
    place: &str,
    notes: &mut Vec<ConversionNote>,
) -> Result<String, String> {
    let name = &clause.source_operand_name;
    let values = clause.target_operand.as_ref().map_or(&[][..], |operand| &operand.values);
    let unary = |operator: &str| Ok(format!("{{ attribute: {}, operator: {operator} }}", yaml_scalar(name)));
    let binary = |operator: &str| match values {
        [value] => Ok(format!(
            "{{ attribute: {}, operator: {operator}, value: {} }}",
            yaml_scalar(name),
            quoted_text(value)
        )),
        _ => Err(format!("{operator} of {name} has {} operands instead of one", values.len())),
    };
    let listed = |operator: &str| {
        let values: Vec<String> = values.iter().map(|value| quoted_text(value)).collect();
        format!(
            "{{ attribute: {}, operator: {operator}, values: [{}] }}",
            yaml_scalar(name),
            values.join(", ")
        )
    };
    let said = clause.operator_name.trim();
    let operator = said.to_uppercase().replace('_', " ");
    match operator.split_whitespace().collect::<Vec<_>>().join(" ").as_str() {
        "EQUALS" if values.len() > 1 => Ok(listed("IN")),
        "NOT EQUALS" if values.len() > 1 => Ok(listed("NOT IN")),
        // Booleans are `True` and `False` in Entra, and may be text with other case here.
        operator @ ("EQUALS" | "NOT EQUALS") if truth_value(values).is_some() => {
            match (operator, truth_value(values)) {
                ("EQUALS", Some(true)) => unary("IS TRUE"),
                ("EQUALS", _) => unary("IS FALSE"),
                _ => binary(operator).map(|clause| clause.replace(" }", ", ignoreCase: true }")),
            }
        }
        operator @ ("EQUALS" | "NOT EQUALS" | "ENDS WITH" | "INCLUDES") => binary(operator),
        operator @ ("GREATER THAN" | "GREATER THAN OR EQUALS") => binary(operator),
        operator @ ("REGEX MATCH" | "NOT REGEX MATCH") => {
            if values.first().is_some_and(|pattern| !pattern.starts_with('^') && !pattern.ends_with('$')) {
                let text = format!(
                    "{operator} of {name}: without ^ or $ the pattern must match the whole value here"
                );
                notes.push(ConversionNote::changed(place, text));
            }
            binary(operator)
        }
        operator @ ("IS TRUE" | "IS FALSE" | "IS NULL" | "IS NOT NULL") => unary(operator),
        "PRESENT" => unary("IS NOT NULL"),
        _ => Err(format!("the operator `{said}` of {name} has no documented meaning")),
    }
}
