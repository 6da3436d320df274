//! The attributes that an answer shows (RFC 7644, 3.9).

use serde_json::{Map, Value};

use crate::tree::{is_unassigned, stored_key};
use crate::{ResourceTree, ResourceType, ScimAttributePath, ScimServiceError, get_value};

/// The maximum number of names in `attributes` or `excludedAttributes`.
const NAMES_MAX: usize = 200;
/// The attributes that are shown with every projection.
const ALWAYS: [&str; 2] = ["schemas", "id"];

/// The attributes that an answer shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AnswerProjection {
    only: Option<Vec<ScimAttributePath>>,
    without: Vec<ScimAttributePath>,
}

impl AnswerProjection {
    /// Reads `attributes` and `excludedAttributes`, with names separated by commas.
    ///
    /// # Errors
    /// Fails if there are too many names. An invalid name is ignored.
    pub fn parse(
        kind: ResourceType,
        attributes: Option<&str>,
        excluded: Option<&str>,
    ) -> Result<Self, ScimServiceError> {
        let only =
            attributes.map(|names| projected_paths(kind, names)).transpose()?.filter(|only| !only.is_empty());
        let without = excluded.map(|names| projected_paths(kind, names)).transpose()?.unwrap_or_default();
        Ok(Self { only, without })
    }

    /// Returns `true` if members of a group are shown.
    pub fn wants_members(&self) -> bool {
        let names = |paths: &[ScimAttributePath], whole: bool| {
            paths.iter().any(|path| path.is_core("members") && (!whole || path.part.is_none()))
        };
        self.only.as_deref().is_none_or(|only| names(only, false)) && !names(&self.without, true)
    }

    /// Removes the attributes that are not requested.
    pub fn apply(&self, mut tree: ResourceTree) -> ResourceTree {
        if let Some(only) = &self.only {
            tree = choose_paths(&tree, only);
        }
        for path in &self.without {
            take_away(&mut tree, path);
        }
        tree
    }
}

fn projected_paths(kind: ResourceType, names: &str) -> Result<Vec<ScimAttributePath>, ScimServiceError> {
    let names: Vec<&str> = names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.len() > NAMES_MAX {
        return Err(ScimServiceError::invalid_value(format!("at most {NAMES_MAX} attributes can be named")));
    }
    Ok(names.into_iter().filter_map(|name| ScimAttributePath::parse(kind, name).ok()).collect())
}

/// Copies the requested attributes, and those that are always shown.
fn choose_paths(tree: &ResourceTree, only: &[ScimAttributePath]) -> ResourceTree {
    let mut out = Map::new();
    for name in ALWAYS {
        if let Some(value) = tree.get(name) {
            out.insert(name.to_owned(), value.clone());
        }
    }
    for path in only {
        match (&path.extension, &path.name) {
            (None, _) => choose_path(tree, &mut out, path),
            (Some(urn), None) => {
                if let Some(value) = get_value(tree, urn) {
                    out.insert(stored_key(tree, urn), value.clone());
                }
            }
            (Some(urn), Some(_)) => {
                let Some(Value::Object(from)) = get_value(tree, urn) else { continue };
                let mut into = match out.remove(&stored_key(tree, urn)) {
                    Some(Value::Object(fields)) => fields,
                    _ => Map::new(),
                };
                choose_path(from, &mut into, path);
                if !into.is_empty() {
                    out.insert(stored_key(tree, urn), Value::Object(into));
                }
            }
        }
    }
    out
}

/// Copies one attribute or a part of it.
fn choose_path(from: &ResourceTree, into: &mut ResourceTree, path: &ScimAttributePath) {
    let Some(name) = &path.name else { return };
    let Some(value) = get_value(from, name) else { return };
    let key = stored_key(from, name);
    let Some(part) = &path.part else {
        into.insert(key, value.clone());
        return;
    };
    let chosen = part_of(value, part);
    let merged = match (into.remove(&key), chosen) {
        (Some(Value::Object(mut known)), Value::Object(new)) => {
            known.extend(new);
            Value::Object(known)
        }
        (Some(Value::Array(known)), Value::Array(new)) => {
            known.into_iter().zip(new).map(|(known, new)| join_values(known, new)).collect()
        }
        (_, chosen) => chosen,
    };
    if !is_unassigned(&merged) {
        into.insert(key, merged);
    }
}

