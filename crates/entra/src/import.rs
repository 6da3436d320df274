//! Converts a Graph `synchronizationSchema` to policies.

mod mapping;
mod object;
mod repair;
mod scope;
mod source;

use std::collections::BTreeMap;
use std::fmt::Write as _;

pub(crate) use scope::PLACEHOLDER;
pub(crate) use source::graph_keys;

use serde_json::Value;

use crate::graph::{GraphAttribute, GraphSchema, ObjectMapping};
use crate::note::ConversionNote;
use crate::yaml;
use object::write_object;

/// The maximum size of an export, in bytes. Real exports have a few thousand lines; this is a hundred times as much.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// The maximum length of a target name in a policy.
const TARGET_NAME_MAX: usize = 64;

/// The result of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportResult {
    /// One policy per target directory, in the order of the export.
    pub policies: Vec<ImportedPolicy>,
    /// The parts that were converted differently or not at all. The files contain the same notes as comments.
    pub notes: Vec<ConversionNote>,
}

/// One policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedPolicy {
    /// The name of the target.
    pub target: String,
    /// The text of the file.
    pub yaml: String,
}

/// The reason why an export cannot be imported at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The export is too large.
    #[error("the export has {bytes} bytes; at most {BYTES_MAX} are read")]
    TooLarge {
        /// The size of the export, in bytes.
        bytes: usize,
    },
    /// The export is not JSON, or does not have the shape of a schema.
    #[error(
        "this is not a synchronizationSchema: {what}; export one with GET .../synchronization/jobs/{{id}}/schema"
    )]
    NotASchema {
        /// A description of the error and its location.
        what: String,
    },
    /// The export contains no rule that provisions users or groups.
    #[error("no rule in it provisions users or groups: it has no object mapping with `attributeMappings`")]
    Nothing,
    /// The converted text is not a valid policy.
    #[error("the policy for `{target}` would not be valid: {what}")]
    NotUsable {
        /// The target.
        target: String,
        /// The reason.
        what: String,
    },
}

/// The users and groups that the provisioning job admits before it applies
/// a filter. This is a setting of the job, and not a part of any schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobScope {
    /// The setting is unknown: no one is in scope until the policy names the people and groups.
    NotSaid,
    /// *Sync all users and groups*.
    Everybody,
    /// *Sync only assigned users and groups*: the assigned groups, by name, wildcard or key.
    Assigned(Vec<String>),
}

/// Converts `json` to policies. It may be a whole schema, the response that lists schemas, one
/// synchronization rule, or one object mapping. `target` names the target if there is only one; otherwise
/// the targets get the names of the directories. `job` is the setting that the schema does not contain.
///
/// # Errors
/// See [`ImportError`]. A part that is merely not understood becomes a note.
pub fn import_schema(json: &str, target: Option<&str>, job: &JobScope) -> Result<ImportResult, ImportError> {
    if json.len() > BYTES_MAX {
        return Err(ImportError::TooLarge { bytes: json.len() });
    }
    let schema = read_schema(json)?;
    let mut notes = Vec::new();
    let mut targets = by_target(&schema, &mut notes);
    if let (Some(name), [only]) = (target, targets.as_mut_slice()) {
        only.name = name.to_owned();
    }
    if targets.iter().all(|target| target.users.is_none() && target.groups.is_none()) {
        return Err(ImportError::Nothing);
    }
    targets.retain(|target| target.users.is_some() || target.groups.is_some());
    let mut policies = Vec::new();
    for target in &targets {
        let mut own = Vec::new();
        let yaml = repair::repair_policy(write_policy(target, job, &mut own), &mut own)
            .map_err(|what| ImportError::NotUsable { target: target.name.clone(), what })?;
        policies.push(ImportedPolicy { target: target.name.clone(), yaml: with_header(target, &own, &yaml) });
        notes.extend(own);
    }
    Ok(ImportResult { policies, notes })
}

/// The object mappings of one target directory.
struct ImportTarget<'a> {
    name: String,
    users: Option<&'a ObjectMapping>,
    groups: Option<&'a ObjectMapping>,
    attributes: BTreeMap<&'a str, &'a GraphAttribute>,
}

/// Reads an export in any of its accepted forms as a schema.
fn read_schema(json: &str) -> Result<GraphSchema, ImportError> {
    let wrong = |what: String| ImportError::NotASchema { what };
    let json = json.trim_start_matches('\u{feff}');
    let value: Value = serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
    let schema = match value {
        Value::Object(mut fields) => {
            if let Some(Value::Array(mut list)) = fields.remove("value") {
                match list.len() {
                    1 => list.remove(0),
                    n => return Err(wrong(format!("it lists {n} schemas: choose one of them"))),
                }
            } else if let Some(schema) = fields.remove("schema") {
                schema
            } else {
                Value::Object(fields)
            }
        }
        other => other,
    };
    let has = |name: &str| schema.get(name).is_some();
    let whole = if has("synchronizationRules") {
        schema
    } else if has("objectMappings") {
        serde_json::json!({ "synchronizationRules": [schema] })
    } else if has("attributeMappings") {
        serde_json::json!({ "synchronizationRules": [{ "objectMappings": [schema] }] })
    } else {
        return Err(wrong(
            "it has none of `synchronizationRules`, `objectMappings`, `attributeMappings`".to_owned(),
        ));
    };
    serde_json::from_value(without_nulls(whole)).map_err(|error| wrong(error.to_string()))
}

