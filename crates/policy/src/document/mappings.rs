//! Mappings and matching attributes in the form that a policy file has.

use std::borrow::Cow;

use expression::Expression;
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::path::{self, PathReach};
use super::written::{self, WrittenValue};
use super::{DocumentReading, RulesDocument};
use crate::error::{PolicyFlaw, PolicyRemark};
use crate::mapping::{
    ApplyWhen, DISPLAY_NAME, EXTERNAL_ID, MappedAttribute, MappingSource, OnNull, USER_NAME, ValueType,
    convert_value,
};
use crate::scope::AttributeName;

/// The maximum number of mappings of one kind (users, groups) in a policy.
pub const MAPPINGS_MAX: usize = 500;

/// A mapping in the form that the file has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct MappingText {
    target: Spanned<String>,
    source: Option<Spanned<String>>,
    constant: Option<WrittenValue>,
    expression: Option<Spanned<String>>,
    none: Option<bool>,
    default: Option<WrittenValue>,
    on_null: Option<Spanned<String>>,
    apply: Option<Spanned<String>>,
    #[serde(rename = "type")]
    value_type: Option<Spanned<String>>,
    reference: Option<Spanned<String>>,
}

impl MappingText {
    /// Returns `true` if the mapping has a `reference`.
    pub(super) fn is_reference(&self) -> bool {
        self.reference.is_some()
    }
}

/// Reads `texts`. One of them must map `required`.
pub(super) fn read_mappings(
    rules: &Spanned<RulesDocument>,
    texts: &[Spanned<MappingText>],
    required: &str,
    reading: &mut DocumentReading<'_>,
) -> Result<Vec<MappedAttribute>, PolicyFlaw> {
    if texts.len() > MAPPINGS_MAX {
        let what = format!("there are {} mappings; at most {MAPPINGS_MAX} are read", texts.len());
        return Err(PolicyFlaw::at(rules, what, "remove some"));
    }
    let mut mappings: Vec<MappedAttribute> = Vec::with_capacity(texts.len());
    let mut reaches: Vec<(PathReach, String)> = Vec::with_capacity(texts.len());
    for text in texts {
        if reading.is_exhausted() {
            break;
        }
        let mapping = read_mapping(text, reading);
        let Some(mapping) = reading.collect(mapping) else { continue };
        if let Some(reach) = PathReach::of(&mapping.target) {
            if let Some((other, path)) = reaches.iter().find(|(other, _)| other.overlaps(&reach)) {
                let _: Option<()> =
                    reading.collect(Err(duplicate_target(&text.value.target, path, *other == reach)));
                continue;
            }
            reaches.push((reach, mapping.target.clone()));
        }
        mappings.push(mapping);
    }
    let is_required = |mapping: &MappedAttribute| {
        mapping.target == required && !mapping.is_reference && mapping.source != MappingSource::None
    };
    if !reading.is_flawed() && !mappings.iter().any(is_required) {
        let fix = format!("add {{ target: {required}, source: ... }} to `mappings`");
        return Err(PolicyFlaw::at(rules, format!("`{required}` is not mapped"), fix));
    }
    Ok(mappings)
}

/// Returns the error for two mappings of the same attribute. They would overwrite each other at the target in turn.
fn duplicate_target(target: &Spanned<String>, other: &str, is_same: bool) -> PolicyFlaw {
    let path = &target.value;
    if is_same {
        return PolicyFlaw::at(target, format!("`{path}` is mapped twice"), "keep one of the two");
    }
    let what = format!("`{path}` is mapped, and so is `{other}`: one contains the other");
    PolicyFlaw::at(target, what, "keep one of the two, or map the parts one by one")
}

