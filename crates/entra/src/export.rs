//! Converts a policy to a Graph `synchronizationSchema`.

mod scope;
mod tree;

use lifecycle::{OrphanAction, PolicyActions, RemovalGuard};
use policy::{
    ApplyWhen, AssignmentMode, LeaverAction, LeaverMoment, MappedAttribute, MappingSource, OnNull,
    OutOfScope, Policy, Scope,
};
use serde_json::Value;

use crate::graph::{AttributeMapping, GraphMappingSource, GraphRule, GraphSchema, ObjectMapping};
use crate::note::ConversionNote;

const ENTRA: &str = "Microsoft Entra ID";
const USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// The result of the export of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportResult {
    /// The schema, as JSON.
    pub json: String,
    /// The parts that Entra cannot express, or expresses differently.
    pub notes: Vec<ConversionNote>,
}

/// Converts a policy to a schema, as far as Entra can express it. A scope that Entra cannot express admits no one.
pub fn export_policy(policy: &Policy) -> ExportResult {
    let mut notes = Vec::new();
    let users = policy.users();
    let mut user_mappings = vec![soft_delete()];
    user_mappings.extend(export_mappings(&users.mappings, &users.match_on, "users", &mut notes));
    tell_lifecycle(policy, &mut notes);
    let mut rules = vec![export_rule(
        "USER_OUTBOUND_USER",
        policy.target(),
        ObjectMapping {
            enabled: Some(!scope::is_placeholder(&users.scope)),
            flow_types: Some(flow_types(users.actions)),
            name: "Provision users".to_owned(),
            scope: users_scope(&users.scope, &mut notes),
            source_object_name: "User".to_owned(),
            target_object_name: USER.to_owned(),
            attribute_mappings: user_mappings,
        },
    )];
    if let Some(groups) = policy.groups() {
        let mut group_mappings = export_mappings(&groups.mappings, &groups.match_on, "groups", &mut notes);
        group_mappings.push(plain_mapping("members", attribute_source("members")));
        rules.push(export_rule(
            "USERGROUP_OUTBOUND_USERGROUP",
            policy.target(),
            ObjectMapping {
                enabled: Some(true),
                flow_types: Some(flow_types(groups.actions)),
                name: "Provision groups".to_owned(),
                scope: scope_of(&groups.scope, "groups", &mut notes),
                source_object_name: "Group".to_owned(),
                target_object_name: GROUP.to_owned(),
                attribute_mappings: group_mappings,
            },
        ));
    }
    let schema = GraphSchema { id: None, directories: Vec::new(), synchronization_rules: rules };
    let json = serde_json::to_string_pretty(&schema).expect("a schema has only string keys");
    ExportResult { json, notes }
}

fn export_rule(name: &str, target: &str, mapping: ObjectMapping) -> GraphRule {
    GraphRule {
        editable: true,
        name: name.to_owned(),
        priority: 1,
        source_directory_name: Some(ENTRA.to_owned()),
        target_directory_name: Some(target.to_owned()),
        object_mappings: vec![mapping],
    }
}

/// Returns the mapping of `active`, which Entra requires. Usher decides the same by scope and employment.
fn soft_delete() -> AttributeMapping {
    plain_mapping("active", tree::source_tree("Not([IsSoftDeleted])"))
}

fn plain_mapping(target: &str, source: GraphMappingSource) -> AttributeMapping {
    AttributeMapping {
        flow_behavior: Some("FlowWhenChanged".to_owned()),
        flow_type: Some("Always".to_owned()),
        source: Some(source),
        target_attribute_name: target.to_owned(),
        ..AttributeMapping::default()
    }
}

fn attribute_source(name: &str) -> GraphMappingSource {
    tree::source_tree(&format!("[{name}]"))
}

fn flow_types(actions: PolicyActions) -> String {
    let types = [(actions.create, "Add"), (actions.update, "Update"), (actions.delete, "Delete")];
    types.iter().filter(|(may, _)| *may).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
}

/// Exports the scope of people. It is not needed where the rules for people are switched off.
fn users_scope(users: &Scope, notes: &mut Vec<ConversionNote>) -> Option<crate::graph::GraphFilter> {
    if scope::is_placeholder(users) {
        return None;
    }
    if !scope::always_asks_for_enabled(users) {
        let text =
            "Entra also switches off accounts whose accountEnabled is false; this scope has no such clause";
        notes.push(ConversionNote::changed("scope of users", text));
    }
    scope_of(users, "users", notes)
}

fn scope_of(scope: &Scope, what: &str, notes: &mut Vec<ConversionNote>) -> Option<crate::graph::GraphFilter> {
    if let AssignmentMode::Assigned(_) = scope.mode {
        let text =
            "a schema does not contain assignments: assign the same people and groups to the application";
        notes.push(ConversionNote::left_out(format!("scope of {what}"), text));
    }
    scope::export_filter(scope, what, notes)
}

