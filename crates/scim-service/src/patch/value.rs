//! Values in their stored form: with the type and the names of the schema.

use serde_json::{Map, Value};

use crate::ScimServiceError;
use crate::schema::{AttributeType, Mutability, SchemaAttribute};
use crate::tree::{boolean_value, is_unassigned};

/// The maximum number of values of one attribute.
pub(crate) const ELEMENTS_MAX: usize = 1_000;

/// Converts `value` to its stored form in the attribute, or unchanged if
/// `attribute` is `None` (unknown). Returns null if there is no value.
pub(crate) fn stored_value(
    attribute: Option<&SchemaAttribute>,
    value: &Value,
) -> Result<Value, ScimServiceError> {
    let Some(attribute) = attribute else { return Ok(without_nulls(value)) };
    if attribute.multi { list_value(attribute, value) } else { single_value(attribute, value) }
}

/// Converts one value of the attribute, which may be single-valued or multi-valued.
pub(crate) fn single_value(attribute: &SchemaAttribute, value: &Value) -> Result<Value, ScimServiceError> {
    let value = match value {
        // Entra sends a manager as a list with one element.
        Value::Array(list) if !attribute.multi && list.len() <= 1 => list.first().unwrap_or(&Value::Null),
        value => value,
    };
    if value.is_null() {
        return Ok(Value::Null);
    }
    let wrong = |what: &str| ScimServiceError::invalid_value(format!("`{}` must be {what}", attribute.name));
    match attribute.kind {
        AttributeType::Boolean => boolean_value(value).map(Value::Bool).ok_or_else(|| wrong("true or false")),
        AttributeType::Complex => complex_value(attribute, value),
        AttributeType::Text
        | AttributeType::DateTime
        | AttributeType::Integer
        | AttributeType::Reference
        | AttributeType::Binary => match value {
            Value::String(_) => Ok(value.clone()),
            Value::Number(number) => Ok(Value::String(number.to_string())),
            Value::Bool(truth) => Ok(Value::String(truth.to_string())),
            _ => Err(wrong("a text")),
        },
    }
}

/// Converts a complex value, which may be an object, JSON in a text, or only its `value`.
fn complex_value(attribute: &SchemaAttribute, value: &Value) -> Result<Value, ScimServiceError> {
    let wrong = || ScimServiceError::invalid_value(format!("`{}` must be an object", attribute.name));
    match value {
        Value::Object(fields) => match fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("value")) {
            Some((_, Value::String(text))) if attribute.multi => {
                value_parts(attribute, &unpack_json(fields, text))
            }
            _ => value_parts(attribute, fields),
        },
        Value::String(text) if text.trim_start().starts_with('{') => {
            value_parts(attribute, &unpack_json(&Map::new(), text))
        }
        Value::String(text) if text.is_empty() => Ok(Value::Null),
        Value::String(_) if attribute.part("value").is_some() => {
            value_parts(attribute, &Map::from_iter([("value".to_owned(), value.clone())]))
        }
        _ => Err(wrong()),
    }
}

/// Unpacks a role that Entra writes as JSON in a text, in place
/// of its value: `{"id":..,"value":"Admin","displayName":".."}`.
fn unpack_json(fields: &Map<String, Value>, text: &str) -> Map<String, Value> {
    let inner = text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten();
    let Some(Value::Object(inner)) = inner else {
        let mut fields = fields.clone();
        fields.entry("value").or_insert_with(|| text.into());
        return fields;
    };
    let mut fields: Map<String, Value> =
        fields.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("value")).map(owned_pair).collect();
    for (name, value) in inner {
        match name.as_str() {
            "id" => {}
            "displayName" => _ = fields.insert("display".to_owned(), value),
            _ => _ = fields.insert(name, value),
        }
    }
    fields
}

fn owned_pair((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// Converts the parts of a complex value. Read-only parts are dropped.
fn value_parts(attribute: &SchemaAttribute, fields: &Map<String, Value>) -> Result<Value, ScimServiceError> {
    let mut kept = Map::new();
    for (name, value) in fields {
        let part = attribute.part(name);
        if part.is_some_and(|part| part.mutability == Mutability::ReadOnly) {
            continue;
        }
        let value = stored_value(part, value)?;
        if !is_unassigned(&value) {
            kept.insert(part.map_or(name.as_str(), |part| part.name).to_owned(), value);
        }
    }
    // A reference with an empty value means that there is none.
    let is_empty_reference = !attribute.multi && kept.get("value").is_some_and(|value| value == "");
    Ok(if kept.is_empty() || is_empty_reference { Value::Null } else { Value::Object(kept) })
}

/// Converts a list, and removes empty and duplicate elements.
fn list_value(attribute: &SchemaAttribute, value: &Value) -> Result<Value, ScimServiceError> {
    let elements = match value {
        // Entra also writes lists as JSON in a text.
        Value::String(text) if text.trim_start().starts_with('[') => match serde_json::from_str(text) {
            Ok(Value::Array(list)) => list,
            _ => vec![value.clone()],
        },
        value => crate::tree::value_elements(Some(value)).to_vec(),
    };
    if elements.len() > ELEMENTS_MAX {
        let detail = format!("`{}` may have at most {ELEMENTS_MAX} values", attribute.name);
        return Err(ScimServiceError::invalid_value(detail));
    }
    let mut kept: Vec<Value> = Vec::with_capacity(elements.len());
    for element in &elements {
        let element = single_value(attribute, element)?;
        if !is_unassigned(&element) && !kept.contains(&element) {
            kept.push(element);
        }
    }
    one_primary(&mut kept, 0);
    Ok(Value::Array(kept))
}

/// Keeps only one primary element: the last one marked as primary, from `first_new` on if there is one.
pub(crate) fn one_primary(list: &mut [Value], first_new: usize) {
    let is_primary = |element: &Value| element.get("primary") == Some(&Value::Bool(true));
    let newest = list.iter().skip(first_new).rposition(is_primary).map(|at| at + first_new);
    let Some(primary) = newest.or_else(|| list.iter().rposition(is_primary)) else { return };
    for (at, element) in list.iter_mut().enumerate() {
        if at != primary && is_primary(element) {
            element["primary"] = Value::Bool(false);
        }
    }
}

/// Returns the value of an unknown attribute unchanged, except that nulls are removed.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().map(|(name, value)| (name.clone(), without_nulls(value)));
            Value::Object(kept.filter(|(_, value)| !value.is_null()).collect())
        }
        Value::Array(list) => {
            Value::Array(list.iter().map(without_nulls).filter(|value| !value.is_null()).collect())
        }
        plain => plain.clone(),
    }
}
