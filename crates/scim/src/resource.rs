//! Converts between flat attributes (a value per path) and SCIM resources (a JSON tree).

use std::collections::{BTreeMap, HashSet};

use lifecycle::AttributeMap;
use serde_json::{Map, Value, json};

use crate::path::{AttributePath, ValueSelector};
use crate::{ScimKind, TargetProfile};

/// Returns `attributes` without empty ones, and with the defaults of required ones.
pub(crate) fn with_defaults(
    profile: &TargetProfile,
    kind: ScimKind,
    attributes: &AttributeMap,
) -> AttributeMap {
    let mut all = sendable_value(profile, kind, attributes);
    for required in profile.required.of(kind) {
        if let Some(default) = required.default.as_ref().filter(|v| !v.is_null()) {
            all.entry(required.path.clone()).or_insert_with(|| default.clone());
        }
    }
    all
}

/// Returns the attributes that have a value and may be sent. If the target takes one value of a list, only the first stays.
fn sendable_value(profile: &TargetProfile, kind: ScimKind, attributes: &AttributeMap) -> AttributeMap {
    let mut elements: BTreeMap<AttributePath, AttributePath> = BTreeMap::new();
    let mut all = AttributeMap::new();
    for (text, value) in
        attributes.iter().filter(|(path, value)| !value.is_null() && profile.sends(kind, path))
    {
        let mut value = value.clone();
        if profile.single_valued {
            let path = AttributePath::parse_or_literal(text);
            if !path.element.is_empty()
                && *elements.entry(path.base()).or_insert(path.selector()) != path.selector()
            {
                continue;
            }
            if let Value::Array(values) = &mut value {
                values.truncate(1);
            }
        }
        all.insert(text.clone(), value);
    }
    all
}

/// The changes to write to an existing resource.
pub(crate) struct UpdateTarget {
    /// The values to set: the desired ones, and the defaults of required attributes that are cleared.
    pub set: AttributeMap,
    /// The paths to clear.
    pub clear: Vec<String>,
}

impl UpdateTarget {
    /// Splits the desired attributes and the paths to clear into values to set and paths to remove.
    pub(crate) fn new(
        profile: &TargetProfile,
        kind: ScimKind,
        desired: &AttributeMap,
        clear: &[String],
    ) -> Self {
        let mut set = sendable_value(profile, kind, desired);
        let mut gone = Vec::new();
        let clear = clear.iter().filter(|path| profile.sends(kind, path));
        for path in clear.filter(|path| desired.get(*path).is_none_or(Value::is_null)) {
            match default_of(profile, kind, path) {
                Some(default) => drop(set.insert(path.clone(), default.clone())),
                None => gone.push(path.clone()),
            }
        }
        Self { set, clear: gone }
    }
}

/// Returns the default of a required attribute, which is sent if it has no value.
fn default_of<'a>(profile: &'a TargetProfile, kind: ScimKind, path: &str) -> Option<&'a Value> {
    let required = profile.required.of(kind).iter().find(|required| required.path == path)?;
    required.default.as_ref().filter(|default| !default.is_null())
}

/// Returns the paths of required attributes without a value.
pub(crate) fn missing_required(
    profile: &TargetProfile,
    kind: ScimKind,
    attributes: &AttributeMap,
) -> Vec<String> {
    let given = with_defaults(profile, kind, attributes);
    let missing = |path: &String| given.get(path).is_none_or(|value| value.as_str() == Some(""));
    profile.required.of(kind).iter().map(|r| r.path.clone()).filter(missing).collect()
}

/// Returns the resource to create: `attributes` as a tree, with the schemas that it uses.
pub(crate) fn to_resource(profile: &TargetProfile, kind: ScimKind, attributes: &AttributeMap) -> Value {
    let mut root = Map::new();
    let mut schemas = vec![kind.schema().to_owned()];
    for (text, value) in with_defaults(profile, kind, attributes) {
        let path = AttributePath::parse_or_literal(&text);
        if let Some(uri) = path.uri.as_ref().filter(|uri| !schemas.contains(uri)) {
            schemas.push(uri.clone());
        }
        put_value(profile, &mut root, &path, encode_value(profile, &path, value));
    }
    root.insert("schemas".to_owned(), json!(schemas));
    Value::Object(root)
}

/// Encodes a value in the form that the target requires.
pub(crate) fn encode_value(profile: &TargetProfile, path: &AttributePath, value: Value) -> Value {
    match value {
        Value::Bool(flag) => encode_boolean(profile, flag),
        Value::Number(number) if profile.string_numbers => Value::String(number.to_string()),
        Value::String(id) if path.is_reference() => json!({ "value": id }),
        other => other,
    }
}

fn encode_boolean(profile: &TargetProfile, flag: bool) -> Value {
    if profile.string_booleans { Value::String(flag.to_string()) } else { Value::Bool(flag) }
}