/// Removes nulls: Graph writes null for an absent list, flag or number.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(values) => values.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// Assigns object mappings to the targets that they write to.
fn by_target<'a>(schema: &'a GraphSchema, notes: &mut Vec<ConversionNote>) -> Vec<ImportTarget<'a>> {
    let mut targets: Vec<ImportTarget<'a>> = Vec::new();
    let attributes = |directory: &str| -> BTreeMap<&'a str, &'a GraphAttribute> {
        let objects = schema.directories.iter().filter(|d| d.name == directory).flat_map(|d| &d.objects);
        objects.flat_map(|object| &object.attributes).map(|a| (a.name.as_str(), a)).collect()
    };
    let only_target = schema.directories.iter().map(|d| d.name.as_str()).find(|name| !is_entra(name));
    for rule in &schema.synchronization_rules {
        let directory = rule.target_directory_name.as_deref().or(only_target).unwrap_or("entra-import");
        if is_entra(directory) && only_target.is_some() {
            notes.push(ConversionNote::left_out(
                &rule.name,
                "it writes back into the directory; Usher only provisions",
            ));
            continue;
        }
        let name = target_name(directory);
        let at = targets.iter().position(|target| target.name == name).unwrap_or_else(|| {
            targets.push(ImportTarget { name, users: None, groups: None, attributes: attributes(directory) });
            targets.len() - 1
        });
        for mapping in &rule.object_mappings {
            place_object(mapping, &mut targets[at], notes);
        }
    }
    targets
}

/// Assigns an object mapping to users or groups of a target. An enabled mapping replaces a disabled one.
fn place_object<'a>(
    mapping: &'a ObjectMapping,
    target: &mut ImportTarget<'a>,
    notes: &mut Vec<ConversionNote>,
) {
    let is_group = [&mapping.source_object_name, &mapping.target_object_name]
        .iter()
        .any(|name| name.to_ascii_lowercase().ends_with("group"));
    let (slot, what) = if is_group { (&mut target.groups, "groups") } else { (&mut target.users, "users") };
    let label = mapping.label(what);
    if is_group && mapping.enabled == Some(false) {
        notes.push(ConversionNote::changed(label, "it is switched off, so the policy leaves groups alone"));
    } else if slot.is_some_and(|other| other.enabled == Some(false)) {
        let text = format!("it is switched off, and the target has another object mapping for {what}");
        notes.push(ConversionNote::left_out(slot.map_or(what, |other| other.label(what)), text));
        *slot = Some(mapping);
    } else if slot.is_some() {
        let text = format!("the target has another object mapping for {what} already; a policy has one");
        notes.push(ConversionNote::left_out(label, text));
    } else {
        *slot = Some(mapping);
    }
}

fn is_entra(directory: &str) -> bool {
    ["Azure Active Directory", "Microsoft Entra ID"].iter().any(|name| directory.eq_ignore_ascii_case(name))
}

/// Returns the name of a directory in the form of a target name.
fn target_name(directory: &str) -> String {
    let mut name = String::new();
    for c in directory.to_lowercase().chars() {
        match c {
            c if c.is_ascii_alphanumeric() || c == '_' => name.push(c),
            _ if name.is_empty() || name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    let name: String = name.chars().take(TARGET_NAME_MAX).collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() { "entra-import".to_owned() } else { name.to_owned() }
}

/// Writes the text of a policy, without its header.
fn write_policy(target: &ImportTarget<'_>, job: &JobScope, notes: &mut Vec<ConversionNote>) -> String {
    let mut text = format!("target: {}\n", yaml::yaml_scalar(&target.name));
    if *job == JobScope::NotSaid {
        let why = "a schema does not say whether all users and groups are in scope or only assigned ones: no one is until \
                   you say --all or --assigned GROUP, or the policy's `scope` does";
        notes.push(ConversionNote::left_out("scope", why));
    }
    text.push_str("\nusers:\n");
    if let Some(users) = target.users {
        if users.enabled == Some(false) {
            notes.push(ConversionNote::changed(
                "users",
                "their object mapping is switched off: no one is in scope, and accounts are left as they are",
            ));
            text.push_str(&scope::switched_off());
            text.push_str(&write_object(users, target, "users", notes));
            text.push_str("  leaver: { action: none }\n");
        } else {
            text.push_str(&scope::user_scope(users.scope.as_ref(), job, notes));
            text.push_str(&write_object(users, target, "users", notes));
            text.push_str("  leaver: { action: disable }\n");
        }
    } else {
        text.push_str(&scope::switched_off());
        text.push_str("  mappings:\n    - { target: userName, source: userPrincipalName }\n");
        text.push_str("  leaver: { action: none }\n");
        notes.push(ConversionNote::changed(
            "users",
            "it has rules for groups only: no one is in scope, and accounts are left as they are",
        ));
    }
    if let Some(groups) = target.groups {
        text.push_str("\ngroups:\n");
        text.push_str(&scope::group_scope(groups.scope.as_ref(), job, notes));
        text.push_str(&write_object(groups, target, "groups", notes));
    }
    text
}

fn with_header(target: &ImportTarget<'_>, notes: &[ConversionNote], yaml: &str) -> String {
    let mut text = format!(
        "# Imported from Microsoft Entra's synchronization schema, for the target `{}`.\n\
         # A cleared attribute stays at the target, as Entra does it: `onNull: clear` makes it flow.\n",
        yaml::comment_text(&target.name)
    );
    for note in notes {
        let _ = writeln!(text, "# - {}", yaml::comment_text(&note.to_string()));
    }
    text.push('\n');
    text.push_str(yaml);
    text
}

#[cfg(test)]
mod tests;
