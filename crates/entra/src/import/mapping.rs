//! Converts one attribute mapping to a line of a policy.

use expression::Expression;
use policy::ValueType;

use super::source::{self, ImportedSource};
use crate::graph::{AttributeMapping, GraphAttribute};
use crate::note::ConversionNote;
use crate::scim::{self, TargetAttributeRole};
use crate::yaml::{quoted_text, yaml_scalar};

/// A mapping of the policy.
pub(super) struct MappingLine {
    /// The SCIM attribute path at the target.
    pub(super) path: String,
    /// The YAML of the mapping, on one line.
    pub(super) yaml: String,
}

/// Returns the mapping in the notation of a policy. Returns `None`, with a note, if
/// the attribute does not belong in a policy or the mapping cannot be converted.
pub(super) fn mapping_line(
    mapping: &AttributeMapping,
    known: Option<&GraphAttribute>,
    what: &str,
    notes: &mut Vec<ConversionNote>,
) -> Option<MappingLine> {
    let path = scim::target_path(mapping.target_attribute_name.trim());
    let from = mapping.source.as_ref().and_then(source::read_source);
    if from.is_none() && path == super::object::required_path(what) {
        notes.push(ConversionNote::left_out(&path, "it has no source, and SCIM requires a value"));
        return None;
    }
    let refused = |text: &str| Some(ConversionNote::left_out(&path, text));
    let note = match scim::attribute_role(&path) {
        TargetAttributeRole::Active => refused(
            "scope, employment and the leaver rule decide whether an account can be used; accountEnabled is part of the \
             imported scope",
        ),
        TargetAttributeRole::Members if what == "groups" => None?, // `groups:` includes memberships, so no mapping is lost
        TargetAttributeRole::Members => refused("only groups have members"),
        TargetAttributeRole::ReadOnly => refused("it is not for clients to set"),
        _ if path.is_empty() => refused("it has no target attribute"),
        TargetAttributeRole::Manager | TargetAttributeRole::Plain => None,
    };
    if let Some(note) = note {
        notes.push(note);
        return None;
    }
    let value = match &from {
        Some(ImportedSource::Attribute(name))
            if scim::attribute_role(&path) == TargetAttributeRole::Manager =>
        {
            format!("source: {}, reference: user", yaml_scalar(name))
        }
        Some(ImportedSource::Attribute(name)) => format!("source: {}", yaml_scalar(name)),
        Some(ImportedSource::Constant(text)) => format!("constant: {}", quoted_text(text)),
        Some(ImportedSource::Expression(text)) => write_expression(text, &path, notes)?,
        None => "none: true".to_owned(),
    };
    tell_differences(mapping, &from, known, &path, notes);
    let mut yaml = format!("{{ target: {}, {value}", yaml_scalar(&path));
    let kind = attribute_type(known);
    if let Some(default) = mapping.default_value.as_deref().filter(|default| !default.is_empty()) {
        if kind.is_none_or(|(kind, _)| kind.takes(&default.into())) {
            yaml.push_str(&format!(", default: {}", quoted_text(default)));
        } else {
            let why =
                format!("the target's directory declares another type than that of its default `{default}`");
            notes.push(ConversionNote::changed(&path, format!("{why}: it has none here")));
        }
    }
    yaml.push_str(&mapping_flow(mapping, &path, from.is_some(), notes));
    yaml.push_str(kind.map_or("", |(_, words)| words));
    yaml.push_str(" }");
    Some(MappingLine { path, yaml })
}

/// Adds notes on parts that are converted but differ in meaning.
fn tell_differences(
    mapping: &AttributeMapping,
    from: &Option<ImportedSource>,
    known: Option<&GraphAttribute>,
    path: &str,
    notes: &mut Vec<ConversionNote>,
) {
    let mut tell = |text: &str| notes.push(ConversionNote::changed(path, text));
    let has_default = mapping.default_value.as_deref().is_some_and(|default| !default.is_empty());
    if from.is_none() && has_default {
        tell("its default is written on creation only here; in Entra whenever the target has no value");
    }
    if let Some(ImportedSource::Expression(text)) = from
        && text.replace("AssertiveAppRoleAssignmentsComplex", "").contains("AppRoleAssignmentsComplex")
    {
        tell(
            "AppRoleAssignmentsComplex only adds roles in Entra; here it replaces the target's list when it changes",
        );
    }
    if known.is_some_and(|known| known.kind == "Reference")
        && scim::attribute_role(path) != TargetAttributeRole::Manager
    {
        tell("it refers to another object in Entra; here its value is written as it is");
    }
}

/// Returns the YAML of an expression, or adds a note if the language does not support it.
fn write_expression(text: &str, path: &str, notes: &mut Vec<ConversionNote>) -> Option<String> {
    match Expression::compile(text) {
        Ok(compiled) if compiled.needs_uniqueness() => {
            let why = "SelectUniqueValue asks what the target holds; a mapping cannot. Use its first rule";
            notes.push(ConversionNote::left_out(path, why));
            None
        }
        Ok(_) => Some(format!("expression: {}", quoted_text(text))),
        Err(error) => {
            notes.push(ConversionNote::left_out(path, format!("{error} (in {text})")));
            None
        }
    }
}

/// Returns the keys for the occasions on which the mapping applies, and for null values.
fn mapping_flow(
    mapping: &AttributeMapping,
    path: &str,
    has_source: bool,
    notes: &mut Vec<ConversionNote>,
) -> String {
    let constant_or_none = !has_source || mapping.source.as_ref().and_then(source::read_source).is_none();
    let nulls = if constant_or_none { "" } else { ", onNull: skip" };
    match mapping.flow_type.as_deref().unwrap_or("Always") {
        "Always" => nulls.to_owned(),
        "ObjectAddOnly" => ", apply: onCreate".to_owned(),
        "AttributeAddOnly" => {
            let text =
                "AttributeAddOnly writes when the target has no value; here it is written on creation only";
            notes.push(ConversionNote::changed(path, text));
            ", apply: onCreate".to_owned()
        }
        "ValueAddOnly" | "MultiValueAddOnly" => {
            let text = "it only ever adds values; here the value is replaced when it changes";
            notes.push(ConversionNote::changed(path, text));
            nulls.to_owned()
        }
        other => {
            notes.push(ConversionNote::changed(
                path,
                format!("flowType `{other}` is not known; it always applies here"),
            ));
            nulls.to_owned()
        }
    }
}

/// Returns the type that the target's directory declares, if it is not text.
fn attribute_type(known: Option<&GraphAttribute>) -> Option<(ValueType, &'static str)> {
    match known?.kind.as_str() {
        "Boolean" => Some((ValueType::Boolean, ", type: boolean")),
        "Integer" => Some((ValueType::Integer, ", type: integer")),
        _ => None,
    }
}