/// Creates an element of a multi-valued attribute: it contains the attributes that select it, without its values.
pub(crate) fn new_element(profile: &TargetProfile, path: &AttributePath) -> Map<String, Value> {
    let mut element: Map<String, Value> =
        path.element.iter().map(|(name, value)| (name.clone(), selector_value(profile, value))).collect();
    if path.is_primary_email() {
        element.insert("primary".to_owned(), encode_boolean(profile, true));
    }
    element
}

fn selector_value(profile: &TargetProfile, selector: &ValueSelector) -> Value {
    match selector {
        ValueSelector::Text(text) => Value::String(text.clone()),
        ValueSelector::Flag(flag) => encode_boolean(profile, *flag),
    }
}

/// Sets the value at the end of `path` in an element.
pub(crate) fn put_in_element(element: &mut Map<String, Value>, sub: Option<&str>, value: Value) {
    match (sub, value) {
        (Some(sub), value) => drop(element.insert(sub.to_owned(), value)),
        (None, Value::Object(fields)) => element.extend(fields),
        (None, value) => drop(element.insert("value".to_owned(), value)),
    }
}

/// Sets the value at a path, and creates the objects and elements on the way.
fn put_value(profile: &TargetProfile, root: &mut Map<String, Value>, path: &AttributePath, value: Value) {
    let holder = match &path.uri {
        Some(uri) => object_at(root, uri),
        None => root,
    };
    if !path.element.is_empty() {
        let list = holder.entry(path.name.clone()).or_insert_with(|| json!([]));
        if !list.is_array() {
            *list = json!([]);
        }
        let list = list.as_array_mut().expect("made a list above");
        let at = list.iter().position(|e| e.as_object().is_some_and(|e| selects_element(path, e)));
        let at = at.unwrap_or_else(|| {
            list.push(Value::Object(new_element(profile, path)));
            list.len() - 1
        });
        let element = list[at].as_object_mut().expect("found or pushed as an object");
        return put_in_element(element, path.sub.as_deref(), value);
    }
    match &path.sub {
        Some(sub) => drop(object_at(holder, &path.name).insert(sub.clone(), value)),
        None => drop(holder.insert(path.name.clone(), value)),
    }
}

fn object_at<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let slot = map.entry(key.to_owned()).or_insert_with(|| json!({}));
    if !slot.is_object() {
        *slot = json!({});
    }
    slot.as_object_mut().expect("made an object above")
}

/// Removes the value at `path`, and an element that becomes empty.
fn remove_value(root: &mut Map<String, Value>, path: &AttributePath) {
    let Some(holder) = (match &path.uri {
        Some(uri) => root.get_mut(uri).and_then(Value::as_object_mut),
        None => Some(root),
    }) else {
        return;
    };
    match (holder.get_mut(&path.name), path.sub.as_deref()) {
        (Some(Value::Array(list)), sub) if !path.element.is_empty() => {
            list.retain_mut(|element| match element.as_object_mut() {
                Some(element) if selects_element(path, element) => {
                    sub.filter(|sub| *sub != "value").is_some_and(|sub| {
                        element.remove(sub);
                        element
                            .keys()
                            .any(|key| key != "primary" && path.element.iter().all(|(name, _)| name != key))
                    })
                }
                _ => true,
            });
        }
        (Some(Value::Object(fields)), Some(sub)) => drop(fields.remove(sub)),
        (Some(_), None) => drop(holder.remove(&path.name)),
        _ => {}
    }
}

/// Returns `true` if `path` selects `element`.
fn selects_element(path: &AttributePath, element: &Map<String, Value>) -> bool {
    path.element.iter().all(|(name, wanted)| match (lookup_key(element, name), wanted) {
        (Some(Value::String(have)), ValueSelector::Text(text)) => have.eq_ignore_ascii_case(text),
        (Some(Value::String(have)), ValueSelector::Flag(flag)) => {
            have.eq_ignore_ascii_case(&flag.to_string())
        }
        (Some(Value::Bool(have)), ValueSelector::Flag(flag)) => have == flag,
        _ => false,
    })
}

/// Returns the value at `key`. On some servers attribute names differ in case.
pub(crate) fn lookup_key<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    map.get(key)
        .or_else(|| map.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value))
}

/// Returns the values at `path` in a resource that was read; several
/// if the path leads through a list without selecting an element.
pub(crate) fn read_values<'a>(resource: &'a Map<String, Value>, path: &AttributePath) -> Vec<&'a Value> {
    let holder = match &path.uri {
        Some(uri) => lookup_key(resource, uri).and_then(Value::as_object),
        None => Some(resource),
    };
    let Some(attribute) = holder.and_then(|holder| lookup_key(holder, &path.name)) else {
        return Vec::new();
    };
    let sub = if path.is_reference() { Some("value") } else { path.sub.as_deref() };
    let inside = |value: &'a Value| match (value, sub) {
        (Value::Object(fields), Some(sub)) => lookup_key(fields, sub),
        (_, Some(_)) if !path.is_reference() => None,
        _ => Some(value),
    };
    match attribute {
        Value::Array(items) if !path.element.is_empty() => {
            let chosen = items.iter().filter(|i| i.as_object().is_some_and(|i| selects_element(path, i)));
            chosen.filter_map(inside).collect()
        }
        Value::Array(items) if sub.is_some() => items.iter().filter_map(inside).collect(),
        other => inside(other).into_iter().collect(),
    }
}