/// Returns a remark on each target that is probably misspelt: its name is nearly one of `known`.
pub(super) fn mapping_remarks(texts: &[Spanned<MappingText>], known: &[&'static str]) -> Vec<PolicyRemark> {
    let targets = texts.iter().map(|text| &text.value.target);
    let misspelt = targets.filter_map(|target| Some((target, path::probably_meant(&target.value, known)?)));
    let remark = |(target, meant): (&Spanned<String>, &str)| PolicyRemark {
        line: target.referenced.line(),
        column: target.referenced.column(),
        text: format!("`{}` is not a SCIM attribute; did you mean `{meant}`?", target.value),
    };
    misspelt.map(remark).collect()
}

/// Reads and checks one mapping.
fn read_mapping(
    text: &Spanned<MappingText>,
    reading: &mut DocumentReading<'_>,
) -> Result<MappedAttribute, PolicyFlaw> {
    let target = &text.value.target;
    check_target(target)?;
    let value_type = value_type(text.value.value_type.as_ref())?;
    let source = mapping_source(text, value_type, reading)?;
    let default = text.value.default.as_ref();
    let default =
        default.map(|default| typed_value(default, value_type, "default", target, reading)).transpose()?;
    let default = default.filter(|value| !value.is_null());
    let is_reference = is_reference(text.value.reference.as_ref())?;
    let apply = read_apply(text.value.apply.as_ref())?;
    let on_null = on_null(text.value.on_null.as_ref(), default.as_ref(), target)?;
    if is_reference && (apply == ApplyWhen::OnCreate || text.value.value_type.is_some()) {
        let what = "a reference is written as soon as the other person has an account";
        return Err(PolicyFlaw::at(text, what, "remove `apply` and `type`"));
    }
    Ok(MappedAttribute {
        target: target.value.clone(),
        source,
        default,
        on_null,
        apply,
        value_type,
        is_reference,
    })
}

/// Converts a value from the file to the type that the target requires.
/// A value that does not convert would fail for every person.
fn typed_value(
    given: &WrittenValue,
    wanted: Option<ValueType>,
    key: &str,
    target: &Spanned<String>,
    reading: &DocumentReading<'_>,
) -> Result<Value, PolicyFlaw> {
    let value = written::json_value(given, reading.yaml)?;
    if value.is_null() {
        return Ok(value);
    }
    convert_value(Cow::Owned(value), wanted).map(Cow::into_owned).map_err(|why| {
        let what = format!("the {key} of `{}` does not fit its `type`: {why}", target.value);
        PolicyFlaw::at(given, what, "write a value of that type, or remove `type`")
    })
}

/// Reads the source of a mapping. Exactly one of its four keys must be present.
fn mapping_source(
    text: &Spanned<MappingText>,
    value_type: Option<ValueType>,
    reading: &mut DocumentReading<'_>,
) -> Result<MappingSource, PolicyFlaw> {
    let MappingText { target, source, constant, expression, none, .. } = &text.value;
    let wrong = |what: &str, fix: &str| PolicyFlaw::at(text, format!("`{}` {what}", target.value), fix);
    match (source, constant, expression, none) {
        (Some(name), None, None, None) => match AttributeName::parse(&name.value) {
            Some(name) => Ok(MappingSource::Direct(name)),
            None => {
                let what = format!("`{}` is not an attribute", name.value);
                Err(PolicyFlaw::at(name, what, "write the name of an attribute, or manager.NAME"))
            }
        },
        (None, Some(value), None, None) => {
            typed_value(value, value_type, "constant", target, reading).map(MappingSource::Constant)
        }
        (None, None, Some(expression), None) => {
            let source = compile_expression(expression, &target.value, reading.yaml)
                .inspect_err(|_| reading.count_failed(&expression.value))?;
            if let MappingSource::Expression(compiled) = &source {
                reading.count_patterns(compiled.pattern_weight(), expression)?;
            }
            Ok(source)
        }
        (None, None, None, Some(true)) => Ok(MappingSource::None),
        (None, None, None, None) => {
            Err(wrong("needs `source`, `constant`, `expression` or `none: true`", "give it one of them"))
        }
        (_, _, _, Some(false)) => Err(wrong("has `none: false`, which has no effect", "remove it")),
        _ => {
            Err(wrong("has more than one of `source`, `constant`, `expression`, `none`", "keep one of them"))
        }
    }
}

/// Compiles an expression, with the error at its line and column in the file.
fn compile_expression(text: &Spanned<String>, target: &str, yaml: &str) -> Result<MappingSource, PolicyFlaw> {
    match Expression::compile(&text.value) {
        Ok(expression) if expression.needs_uniqueness() => Err(PolicyFlaw::at(
            text,
            format!("`{target}` depends on the content of the target (SelectUniqueValue)"),
            "use its first rule: only the target knows if a value is taken, and it answers with a conflict",
        )),
        Ok(expression) => Ok(MappingSource::Expression(expression)),
        Err(error) => {
            let fix = error.hint.clone().unwrap_or_else(|| {
                "see docs/policy.md for the language, and try it with `usher policy eval`".to_owned()
            });
            let what = format!("the expression of `{target}` is wrong: {}", error.message);
            Err(PolicyFlaw::at(text, what, fix)
                .within(error.span, error.render(&text.value))
                .at_place(written::place_within(text, error.span.start, yaml)))
        }
    }
}

fn is_reference(reference: Option<&Spanned<String>>) -> Result<bool, PolicyFlaw> {
    match reference {
        Some(reference) if reference.value != "user" => {
            let what = format!("unknown reference `{}`", reference.value);
            Err(PolicyFlaw::at(reference, what, "only `reference: user` is known"))
        }
        reference => Ok(reference.is_some()),
    }
}

fn read_apply(text: Option<&Spanned<String>>) -> Result<ApplyWhen, PolicyFlaw> {
    match text.map(|text| (text, text.value.as_str())) {
        None | Some((_, "always")) => Ok(ApplyWhen::Always),
        Some((_, "onCreate")) => Ok(ApplyWhen::OnCreate),
        Some((text, other)) => {
            Err(PolicyFlaw::at(text, format!("unknown `apply` `{other}`"), "use always or onCreate"))
        }
    }
}

/// Reads `onNull`. It is `default` if the mapping has a default, and `clear` otherwise.
fn on_null(
    text: Option<&Spanned<String>>,
    default: Option<&Value>,
    target: &Spanned<String>,
) -> Result<OnNull, PolicyFlaw> {
    let target = &target.value;
    match text.map(|text| (text, text.value.as_str())) {
        None if default.is_some() => Ok(OnNull::Default),
        None => Ok(OnNull::Clear),
        Some((_, "skip")) => Ok(OnNull::Skip),
        Some((text, "clear")) if default.is_some() => Err(PolicyFlaw::at(
            text,
            format!("the default of `{target}` would be written and then cleared"),
            "use `onNull: default`, or `onNull: skip` to write it on creation only",
        )),
        Some((_, "clear")) => Ok(OnNull::Clear),
        Some((_, "default")) if default.is_some() => Ok(OnNull::Default),
        Some((text, "default")) => Err(PolicyFlaw::at(
            text,
            format!("`{target}` has no default"),
            "add `default`, or use skip or clear",
        )),
        Some((text, other)) => {
            Err(PolicyFlaw::at(text, format!("unknown `onNull` `{other}`"), "use skip, clear or default"))
        }
    }
}

fn value_type(text: Option<&Spanned<String>>) -> Result<Option<ValueType>, PolicyFlaw> {
    match text.map(|text| (text, text.value.as_str())) {
        None => Ok(None),
        Some((_, "text")) => Ok(Some(ValueType::Text)),
        Some((_, "boolean")) => Ok(Some(ValueType::Boolean)),
        Some((_, "integer")) => Ok(Some(ValueType::Integer)),
        Some((text, other)) => {
            Err(PolicyFlaw::at(text, format!("unknown type `{other}`"), "use text, boolean or integer"))
        }
    }
}

/// Checks that a policy may map the target path, and that its core attributes are spelt exactly.
fn check_target(target: &Spanned<String>) -> Result<(), PolicyFlaw> {
    let path = target.value.as_str();
    let reach = path::PathReach::of(path);
    let core_name = reach.as_ref().and_then(path::PathReach::core_name).unwrap_or(path);
    let is = |name: &str| core_name.eq_ignore_ascii_case(name);
    let is_whole = reach.as_ref().is_none_or(path::PathReach::is_whole);
    if let Some(exact) =
        [USER_NAME, DISPLAY_NAME, EXTERNAL_ID].into_iter().find(|name| is_whole && is(name) && path != *name)
    {
        return Err(PolicyFlaw::at(target, format!("`{path}` is misspelt"), format!("write `{exact}`")));
    }
    if is("active") {
        let fix = "remove the mapping: scope, employment and the leaver rule decide it";
        return Err(PolicyFlaw::at(target, format!("`{path}` cannot be mapped"), fix));
    }
    if ["id", "schemas", "meta", "groups", "members"].into_iter().any(is) {
        let fix = "remove the mapping: it is not an attribute that a policy sets";
        return Err(PolicyFlaw::at(target, format!("`{path}` cannot be mapped"), fix));
    }
    if !path::can_be_written(path) {
        let fix = r#"write a SCIM path such as name.givenName or emails[type eq "work"].value"#;
        return Err(PolicyFlaw::at(target, format!("`{path}` is not an attribute path"), fix));
    }
    Ok(())
}

/// Reads the paths that identify an account or group which existed before; `default` if the file names none.
pub(super) fn read_matching(
    paths: Option<&Spanned<Vec<Spanned<String>>>>,
    mappings: &[MappedAttribute],
    default: &str,
    reading: &DocumentReading<'_>,
) -> Result<Vec<String>, PolicyFlaw> {
    let Some(paths) = paths else { return Ok(vec![default.to_owned()]) };
    if paths.value.is_empty() {
        let fix = format!("leave it out to match on {default}, or name a path");
        return Err(PolicyFlaw::at(paths, "`match` names no path", fix));
    }
    for path in &paths.value {
        let is_mapped = |mapping: &MappedAttribute| mapping.target == path.value && !mapping.is_reference;
        if path.value != EXTERNAL_ID && !reading.is_flawed() && !mappings.iter().any(is_mapped) {
            let what = format!("`match` names `{}`, which is not mapped", path.value);
            return Err(PolicyFlaw::at(path, what, "map it, or match on another attribute"));
        }
    }
    Ok(paths.value.iter().map(|path| path.value.clone()).collect())
}