fn join_values(known: Value, new: Value) -> Value {
    match (known, new) {
        (Value::Object(mut known), Value::Object(new)) => {
            known.extend(new);
            Value::Object(known)
        }
        (_, new) => new,
    }
}

fn part_of(value: &Value, part: &str) -> Value {
    match value {
        Value::Array(list) => list.iter().map(|element| part_of(element, part)).collect(),
        Value::Object(fields) => match get_value(fields, part) {
            Some(found) => Value::Object(Map::from_iter([(stored_key(fields, part), found.clone())])),
            None => Value::Object(Map::new()),
        },
        plain => plain.clone(),
    }
}

/// Removes an excluded attribute, unless it is always shown.
fn take_away(tree: &mut ResourceTree, path: &ScimAttributePath) {
    if path.extension.is_none()
        && path.part.is_none()
        && path.name.as_deref().is_some_and(|name| ALWAYS.iter().any(|own| name.eq_ignore_ascii_case(own)))
    {
        return;
    }
    let Some(urn) = &path.extension else { return drop_from(tree, path) };
    let key = stored_key(tree, urn);
    if path.name.is_none() {
        tree.remove(&key);
    } else if let Some(Value::Object(fields)) = tree.get_mut(&key) {
        drop_from(fields, path);
    }
}

/// Removes an attribute, or a part of it in each of its values.
fn drop_from(tree: &mut ResourceTree, path: &ScimAttributePath) {
    let Some(name) = &path.name else { return };
    let key = stored_key(tree, name);
    let Some(part) = &path.part else {
        tree.remove(&key);
        return;
    };
    let fields = |value: &mut Value| {
        if let Value::Object(fields) = value {
            let key = crate::tree::stored_key(fields, part);
            fields.remove(&key);
        }
    };
    match tree.get_mut(&key) {
        Some(Value::Array(list)) => list.iter_mut().for_each(fields),
        Some(value) => fields(value),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(attributes: Option<&str>, excluded: Option<&str>) -> Value {
        let tree = json!({
            "schemas": ["s"], "id": "1", "userName": "a", "name": {"givenName": "A", "familyName": "B"},
            "emails": [{"type": "work", "value": "w"}, {"type": "home", "value": "h"}],
            crate::ENTERPRISE_USER: {"department": "D", "division": "V"},
        });
        let Value::Object(tree) = tree else { unreachable!("an object, see above") };
        Value::Object(AnswerProjection::parse(ResourceType::User, attributes, excluded).unwrap().apply(tree))
    }

    #[test]
    fn only_what_is_asked_for_is_shown_and_always_the_id() {
        assert_eq!(shown(Some("USERNAME"), None), json!({"schemas": ["s"], "id": "1", "userName": "a"}));
        let department = format!("{}:department", crate::ENTERPRISE_USER);
        let some = shown(Some(&format!("name.givenName,emails.value,{department}")), None);
        assert_eq!(some["name"], json!({"givenName": "A"}));
        assert_eq!(some["emails"], json!([{"value": "w"}, {"value": "h"}]));
        assert_eq!(some[crate::ENTERPRISE_USER], json!({"department": "D"}));
        let both = shown(Some("emails.value,emails.type,name.familyName,name.givenName"), None);
        assert_eq!(both["emails"][0], json!({"type": "work", "value": "w"}));
        assert_eq!(both["name"], json!({"givenName": "A", "familyName": "B"}));
    }

    #[test]
    fn what_is_excluded_is_not_shown_but_the_id_is() {
        let rest = shown(None, Some("id,schemas,userName,emails.type,name"));
        assert_eq!(rest["id"], "1");
        assert_eq!(rest["emails"], json!([{"value": "w"}, {"value": "h"}]));
        assert!(rest.get("userName").is_none() && rest.get("name").is_none());
        let whole = shown(None, Some(crate::ENTERPRISE_USER));
        assert!(whole.get(crate::ENTERPRISE_USER).is_none());
    }

    #[test]
    fn members_are_read_only_when_they_are_shown() {
        let wants = |attributes, excluded| {
            AnswerProjection::parse(ResourceType::Group, attributes, excluded).unwrap().wants_members()
        };
        assert!(wants(None, None));
        assert!(!wants(None, Some("Members")));
        assert!(!wants(Some("displayName"), None));
        assert!(wants(Some("displayName,members.value"), None));
        assert!(wants(None, Some("members.type")));
    }
}
