//! Scopes in the form that a policy file has.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};
use serde_saphyr::Spanned;

use super::DocumentReading;
use super::written::{self, WrittenValue, YamlScalar};
use crate::error::PolicyFlaw;
use crate::scope::{
    AssignedNames, AssignmentMode, AttributeName, AttributeOperator, GroupPattern, NESTING_MAX, OperandError,
    OperatorKind, Scope, ScopeClause, WrittenOperands, operator_hint,
};

/// The maximum number of clauses in one scope.
const CLAUSES_MAX: usize = 1_000;
/// The maximum number of people that a list can name individually.
const ASSIGNED_USERS_MAX: usize = 100_000;
/// The maximum number of group names and wildcards in one list.
const ASSIGNED_GROUPS_MAX: usize = 1_000;
/// The maximum length of the clause text that an error repeats, in characters.
const REPEATED_CHARACTERS_MAX: usize = 200;

/// A scope as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScopeText {
    mode: Option<Spanned<String>>,
    assigned: Option<Spanned<AssignedText>>,
    any: Option<Spanned<Vec<Spanned<AlternativeText>>>>,
}

/// A list of people and groups in the form that the file has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssignedText {
    #[serde(default)]
    users: Vec<Spanned<String>>,
    #[serde(default)]
    groups: Vec<Spanned<String>>,
}

/// One alternative of a scope, whose clauses must all hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AlternativeText {
    all: Vec<Spanned<ClauseText>>,
}

/// A clause, written as a map or as text.
enum ClauseText {
    Text(String),
    Map(Box<ClauseMap>),
}

/// A clause written as a map.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ClauseMap {
    attribute: Option<Spanned<String>>,
    operator: Option<Spanned<String>>,
    value: Option<WrittenValue>,
    values: Option<Vec<WrittenValue>>,
    ignore_case: Option<bool>,
    member_of: Option<Spanned<String>>,
    nested: Option<bool>,
    not: Option<Box<Spanned<ClauseText>>>,
}

impl<'de> Deserialize<'de> for ClauseText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ClauseVisitor)
    }
}

/// Deserialises a clause from a map or a text.
struct ClauseVisitor;

