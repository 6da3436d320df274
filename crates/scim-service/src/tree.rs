//! JSON objects whose names are compared without regard to case (RFC 7643, 2.1).

use serde_json::{Map, Value};

/// A resource, or a part of one.
pub type ResourceTree = Map<String, Value>;

/// Returns the value of `name`.
pub fn get_value<'a>(tree: &'a ResourceTree, name: &str) -> Option<&'a Value> {
    tree.get(name)
        .or_else(|| tree.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// Returns the key under which `name` is stored, or `name` itself if it is absent.
pub(crate) fn stored_key(tree: &ResourceTree, name: &str) -> String {
    let found = tree.keys().find(|key| key.eq_ignore_ascii_case(name));
    found.cloned().unwrap_or_else(|| name.to_owned())
}

/// Removes `name` and returns its value.
pub(crate) fn remove_value(tree: &mut ResourceTree, name: &str) -> Option<Value> {
    let key = stored_key(tree, name);
    tree.remove(&key)
}

/// Returns the elements of a list, or a single value as a list.
pub(crate) fn value_elements(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(list)) => list,
        Some(one) => std::slice::from_ref(one),
    }
}

/// Returns a boolean, which may be written as text.
pub(crate) fn boolean_value(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Returns `true` if RFC 7643, 2.5 counts the value as unassigned.
pub(crate) fn is_unassigned(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}
