//! JSON objects whose names are compared without regard to upper and lower case (RFC 7643, 2.1).

use serde_json::{Map, Value};

/// A resource, or a part of one.
pub type ResourceTree = Map<String, Value>;

/// The value of `name`.
pub fn get_value<'a>(tree: &'a ResourceTree, name: &str) -> Option<&'a Value> {
    tree.get(name)
        .or_else(|| tree.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// The key under which `name` is kept, or `name` itself when it is not there.
pub(crate) fn stored_key(tree: &ResourceTree, name: &str) -> String {
    let found = tree.keys().find(|key| key.eq_ignore_ascii_case(name));
    found.cloned().unwrap_or_else(|| name.to_owned())
}

/// Takes `name` out.
pub(crate) fn remove_value(tree: &mut ResourceTree, name: &str) -> Option<Value> {
    let key = stored_key(tree, name);
    tree.remove(&key)
}

/// What is a list already, or a list of the one value.
pub(crate) fn value_elements(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(list)) => list,
        Some(one) => std::slice::from_ref(one),
    }
}

/// A boolean, also where it was sent as text.
pub(crate) fn boolean_value(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Whether RFC 7643, 2.5 counts it as having no value.
pub(crate) fn is_unassigned(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}