impl<'de> Visitor<'de> for ClauseVisitor {
    type Value = ClauseText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a clause: { attribute: ..., operator: ..., value: ... } or a text such as 'department EQUALS \"Sales\"'")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ClauseText, E> {
        Ok(ClauseText::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ClauseText, A::Error> {
        ClauseMap::deserialize(MapAccessDeserializer::new(map)).map(|map| ClauseText::Map(Box::new(map)))
    }
}

/// Reads and checks a scope of people or of groups.
pub(crate) fn read_scope(
    scope: &ScopeText,
    people: bool,
    reading: &mut DocumentReading<'_>,
) -> Result<Scope, PolicyFlaw> {
    let mode = mode_of(scope, people)?;
    let mut count = 0;
    let alternatives = scope.any.as_ref().map_or(&[][..], |any| &any.value);
    if let Some(any) = scope.any.as_ref().filter(|_| alternatives.is_empty()) {
        let fix = "add an alternative, or leave `any` out to mean everybody";
        return Err(PolicyFlaw::at(any, "`any` has no alternatives: no one could be in scope", fix));
    }
    let mut any = Vec::with_capacity(alternatives.len());
    for alternative in alternatives {
        let clauses = &alternative.value.all;
        count += clauses.len();
        if clauses.is_empty() {
            let fix = "add a clause, or leave `scope` out to mean everybody";
            return Err(PolicyFlaw::at(alternative, "`all` has no clauses", fix));
        }
        if count > CLAUSES_MAX {
            let fix = "use IN, wildcards or a group instead of many clauses";
            return Err(PolicyFlaw::at(alternative, format!("more than {CLAUSES_MAX} clauses"), fix));
        }
        let mut taken = Vec::with_capacity(clauses.len());
        for clause in clauses {
            if reading.is_exhausted() {
                break;
            }
            let clause = counted_clause(clause, reading);
            taken.extend(reading.collect(clause));
        }
        any.push(taken);
    }
    Ok(Scope { mode, any })
}

/// Reads the assignment mode. The list is present exactly if the mode requires it.
fn mode_of(scope: &ScopeText, people: bool) -> Result<AssignmentMode, PolicyFlaw> {
    let mode = scope.mode.as_ref().map(|mode| (mode, mode.value.as_str()));
    match (mode, &scope.assigned) {
        (None | Some((_, "all")), None) => Ok(AssignmentMode::All),
        (Some((_, "assigned")), Some(list)) => {
            assigned_of(list, people, "assigned").map(AssignmentMode::Assigned)
        }
        (Some((mode, "assigned")), None) => Err(PolicyFlaw::at(
            mode,
            "`mode: assigned` without `assigned`: no one would be in scope",
            "add assigned: { groups: [...] }, or use `mode: all`",
        )),
        (None | Some((_, "all")), Some(list)) => Err(PolicyFlaw::at(
            list,
            "`assigned` only matters with `mode: assigned`",
            "add `mode: assigned`, or remove the list",
        )),
        (Some((mode, other)), _) => {
            Err(PolicyFlaw::at(mode, format!("unknown mode `{other}`"), "use all or assigned"))
        }
    }
}

/// Reads and checks a list of protected people or groups.
pub(crate) fn read_protected(
    list: &Spanned<AssignedText>,
    people: bool,
) -> Result<AssignedNames, PolicyFlaw> {
    assigned_of(list, people, "protected")
}

/// Reads and checks a list of people and groups. `key` names it in errors.
fn assigned_of(list: &Spanned<AssignedText>, people: bool, key: &str) -> Result<AssignedNames, PolicyFlaw> {
    let AssignedText { users, groups } = &list.value;
    if let Some(user) = users.first().filter(|_| !people) {
        return Err(PolicyFlaw::at(user, "people are listed in the rules for groups", "list groups"));
    }
    if users.is_empty() && groups.is_empty() {
        let fix = "add `users` (keys) or `groups` (names, wildcards or keys)";
        return Err(PolicyFlaw::at(list, format!("`{key}` lists neither people nor groups"), fix));
    }
    for (name, count, most) in
        [("users", users.len(), ASSIGNED_USERS_MAX), ("groups", groups.len(), ASSIGNED_GROUPS_MAX)]
    {
        if count > most {
            let fix = format!("list at most {most}, or a group that holds them");
            return Err(PolicyFlaw::at(list, format!("`{key}` lists {count} {name}"), fix));
        }
    }
    if let Some(blank) = users.iter().chain(groups).find(|name| name.value.trim().is_empty()) {
        return Err(PolicyFlaw::at(blank, format!("a name in `{key}` is blank"), "remove it"));
    }
    Ok(AssignedNames {
        users: users.iter().map(|user| user.value.clone()).collect::<BTreeSet<_>>(),
        groups: groups.iter().map(|group| GroupPattern::new(&group.value)).collect(),
    })
}

fn counted_clause(
    text: &Spanned<ClauseText>,
    reading: &mut DocumentReading<'_>,
) -> Result<ScopeClause, PolicyFlaw> {
    let clause = clause_of(text, 0, reading)?;
    reading.count_patterns(clause.pattern_weight(), text)?;
    Ok(clause)
}

/// Reads a clause in any of its forms.
fn clause_of(
    clause: &Spanned<ClauseText>,
    depth: usize,
    reading: &mut DocumentReading<'_>,
) -> Result<ScopeClause, PolicyFlaw> {
    let wrong = |what: &str, fix: &str| Err(PolicyFlaw::at(clause, what, fix));
    if depth > NESTING_MAX {
        return wrong(&format!("more than {NESTING_MAX} `not`"), "simplify the clause");
    }
    let map = match &clause.value {
        ClauseText::Text(text) => return clause_of_text(clause, text),
        ClauseText::Map(map) => map.as_ref(),
    };
    let compares = map.operator.is_some() || map.value.is_some() || map.values.is_some();
    let is_about_attribute = map.attribute.is_some() || compares || map.ignore_case.is_some();
    match map {
        ClauseMap { not: Some(_), .. }
            if is_about_attribute || map.member_of.is_some() || map.nested.is_some() =>
        {
            wrong("`not` stands beside other keys", "write { not: { attribute: ..., operator: ... } }")
        }
        ClauseMap { not: Some(inner), .. } => {
            clause_of(inner, depth + 1, reading).map(|inner| ScopeClause::Not(Box::new(inner)))
        }
        ClauseMap { member_of: Some(_), .. } if is_about_attribute => {
            wrong("`memberOf` stands beside other keys", "make it a clause of its own")
        }
        ClauseMap { member_of: Some(group), nested, .. } => member_of(group, *nested),
        ClauseMap { nested: Some(_), .. } => {
            wrong("`nested` belongs to `memberOf`", "remove it, or add `memberOf`")
        }
        ClauseMap { attribute: Some(name), operator: Some(operator), .. } => {
            about_attribute(name, operator, map, reading)
        }
        _ => wrong(
            "a clause needs `attribute` and `operator`, or `memberOf`, or `not`",
            "write { attribute: department, operator: EQUALS, value: Sales }",
        ),
    }
}

/// Reads a clause in text form. An error underlines the wrong part.
fn clause_of_text(clause: &Spanned<ClauseText>, text: &str) -> Result<ScopeClause, PolicyFlaw> {
    ScopeClause::parse(text).map_err(|error| {
        let repeated: String = text.chars().take(REPEATED_CHARACTERS_MAX).collect();
        let hint = error.hint.clone().unwrap_or_else(|| "write department EQUALS \"Sales\"".to_owned());
        PolicyFlaw::at(clause, format!("`{repeated}`: {}", error.message), hint)
            .within(expression::SourceSpan { start: error.start, end: error.end }, error.render(text))
    })
}

fn member_of(group: &Spanned<String>, nested: Option<bool>) -> Result<ScopeClause, PolicyFlaw> {
    if group.value.trim().is_empty() {
        let fix = "name a group, with wildcards or not, or give its key";
        return Err(PolicyFlaw::at(group, "`memberOf` is blank", fix));
    }
    Ok(ScopeClause::MemberOf { pattern: GroupPattern::new(&group.value), nested: nested.unwrap_or(true) })
}

/// Reads a condition on one attribute.
fn about_attribute(
    name: &Spanned<String>,
    operator: &Spanned<String>,
    map: &ClauseMap,
    reading: &mut DocumentReading<'_>,
) -> Result<ScopeClause, PolicyFlaw> {
    let Some(attribute) = AttributeName::parse(&name.value) else {
        let what = format!("`{}` is not the name of an attribute", name.value);
        return Err(PolicyFlaw::at(name, what, "write department or manager.department"));
    };
    let Some(kind) = OperatorKind::named(&operator.value) else {
        let what = format!("unknown operator `{}`", operator.value);
        return Err(PolicyFlaw::at(operator, what, operator_hint(&operator.value)));
    };
    let operands = read_operands(kind, operator, map, reading.yaml)?;
    let ignore_case = map.ignore_case.unwrap_or(false);
    let operator = AttributeOperator::new(kind, operands, ignore_case)
        .map_err(|OperandError { what, fix }| PolicyFlaw::at(operator, what, fix))?;
    Ok(ScopeClause::Attribute { name: attribute, operator, ignore_case })
}

/// Reads the operands exactly as they are written: `0041` is not a number, and `NO` is not a Boolean.
fn read_operands(
    kind: OperatorKind,
    operator: &Spanned<String>,
    map: &ClauseMap,
    yaml: &str,
) -> Result<WrittenOperands, PolicyFlaw> {
    if let (Some(Spanned { value: YamlScalar::List(_), .. }), OperatorKind::In | OperatorKind::NotIn) =
        (&map.value, kind)
    {
        let what = format!("the list of {} is called `values`", kind.name());
        return Err(PolicyFlaw::at(operator, what, "write `values: [...]`"));
    }
    let plain = |operand: &WrittenValue| {
        written::written_text(operand, yaml).ok_or_else(|| {
            let what = format!("an operand of {} is not a plain value", kind.name());
            PolicyFlaw::at(operand, what, "use text, a number, true or false")
        })
    };
    match (&map.value, &map.values) {
        (None, None) => Ok(WrittenOperands::None),
        (Some(value), None) => plain(value).map(WrittenOperands::One),
        (None, Some(values)) => values.iter().map(plain).collect::<Result<_, _>>().map(WrittenOperands::Many),
        (Some(_), Some(_)) => {
            Err(PolicyFlaw::at(operator, "both `value` and `values`", "keep one of the two"))
        }
    }
}