fn export_mappings(
    mappings: &[MappedAttribute],
    match_on: &[String],
    what: &str,
    notes: &mut Vec<ConversionNote>,
) -> Vec<AttributeMapping> {
    for path in match_on.iter().filter(|path| !mappings.iter().any(|mapping| mapping.target == **path)) {
        let text = format!("{path} is not mapped, and Entra matches on mapped attributes only: map it");
        notes.push(ConversionNote::left_out(format!("match of {what}"), text));
    }
    mappings.iter().filter_map(|mapping| export_mapping(mapping, match_on, what, notes)).collect()
}

/// Converts a mapping, and adds notes on differences.
fn export_mapping(
    mapping: &MappedAttribute,
    match_on: &[String],
    what: &str,
    notes: &mut Vec<ConversionNote>,
) -> Option<AttributeMapping> {
    let place = format!("{} of {what}", mapping.target);
    let source = match &mapping.source {
        MappingSource::Direct(name) if name.is_of_manager() => {
            notes.push(ConversionNote::left_out(place, "Entra does not look at attributes of the manager"));
            return None;
        }
        MappingSource::Direct(name) => Some(attribute_source(name.name())),
        MappingSource::Constant(value) => {
            if !value.is_string() {
                let said = "a constant is text in Entra: the application's schema determines its type";
                notes.push(ConversionNote::changed(&place, said));
            }
            Some(tree::constant_source(&value_text(value)))
        }
        MappingSource::Expression(expression) => {
            if expression.attributes().iter().any(|name| name.starts_with("manager.")) {
                notes.push(ConversionNote::left_out(
                    place,
                    "Entra does not look at attributes of the manager",
                ));
                return None;
            }
            Some(tree::source_tree(&expression.to_string()))
        }
        MappingSource::None => None,
    };
    if mapping.value_type.is_some() {
        let said = "in Entra, the application's schema determines its `type`";
        notes.push(ConversionNote::changed(&place, said));
    }
    let default_value = mapping.default.as_ref().map(value_text);
    if mapping.source != MappingSource::None && mapping.apply == ApplyWhen::Always {
        match mapping.on_null {
            OnNull::Clear => notes
                .push(ConversionNote::changed(place, "in Entra, a cleared attribute stays at the target")),
            OnNull::Default => {
                notes.push(ConversionNote::changed(
                    place,
                    "in Entra, the default is written on creation only",
                ));
            }
            OnNull::Skip => {}
        }
    }
    let priority = match_on.iter().position(|path| *path == mapping.target).map_or(0, |at| at + 1);
    Some(AttributeMapping {
        default_value,
        flow_behavior: Some("FlowWhenChanged".to_owned()),
        flow_type: Some(
            if mapping.apply == ApplyWhen::OnCreate { "ObjectAddOnly" } else { "Always" }.to_owned(),
        ),
        matching_priority: i64::try_from(priority).unwrap_or(i64::MAX),
        source,
        target_attribute_name: mapping.target.clone(),
        ..AttributeMapping::default()
    })
}

fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

/// Adds notes on rules of the policy that Entra does not have in a schema.
fn tell_lifecycle(policy: &Policy, notes: &mut Vec<ConversionNote>) {
    let users = policy.users();
    let leaver = users.leaver;
    if leaver.delete_after_days.is_some()
        || leaver.action != LeaverAction::Disable
        || leaver.when == LeaverMoment::AtOnce
    {
        let text =
            "Entra disables at once and deletes 30 days after the directory did; there is no other rule";
        notes.push(ConversionNote::left_out("leaver", text));
    }
    let keeps = [
        ("users", users.out_of_scope),
        ("groups", policy.groups().map_or(OutOfScope::Disable, |g| g.out_of_scope)),
    ];
    for (what, _) in keeps.into_iter().filter(|(_, out)| *out == OutOfScope::Keep) {
        let text =
            "set SkipOutOfScopeDeletions among the job's secrets; it counts for users and groups alike";
        notes.push(ConversionNote::left_out(format!("outOfScope of {what}"), text));
    }
    if policy.guard() != RemovalGuard::default() {
        let text = "set the threshold of accidental deletion prevention in the job's settings";
        notes.push(ConversionNote::left_out("guard", text));
    }
    if policy.default_domain().is_some() {
        notes.push(ConversionNote::left_out("defaultDomain", "Entra uses the directory's own domain"));
    }
    let protected =
        [("users", &users.protected), ("groups", policy.groups().map_or(&None, |g| &g.protected))];
    for (what, _) in protected.into_iter().filter(|(_, list)| list.is_some()) {
        let text = "Entra has no protected list: everyone who falls out of scope loses access";
        notes.push(ConversionNote::left_out(format!("protected of {what}"), text));
    }
    if users.orphans.action != OrphanAction::Report {
        notes.push(ConversionNote::left_out("orphans", "Entra does not manage orphans"));
    }
    if users.actions.update != users.actions.disable {
        notes.push(ConversionNote::changed("actions", "in Entra, switching off is an update"));
    }
}

#[cfg(test)]
mod tests;
