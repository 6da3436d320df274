//! What a resource must look like.

use serde_json::Value;

use crate::answer::Refusal;
use crate::attributes::{Attributes, canonicalised, get, is_multi_valued, text};
use crate::behaviour::Behaviour;
use crate::{ENTERPRISE_SCHEMA, GROUP_SCHEMA, Kind, USER_SCHEMA};

const TEXTS: [&str; 12] = [
    "userName",
    "displayName",
    "externalId",
    "title",
    "nickName",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "password",
    "profileUrl",
    "id",
];

/// The core schema of a kind of resource.
pub(crate) const fn schema(kind: Kind) -> &'static str {
    match kind {
        Kind::Group => GROUP_SCHEMA,
        _ => USER_SCHEMA,
    }
}

/// The attribute that names a resource and is unique.
pub(crate) const fn name_attribute(kind: Kind) -> &'static str {
    match kind {
        Kind::Group => "displayName",
        _ => "userName",
    }
}

/// The mail addresses of a user, in lower case.
pub(crate) fn mails(attributes: &Attributes) -> Vec<String> {
    let elements = get(attributes, "emails").and_then(Value::as_array).into_iter().flatten();
    let values = elements.filter_map(|mail| text(mail.as_object()?, "value"));
    values.map(str::to_lowercase).collect()
}

/// Whether a client may never set this core attribute.
pub(crate) fn is_read_only(kind: Kind, name: &str) -> bool {
    matches!(name, "id" | "meta") || (kind == Kind::User && name == "groups")
}

/// Attributes and member ids of a POST or PUT body. Read-only attributes are ignored, as RFC 7644 asks for.
pub(crate) fn intake(kind: Kind, body: &Value) -> Result<(Attributes, Vec<String>), Refusal> {
    let Value::Object(body) = body else {
        return Err(Refusal::invalid_syntax("the body must be an object"));
    };
    let mut attributes = canonicalised(body)?;
    let schemas = attributes.remove("schemas");
    let named = schemas.as_ref().and_then(Value::as_array).is_some_and(|schemas| {
        schemas.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(schema(kind)))
    });
    if !named {
        return Err(Refusal::invalid_value(format!("schemas must name {}", schema(kind))));
    }
    attributes.retain(|name, value| {
        !is_read_only(kind, name)
            && name != "password"
            && value.as_array().is_none_or(|list| !list.is_empty())
    });
    let members = match attributes.remove("members") {
        Some(members) if kind == Kind::Group => member_ids(&members)?,
        _ => Vec::new(),
    };
    Ok((attributes, members))
}

/// Ids in a value of `members`: one element or a list of them.
pub(crate) fn member_ids(value: &Value) -> Result<Vec<String>, Refusal> {
    let one = |element: &Value| {
        let id = element.as_object().and_then(|element| text(element, "value"));
        id.map(str::to_owned).ok_or_else(|| Refusal::invalid_value("a member must be an object with a value"))
    };
    match value {
        Value::Array(list) => list.iter().map(one).collect(),
        other => Ok(vec![one(other)?]),
    }
}

/// Refuses attributes that a resource of this kind must not have, or must have.
pub(crate) fn check(kind: Kind, attributes: &Attributes, behaviour: &Behaviour) -> Result<(), Refusal> {
    let name = name_attribute(kind);
    if text(attributes, name).is_none_or(|name| name.trim().is_empty()) {
        return Err(Refusal::invalid_value(format!("{name} is required")));
    }
    for (name, value) in attributes {
        check_type(name, value)?;
    }
    if kind == Kind::User && behaviour.require_department {
        let extension = get(attributes, ENTERPRISE_SCHEMA).and_then(Value::as_object);
        if extension.and_then(|map| text(map, "department")).is_none_or(str::is_empty) {
            return Err(Refusal::invalid_value("department is required"));
        }
    }
    Ok(())
}

fn check_type(name: &str, value: &Value) -> Result<(), Refusal> {
    let fits = match name {
        "active" => value.is_boolean(),
        "name" | ENTERPRISE_SCHEMA => value.is_object(),
        name if TEXTS.contains(&name) => value.is_string(),
        name if is_multi_valued(name) => {
            value.as_array().is_some_and(|list| list.iter().all(Value::is_object))
        }
        _ => true,
    };
    if !fits {
        return Err(Refusal::invalid_value(format!("{name} has a value of the wrong type")));
    }
    let primaries =
        value.as_array().into_iter().flatten().filter(|element| element["primary"] == true).count();
    if primaries > 1 {
        return Err(Refusal::invalid_value(format!("{name} has more than one primary value")));
    }
    Ok(())
}