/// Reads the values at `paths` from a resource, as flat attributes. They are compared with the desired ones when
/// an account is adopted, or when its content is uncertain. A path without a value is included with a null.
pub fn observe_resource<'a>(
    resource: &Map<String, Value>,
    paths: impl IntoIterator<Item = &'a String>,
) -> AttributeMap {
    paths.into_iter().map(|path| (path.clone(), observed_value(resource, path))).collect()
}

fn observed_value(resource: &Map<String, Value>, text: &str) -> Value {
    let path = AttributePath::parse_or_literal(text);
    let Some(&value) = read_values(resource, &path).first() else { return Value::Null };
    let is_active = path.name.eq_ignore_ascii_case("active");
    match value.as_str() {
        Some(flag) if is_active && flag.eq_ignore_ascii_case("true") => json!(true),
        Some(flag) if is_active && flag.eq_ignore_ascii_case("false") => json!(false),
        _ => value.clone(),
    }
}

/// Returns the whole group for PUT: `current` as it was read, with these members'
/// ids added and removed. The other members stay, regardless of their origin.
pub fn with_members(
    profile: &TargetProfile,
    current: &Map<String, Value>,
    add: &[String],
    remove: &[String],
) -> Value {
    let mut whole = overlay_resource(profile, ScimKind::Group, current, &AttributeMap::new(), &[]);
    let Some(root) = whole.as_object_mut() else { return whole };
    let name = root.keys().find(|name| name.eq_ignore_ascii_case("members")).cloned();
    let name = name.unwrap_or_else(|| "members".to_owned());
    let mut members = match root.remove(&name) {
        Some(Value::Array(members)) => members,
        _ => Vec::new(),
    };
    let id = |member: &Value| {
        let value = member.as_object().and_then(|fields| lookup_key(fields, "value")).unwrap_or(member);
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    };
    members.retain(|member| !remove.contains(&id(member)));
    let there: HashSet<String> = members.iter().map(id).collect();
    members.extend(add.iter().filter(|id| !there.contains(*id)).map(|id| json!({ "value": id })));
    root.insert(name, Value::Array(members));
    whole
}

/// Returns the whole resource for PUT: `current` as it was read, with the values of `desired` set and the paths of `clear`
/// removed. Everything else stays, because others own it; only a required attribute without a value gets its default.
pub fn overlay_resource(
    profile: &TargetProfile,
    kind: ScimKind,
    current: &Map<String, Value>,
    desired: &AttributeMap,
    clear: &[String],
) -> Value {
    let mut root = current.clone();
    root.remove("meta");
    if kind == ScimKind::User {
        root.remove("groups"); // read-only: RFC 7643 section 4.1.2
    }
    let UpdateTarget { mut set, clear } = UpdateTarget::new(profile, kind, desired, clear);
    for text in &clear {
        remove_value(&mut root, &AttributePath::parse_or_literal(text));
    }
    for required in profile.required.of(kind) {
        let Some(default) = default_of(profile, kind, &required.path) else { continue };
        if observed_value(&root, &required.path).is_null() {
            set.entry(required.path.clone()).or_insert_with(|| default.clone());
        }
    }
    let mut schemas: Vec<Value> =
        root.remove("schemas").and_then(|s| s.as_array().cloned()).unwrap_or_default();
    let mut wanted = vec![kind.schema().to_owned()];
    for (text, value) in set {
        let path = AttributePath::parse_or_literal(&text);
        wanted.extend(path.uri.clone());
        put_value(profile, &mut root, &path, encode_value(profile, &path, value));
    }
    for uri in wanted.into_iter().map(Value::String) {
        if !schemas.contains(&uri) {
            schemas.push(uri);
        }
    }
    root.insert("schemas".to_owned(), Value::Array(schemas));
    let mut whole = Value::Object(root);
    as_text(profile, &mut whole);
    whole
}

/// Converts booleans and numbers in a resource that was read to text, if the target requires text.
fn as_text(profile: &TargetProfile, value: &mut Value) {
    match value {
        Value::Bool(flag) if profile.string_booleans => *value = Value::String(flag.to_string()),
        Value::Number(number) if profile.string_numbers => *value = Value::String(number.to_string()),
        Value::Array(values) => values.iter_mut().for_each(|value| as_text(profile, value)),
        Value::Object(fields) => fields.values_mut().for_each(|value| as_text(profile, value)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
