//! JSON objects whose names are compared without regard to upper and lower case (RFC 7643, 2.1).

use serde_json::{Map, Value};

/// A resource, or a part of one.
pub type Tree = Map<String, Value>;

/// The value of `name`.
pub fn get<'a>(tree: &'a Tree, name: &str) -> Option<&'a Value> {
    tree.get(name)
        .or_else(|| tree.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// The key under which `name` is kept, or `name` itself when it is not there.
pub(crate) fn key(tree: &Tree, name: &str) -> String {
    let found = tree.keys().find(|key| key.eq_ignore_ascii_case(name));
    found.cloned().unwrap_or_else(|| name.to_owned())
}

/// Takes `name` out.
pub(crate) fn remove(tree: &mut Tree, name: &str) -> Option<Value> {
    let key = key(tree, name);
    tree.remove(&key)
}

/// What is a list already, or a list of the one value.
pub(crate) fn elements(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(list)) => list,
        Some(one) => std::slice::from_ref(one),
    }
}

/// A boolean, also where it was sent as text.
pub(crate) fn boolean(value: &Value) -> Option<bool> {
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
