//! Writes the rules of one object.

use std::fmt::Write as _;

use super::{ImportTarget, mapping};
use crate::graph::ObjectMapping;
use crate::note::ConversionNote;
use crate::{scim, yaml};

/// Writes the mappings, matching attributes and actions of one object.
pub(super) fn write_object(
    object: &ObjectMapping,
    target: &ImportTarget<'_>,
    what: &str,
    notes: &mut Vec<ConversionNote>,
) -> String {
    let mut text = "  mappings:\n".to_owned();
    let mut matching: Vec<(i64, String)> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    let mut reaches: Vec<Option<policy::PathReach>> = Vec::new();
    let required_path = required_path(what);
    let mut too_many = 0;
    for attribute in &object.attribute_mappings {
        let known = target.attributes.get(attribute.target_attribute_name.as_str()).copied();
        let Some(line) = mapping::mapping_line(attribute, known, what, notes) else {
            let name = yaml::comment_text(&attribute.target_attribute_name);
            let _ = writeln!(text, "    # {name}: not taken over, see above");
            continue;
        };
        // The last place is reserved for the required mapping.
        let is_required = line.path == required_path || seen.iter().any(|path| path == required_path);
        if seen.len() >= policy::MAPPINGS_MAX - usize::from(!is_required) {
            too_many += 1;
            continue;
        }
        let reach = policy::PathReach::of(&line.path);
        if let Some(other) = seen
            .iter()
            .position(|path| *path == line.path)
            .or_else(|| overlapping_path(&reaches, reach.as_ref()))
        {
            notes.push(mapped_already(&seen[other], line.path));
            continue;
        }
        let _ = writeln!(text, "    - {}", line.yaml);
        if attribute.matching_priority > 0
            && scim::attribute_role(&line.path) == scim::TargetAttributeRole::Manager
        {
            let why = "an account cannot be found by a reference: match on another attribute";
            notes.push(ConversionNote::left_out(&line.path, why));
        } else if attribute.matching_priority > 0 {
            matching.push((attribute.matching_priority, line.path.clone()));
        }
        seen.push(line.path);
        reaches.push(reach);
    }
    if too_many > 0 {
        let most = policy::MAPPINGS_MAX;
        let said = format!("a policy has at most {most} mappings: the last {too_many} are not in it");
        notes.push(ConversionNote::left_out(what, said));
    }
    missing_required(what, &seen, &mut text, notes);
    matching.sort();
    if !matching.is_empty() {
        let paths: Vec<String> = matching.iter().map(|(_, path)| yaml::yaml_scalar(path)).collect();
        let _ = writeln!(text, "  match: [{}]", paths.join(", "));
    }
    text.push_str(&flow_actions(object.flow_types.as_deref()));
    text
}

/// Returns the position of an earlier path that covers a part of this one, or the other way round.
fn overlapping_path(
    before: &[Option<policy::PathReach>],
    reach: Option<&policy::PathReach>,
) -> Option<usize> {
    let reach = reach?;
    before.iter().position(|other| other.as_ref().is_some_and(|other| other.overlaps(reach)))
}

/// Returns the note on a `path` that cannot be mapped because `other` is mapped.
fn mapped_already(other: &str, path: String) -> ConversionNote {
    let why = match other.eq_ignore_ascii_case(&path) {
        true => "it is mapped twice; the first one counts".to_owned(),
        false => {
            format!("it and `{other}`, which is mapped before it, contain one another; the first one counts")
        }
    };
    ConversionNote::left_out(path, why)
}

pub(super) fn required_path(what: &str) -> &'static str {
    if what == "users" { "userName" } else { "displayName" }
}

/// Adds the attribute that every account or group requires, if the export does not map it under that name.
fn missing_required(what: &str, seen: &[String], text: &mut String, notes: &mut Vec<ConversionNote>) {
    let path = required_path(what);
    let source = if what == "users" { "userPrincipalName" } else { "displayName" };
    if !seen.iter().any(|mapped| mapped == path) {
        let _ = writeln!(text, "    - {{ target: {path}, source: {source} }} # added: SCIM requires it");
        notes.push(ConversionNote::changed(
            path,
            format!("the export does not map it, SCIM requires it: added from {source}"),
        ));
    }
}

/// Converts Graph's `flowTypes`. Switching off is an update there.
fn flow_actions(flow_types: Option<&str>) -> String {
    let Some(types) = flow_types else { return String::new() };
    let has = |name: &str| types.split(',').any(|flow| flow.trim().eq_ignore_ascii_case(name));
    let (create, update, delete) = (has("Add"), has("Update"), has("Delete"));
    if create && update && delete {
        return String::new();
    }
    format!("  actions: {{ create: {create}, update: {update}, disable: {update}, delete: {delete} }}\n")
}
