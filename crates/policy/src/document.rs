//! The policy file as it is written, and the checks that turn it into a [`Policy`].

use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;
use sha2::{Digest, Sha256};

use crate::attributes::text;
use crate::decide::{DISPLAY_NAME, USER_NAME};
use crate::error::Flaw;
use crate::mapping::{EXTERNAL_ID, Mapping, Source};
use crate::policy::{GroupRules, LeaverAction, LeaverRule, Policy, UserRules};
use crate::scope::{Clause, Operator, Scope};

/// Raised when the same file means something else than before, so that everybody is decided again.
const MEANING: &str = "1";
/// Targets are named in subjects, metrics and URLs.
const TARGET_NAME_MAX: usize = 64;
/// A hundred years: more is a typing error.
const DELETE_AFTER_DAYS_MAX: u32 = 36_500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    target: Spanned<String>,
    users: Spanned<Rules>,
    groups: Option<Spanned<Rules>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Rules {
    scope: Option<ScopeText>,
    mappings: Vec<Spanned<MappingText>>,
    #[serde(rename = "match", default)]
    match_on: Vec<Spanned<String>>,
    leaver: Option<Spanned<LeaverText>>,
    #[serde(default)]
    assume_empty: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeText {
    any: Vec<Spanned<AlternativeText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AlternativeText {
    all: Vec<Spanned<ClauseText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ClauseText {
    attribute: Option<String>,
    operator: Option<Spanned<String>>,
    value: Option<Value>,
    values: Option<Vec<Value>>,
    member_of: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingText {
    target: Spanned<String>,
    source: Option<String>,
    constant: Option<Value>,
    default: Option<Value>,
    reference: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LeaverText {
    action: Spanned<String>,
    delete_after_days: Option<u32>,
}

/// Reads and checks a policy file.
pub(crate) fn read(yaml: &str) -> Result<Policy, Flaw> {
    let document: Document = serde_saphyr::from_str(yaml).map_err(|error| from_yaml(&error))?;
    let target = target_name(&document.target)?;
    let groups = document.groups.as_ref().map(group_rules).transpose()?;
    let users = user_rules(&document.users)?;
    Ok(Policy { target, fingerprint: fingerprint(yaml), users, groups })
}

fn from_yaml(error: &serde_saphyr::Error) -> Flaw {
    let error = error.without_snippet();
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    // The parser repeats the place at the end of its message.
    let message = error.to_string();
    let what = message.split(" at line ").next().unwrap_or(&message).trim().to_owned();
    let fix = "a policy consists of target, users (scope, mappings, match, leaver, assumeEmpty) and groups (scope, mappings, match, assumeEmpty)";
    Flaw { line, column, what, fix: fix.to_owned() }
}

fn fingerprint(yaml: &str) -> String {
    let digest = Sha256::new().chain_update(MEANING).chain_update(yaml).finalize();
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn target_name(name: &Spanned<String>) -> Result<String, Flaw> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.value.is_empty() || name.value.len() > TARGET_NAME_MAX || !name.value.chars().all(fits) {
        return Err(Flaw::at(
            name,
            format!("`{}` cannot be the name of a target", name.value),
            format!("use at most {TARGET_NAME_MAX} of a-z, A-Z, 0-9, `-` and `_`"),
        ));
    }
    Ok(name.value.clone())
}

fn user_rules(rules: &Spanned<Rules>) -> Result<UserRules, Flaw> {
    let Rules { scope, mappings, match_on, leaver, assume_empty } = &rules.value;
    let scope = scope_of(scope.as_ref(), true)?;
    let mappings = mappings_of(rules, mappings, USER_NAME)?;
    let match_on = match_of(match_on, &mappings, USER_NAME)?;
    let leaver = leaver
        .as_ref()
        .map_or(Ok(LeaverRule { action: LeaverAction::Disable, delete_after_days: None }), leaver_of)?;
    Ok(UserRules { scope, mappings, match_on, leaver, assume_empty: *assume_empty })
}

fn group_rules(rules: &Spanned<Rules>) -> Result<GroupRules, Flaw> {
    let Rules { scope, mappings, match_on, leaver, assume_empty } = &rules.value;
    if let Some(leaver) = leaver {
        return Err(Flaw::at(leaver, "groups have no leaver rule", "move `leaver` to `users`"));
    }
    let scope = scope_of(scope.as_ref(), false)?;
    let mappings = mappings_of(rules, mappings, DISPLAY_NAME)?;
    let match_on = match_of(match_on, &mappings, DISPLAY_NAME)?;
    Ok(GroupRules { scope, mappings, match_on, assume_empty: *assume_empty })
}

fn leaver_of(leaver: &Spanned<LeaverText>) -> Result<LeaverRule, Flaw> {
    let LeaverText { action, delete_after_days } = &leaver.value;
    let action = match action.value.as_str() {
        "disable" => LeaverAction::Disable,
        "delete" => LeaverAction::Delete,
        "none" => LeaverAction::None,
        other => {
            return Err(Flaw::at(action, format!("unknown action `{other}`"), "use disable, delete or none"));
        }
    };
    match *delete_after_days {
        Some(_) if action == LeaverAction::None => Err(Flaw::at(
            leaver,
            "`deleteAfterDays` contradicts `action: none`",
            "leave it out, or use `action: disable`",
        )),
        Some(days) if days > DELETE_AFTER_DAYS_MAX => Err(Flaw::at(
            leaver,
            format!("`deleteAfterDays` is {days}"),
            format!("use at most {DELETE_AFTER_DAYS_MAX}, or leave it out to keep disabled accounts"),
        )),
        delete_after_days => Ok(LeaverRule { action, delete_after_days }),
    }
}

fn scope_of(scope: Option<&ScopeText>, people: bool) -> Result<Scope, Flaw> {
    let Some(scope) = scope else { return Ok(Scope::default()) };
    let alternative = |alternative: &Spanned<AlternativeText>| {
        if alternative.value.all.is_empty() {
            let fix = "add a clause, or leave `scope` out to mean everybody";
            return Err(Flaw::at(alternative, "`all` has no clauses", fix));
        }
        alternative.value.all.iter().map(|clause| clause_of(clause, people)).collect::<Result<Vec<_>, _>>()
    };
    let any = scope.any.iter().map(alternative).collect::<Result<Vec<_>, _>>()?;
    Ok(Scope { any })
}

fn clause_of(clause: &Spanned<ClauseText>, people: bool) -> Result<Clause, Flaw> {
    let wrong = |what: &str, fix: &str| Flaw::at(clause, what, fix);
    match &clause.value {
        ClauseText { member_of: Some(group), attribute: None, operator: None, value: None, values: None } => {
            if !people {
                return Err(wrong("`memberOf` is about people", "use an attribute of the group"));
            }
            Ok(Clause::MemberOf(group.clone()))
        }
        ClauseText { member_of: Some(_), .. } => {
            Err(wrong("`memberOf` stands beside other keys", "make it a clause of its own"))
        }
        ClauseText { attribute: Some(name), operator: Some(operator), value, values, .. } => {
            let operator = operator_of(operator, value.as_ref(), values.as_deref())?;
            Ok(Clause::Attribute { name: name.clone(), operator })
        }
        _ => Err(wrong(
            "a clause needs `attribute` and `operator`, or `memberOf`",
            "write { attribute: department, operator: EQUALS, value: Sales }",
        )),
    }
}

fn operator_of(
    operator: &Spanned<String>,
    value: Option<&Value>,
    values: Option<&[Value]>,
) -> Result<Operator, Flaw> {
    let name = operator.value.as_str();
    let wrong = |what: String, fix: &str| Err(Flaw::at(operator, what, fix));
    let is_plain = |value: &Value| matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_));
    if !value.into_iter().chain(values.into_iter().flatten()).all(is_plain) {
        return wrong(format!("an operand of {name} is no plain value"), "use text, a number, true or false");
    }
    match (name, value, values) {
        ("EQUALS", Some(value), None) => Ok(Operator::Equals(text(value))),
        ("NOT EQUALS", Some(value), None) => Ok(Operator::NotEquals(text(value))),
        ("STARTS WITH", Some(value), None) => Ok(Operator::StartsWith(text(value))),
        ("EQUALS" | "NOT EQUALS" | "STARTS WITH", _, _) => {
            wrong(format!("{name} compares with one operand"), "give it `value`, and no `values`")
        }
        ("IN", None, Some(values)) if !values.is_empty() => {
            Ok(Operator::In(values.iter().map(text).collect()))
        }
        ("IN", _, _) => {
            wrong("IN compares with a list".to_owned(), "give it `values: [...]`, and no `value`")
        }
        ("IS TRUE", None, None) => Ok(Operator::IsTrue),
        ("IS FALSE", None, None) => Ok(Operator::IsFalse),
        ("IS NULL", None, None) => Ok(Operator::IsNull),
        ("IS NOT NULL", None, None) => Ok(Operator::IsNotNull),
        ("IS TRUE" | "IS FALSE" | "IS NULL" | "IS NOT NULL", _, _) => {
            wrong(format!("{name} takes no operand"), "remove `value` and `values`")
        }
        _ => wrong(
            format!("unknown operator `{name}`"),
            "use EQUALS, NOT EQUALS, IN, STARTS WITH, IS TRUE, IS FALSE, IS NULL or IS NOT NULL",
        ),
    }
}

fn mappings_of(
    rules: &Spanned<Rules>,
    texts: &[Spanned<MappingText>],
    required: &str,
) -> Result<Vec<Mapping>, Flaw> {
    let mut mappings: Vec<Mapping> = Vec::with_capacity(texts.len());
    for text in texts {
        let mapping = mapping_of(text)?;
        if mappings.iter().any(|other| other.target.eq_ignore_ascii_case(&mapping.target)) {
            let what = format!("`{}` is mapped twice", mapping.target);
            return Err(Flaw::at(&text.value.target, what, "keep one of the two"));
        }
        mappings.push(mapping);
    }
    if !mappings.iter().any(|mapping| mapping.target == required && !mapping.is_reference) {
        let fix = format!("add {{ target: {required}, source: ... }} to `mappings`");
        return Err(Flaw::at(rules, format!("`{required}` is not mapped"), fix));
    }
    Ok(mappings)
}

fn mapping_of(text: &Spanned<MappingText>) -> Result<Mapping, Flaw> {
    let MappingText { target, source, constant, default, reference } = &text.value;
    check_target(target)?;
    let source = match (source, constant) {
        (Some(name), None) => Source::Direct(name.clone()),
        (None, Some(value)) => Source::Constant(value.clone()),
        _ => {
            let what = format!("`{}` needs either `source` or `constant`", target.value);
            return Err(Flaw::at(text, what, "give it exactly one of them"));
        }
    };
    if let Some(reference) = reference.as_ref().filter(|reference| reference.value != "user") {
        let what = format!("unknown reference `{}`", reference.value);
        return Err(Flaw::at(reference, what, "only `reference: user` is known"));
    }
    let default = default.clone().filter(|value| !value.is_null());
    Ok(Mapping { target: target.value.clone(), source, default, is_reference: reference.is_some() })
}

fn check_target(target: &Spanned<String>) -> Result<(), Flaw> {
    let path = target.value.as_str();
    let is = |name: &str| path.eq_ignore_ascii_case(name);
    if let Some(exact) =
        [USER_NAME, DISPLAY_NAME, EXTERNAL_ID].into_iter().find(|name| is(name) && path != *name)
    {
        return Err(Flaw::at(target, format!("`{path}` is misspelt"), format!("write `{exact}`")));
    }
    if is("active") {
        let fix = "remove the mapping: scope and employment decide it";
        return Err(Flaw::at(target, "`active` cannot be mapped", fix));
    }
    if ["id", "schemas", "meta", "groups", "members"].into_iter().any(is) {
        let fix = "remove the mapping: it is not an attribute that a policy sets";
        return Err(Flaw::at(target, format!("`{path}` cannot be mapped"), fix));
    }
    let balanced = path.matches('[').count() == path.matches(']').count();
    if path.trim() != path || path.is_empty() || !balanced {
        let fix = r#"write a SCIM path such as name.givenName or emails[type eq "work"].value"#;
        return Err(Flaw::at(target, format!("`{path}` is no attribute path"), fix));
    }
    Ok(())
}

fn match_of(paths: &[Spanned<String>], mappings: &[Mapping], default: &str) -> Result<Vec<String>, Flaw> {
    for path in paths {
        let is_mapped = |mapping: &Mapping| mapping.target == path.value && !mapping.is_reference;
        if path.value != EXTERNAL_ID && !mappings.iter().any(is_mapped) {
            let what = format!("`match` names `{}`, which is not mapped", path.value);
            return Err(Flaw::at(path, what, "map it, or match on another attribute"));
        }
    }
    let paths: Vec<String> = paths.iter().map(|path| path.value.clone()).collect();
    Ok(if paths.is_empty() { vec![default.to_owned()] } else { paths })
}

#[cfg(test)]
mod tests;
