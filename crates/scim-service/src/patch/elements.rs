//! Applies operations to lists of values.

use serde_json::{Map, Value};

use super::PatchVerb;
use super::change::set_part;
use super::value::{ELEMENTS_MAX, one_primary, single_value, stored_value};
use crate::filter::{FilterComparison, FilterLiteral, ScimFilter};
use crate::schema::SchemaAttribute;
use crate::tree::is_unassigned;
use crate::{ResourceTree, ScimAttributePath, ScimServiceError, get_value};

/// Changes the list as a whole.
pub(super) fn whole_list(
    attribute: Option<&'static SchemaAttribute>,
    current: Option<Value>,
    verb: PatchVerb,
    value: Option<&Value>,
) -> Result<Value, ScimServiceError> {
    let new = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(value) => list_of(stored_value(attribute, value)?),
    };
    match verb {
        PatchVerb::Replace => Ok(Value::Array(new)),
        PatchVerb::Add => {
            let mut list = current.map(list_of).unwrap_or_default();
            let first_new = list.len();
            for element in new {
                add_elements(&mut list, element);
            }
            within_limit(&list)?;
            one_primary(&mut list, first_new);
            Ok(Value::Array(list))
        }
        PatchVerb::Remove if value.is_none_or(Value::is_null) => Ok(Value::Null),
        // A removal with values removes only those.
        PatchVerb::Remove => {
            let mut list = current.map(list_of).unwrap_or_default();
            list.retain(|element| !new.iter().any(|gone| is_same(element, gone)));
            Ok(Value::Array(list))
        }
    }
}

fn list_of(value: Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list,
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// Adds an element. A present element is completed and not duplicated.
fn add_elements(list: &mut Vec<Value>, element: Value) {
    match (list.iter_mut().find(|known| is_same(known, &element)), element) {
        (Some(Value::Object(known)), Value::Object(new)) => known.extend(new),
        (Some(_), _) => {}
        (None, element) => list.push(element),
    }
}

/// Returns `true` if the two have the same value for the same purpose.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let equal = |name| get_value(one, name) == get_value(other, name);
            let values = get_value(one, "value").is_some() && equal("value");
            let kinds =
                equal("type") || get_value(one, "type").is_none() || get_value(other, "type").is_none();
            one == other || (values && kinds)
        }
        (one, other) => one == other,
    }
}

fn within_limit(list: &[Value]) -> Result<(), ScimServiceError> {
    if list.len() <= ELEMENTS_MAX {
        return Ok(());
    }
    Err(ScimServiceError::invalid_value(format!("an attribute may have at most {ELEMENTS_MAX} values")))
}

/// Changes one part of each element, such as `emails.value` without a filter. An empty list gets a new element.
pub(super) fn part_of_each(
    attribute: Option<&'static SchemaAttribute>,
    current: Option<Value>,
    part: &str,
    verb: PatchVerb,
    value: Option<&Value>,
) -> Result<Value, ScimServiceError> {
    let mut list = current.map(list_of).unwrap_or_default();
    if list.is_empty() && verb != PatchVerb::Remove {
        list.push(Value::Object(Map::new()));
    }
    for fields in list.iter_mut().filter_map(Value::as_object_mut) {
        set_part(fields, attribute, part, verb, value)?;
    }
    list.retain(|element| !is_unassigned(element));
    Ok(Value::Array(list))
}

/// Changes the elements that `filter` selects. If there is none, a value
/// creates the element that the filter describes, as Entra expects.
pub(super) fn chosen_elements(
    attribute: Option<&'static SchemaAttribute>,
    current: Option<Value>,
    filter: &ScimFilter,
    verb: PatchVerb,
    path: &ScimAttributePath,
    value: Option<&Value>,
) -> Result<Value, ScimServiceError> {
    let mut list = current.map(list_of).unwrap_or_default();
    let verb = if value.is_some_and(Value::is_null) { PatchVerb::Remove } else { verb };
    let mut at: Vec<usize> = (0..list.len()).filter(|at| path.selects(&list[*at])).collect();
    if verb == PatchVerb::Remove && path.part.is_none() {
        list.retain(|element| !path.selects(element));
        return Ok(Value::Array(list));
    }
    if at.is_empty() && verb != PatchVerb::Remove {
        at.push(list.len());
        list.push(Value::Object(described_element(attribute, filter)?));
        within_limit(&list)?;
    }
    for at in &at {
        change_elements(attribute, &mut list[*at], verb, path, value)?;
    }
    if verb == PatchVerb::Remove {
        list.retain(says_something);
    } else {
        let first = at.first().copied().unwrap_or_default();
        one_primary(&mut list, first);
    }
    Ok(Value::Array(list))
}

/// Changes one selected element, or a part of it.
fn change_elements(
    attribute: Option<&'static SchemaAttribute>,
    element: &mut Value,
    verb: PatchVerb,
    path: &ScimAttributePath,
    value: Option<&Value>,
) -> Result<(), ScimServiceError> {
    if let Some(part) = &path.part {
        let Value::Object(fields) = element else {
            return Err(ScimServiceError::invalid_path(format!("`{}` has no parts", path.shown())));
        };
        return set_part(fields, attribute, part, verb, value);
    }
    let Some(value) = value else { return Ok(()) };
    let new = match attribute {
        Some(attribute) => single_value(attribute, value)?,
        None => stored_value(None, value)?,
    };
    match (element, new) {
        (Value::Object(fields), Value::Object(new)) => fields.extend(new),
        (element, new) => *element = new,
    }
    Ok(())
}

/// Returns `false` for an element that contains only its purpose.
fn says_something(element: &Value) -> bool {
    let Value::Object(fields) = element else { return true };
    fields.keys().any(|name| !["type", "primary"].iter().any(|own| name.eq_ignore_ascii_case(own)))
}

/// Returns the element that the filter describes, if the filter determines it.
fn described_element(
    attribute: Option<&'static SchemaAttribute>,
    filter: &ScimFilter,
) -> Result<ResourceTree, ScimServiceError> {
    let unclear =
        || ScimServiceError::no_target("the filter matches no value, and does not describe one to create");
    let mut fields = Map::new();
    let terms = match filter {
        ScimFilter::And(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    for term in terms {
        let ScimFilter::Compare(part, FilterComparison::Eq, literal) = term else { return Err(unclear()) };
        if part.part.is_some() || *literal == FilterLiteral::Null {
            return Err(unclear());
        }
        set_part(&mut fields, attribute, &part.name, PatchVerb::Add, Some(&literal.value()))?;
    }
    Ok(fields)
}
