//! Applies one operation to one path.

use serde_json::{Map, Value};

use super::{MemberChange, PatchVerb, PatchedResource, ReadOnly, elements, may_write, members, value};
use crate::path::ScimAttributePath;
use crate::schema::{AttributeType, SchemaAttribute};
use crate::tree::{is_unassigned, remove_value, stored_key};
use crate::{ResourceTree, ResourceType, ScimServiceError};

/// Applies the operation.
pub(super) fn apply_change(
    kind: ResourceType,
    patched: &mut PatchedResource,
    verb: PatchVerb,
    path: &ScimAttributePath,
    value: Option<&Value>,
    read_only: ReadOnly,
) -> Result<(), ScimServiceError> {
    if value.is_none() && verb != PatchVerb::Remove {
        return Err(ScimServiceError::invalid_value("add and replace need a `value`"));
    }
    if !may_write(kind, path, read_only)? {
        return Ok(());
    }
    if kind == ResourceType::Group && path.is_core("members") {
        if let Some(change) = of_members(verb, path, value, read_only)? {
            patched.members.push(change);
        }
        return Ok(());
    }
    let Some(name) = &path.name else { return change_extension(kind, patched, verb, path, value) };
    if verb == PatchVerb::Remove && path.part.is_none() && path.is_core(kind.name_attribute()) {
        return Err(ScimServiceError::mutability(format!("`{}` is required", kind.name_attribute())));
    }
    let attribute = path.attribute(kind);
    let Some(urn) = &path.extension else {
        return change_attribute(&mut patched.attributes, attribute, name, verb, path, value);
    };
    let urn = stored_key(&patched.attributes, urn);
    let mut container = match patched.attributes.remove(&urn) {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    change_attribute(&mut container, attribute, name, verb, path, value)?;
    if !container.is_empty() {
        patched.attributes.insert(urn, Value::Object(container));
    }
    Ok(())
}

/// Returns the change of the members. In a whole resource, a null or absent value makes no statement about them.
fn of_members(
    verb: PatchVerb,
    path: &ScimAttributePath,
    value: Option<&Value>,
    read_only: ReadOnly,
) -> Result<Option<MemberChange>, ScimServiceError> {
    if read_only == ReadOnly::Ignored && value.is_some_and(Value::is_null) {
        return Ok(None);
    }
    members::change_members(verb, path, value).map(Some)
}

/// Changes an extension as a whole.
fn change_extension(
    kind: ResourceType,
    patched: &mut PatchedResource,
    verb: PatchVerb,
    path: &ScimAttributePath,
    value: Option<&Value>,
) -> Result<(), ScimServiceError> {
    let Some(urn) = &path.extension else {
        return Err(ScimServiceError::invalid_path("the path names no attribute"));
    };
    match (verb, value) {
        (PatchVerb::Remove, _) | (_, Some(Value::Null)) => _ = remove_value(&mut patched.attributes, urn),
        (_, Some(Value::Object(fields))) => {
            for (name, value) in fields {
                let mut inner = ScimAttributePath::parse(kind, name)?;
                inner.extension = Some(urn.clone());
                apply_change(kind, patched, verb, &inner, Some(value), ReadOnly::Ignored)?;
            }
        }
        _ => return Err(ScimServiceError::invalid_value("an extension must be an object")),
    }
    Ok(())
}

/// Changes one attribute of a resource or of an extension.
fn change_attribute(
    tree: &mut ResourceTree,
    attribute: Option<&'static SchemaAttribute>,
    name: &str,
    verb: PatchVerb,
    path: &ScimAttributePath,
    value: Option<&Value>,
) -> Result<(), ScimServiceError> {
    let key = attribute.map_or_else(|| stored_key(tree, name), |attribute| attribute.name.to_owned());
    let current = tree.remove(&key);
    let is_list = attribute.map_or_else(|| matches!(current, Some(Value::Array(_))), |known| known.multi);
    let changed = if let Some(filter) = &path.filter {
        if attribute.is_some_and(|known| !known.multi) {
            return Err(ScimServiceError::invalid_path(format!(
                "`{}` has no elements to choose from",
                path.shown()
            )));
        }
        elements::chosen_elements(attribute, current, filter, verb, path, value)?
    } else if let Some(part) = &path.part {
        if is_list {
            elements::part_of_each(attribute, current, part, verb, value)?
        } else {
            part_of_one(attribute, current, part, verb, value)?
        }
    } else if is_list {
        elements::whole_list(attribute, current, verb, value)?
    } else {
        change_single(attribute, current, verb, value)?
    };
    if !is_unassigned(&changed) {
        tree.insert(key, changed);
    }
    Ok(())
}

/// Changes a single value. Parts that are not named stay, as RFC 7644 requires for complex values.
fn change_single(
    attribute: Option<&'static SchemaAttribute>,
    current: Option<Value>,
    verb: PatchVerb,
    value: Option<&Value>,
) -> Result<Value, ScimServiceError> {
    let Some(value) = value.filter(|_| verb != PatchVerb::Remove) else { return Ok(Value::Null) };
    let new = value::stored_value(attribute, value)?;
    // A reference to another resource does not merge with the old reference.
    let is_reference = attribute.is_some_and(|known| known.part("$ref").is_some());
    match (current, new) {
        (Some(Value::Object(mut fields)), Value::Object(new)) if !is_reference => {
            if let (Some(attribute), Value::Object(sent)) = (attribute, value) {
                for (name, _) in sent.iter().filter(|(_, value)| value.is_null()) {
                    fields.remove(attribute.part(name).map_or(name.as_str(), |part| part.name));
                }
            }
            fields.extend(new);
            Ok(Value::Object(fields))
        }
        (_, new) => Ok(new),
    }
}

/// Changes one part of a single value, such as `name.givenName`.
fn part_of_one(
    attribute: Option<&'static SchemaAttribute>,
    current: Option<Value>,
    part: &str,
    verb: PatchVerb,
    value: Option<&Value>,
) -> Result<Value, ScimServiceError> {
    if attribute.is_some_and(|known| known.kind != AttributeType::Complex) {
        return Err(ScimServiceError::invalid_path(format!("the attribute has no part `{part}`")));
    }
    let mut fields = match current {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    set_part(&mut fields, attribute, part, verb, value)?;
    Ok(Value::Object(fields))
}

/// Sets or removes one part of a value.
pub(super) fn set_part(
    fields: &mut ResourceTree,
    attribute: Option<&'static SchemaAttribute>,
    part: &str,
    verb: PatchVerb,
    value: Option<&Value>,
) -> Result<(), ScimServiceError> {
    let known = attribute.and_then(|attribute| attribute.part(part));
    let key = known.map_or_else(|| stored_key(fields, part), |known| known.name.to_owned());
    let value = match value.filter(|_| verb != PatchVerb::Remove) {
        Some(value) => value::stored_value(known, value)?,
        None => Value::Null,
    };
    if is_unassigned(&value) {
        fields.remove(&key);
    } else {
        fields.insert(key, value);
    }
    Ok(())
}
