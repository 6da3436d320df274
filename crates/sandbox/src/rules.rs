//! The rules for the content of a resource and its spelling.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::answer::SandboxRefusal;
use crate::attributes::{
    SandboxAttributes, attribute_text, canonicalise_names, get_attribute, is_multi_valued,
};
use crate::behaviour::SandboxBehaviour;
use crate::{ENTERPRISE_SCHEMA, GROUP_SCHEMA, RequestKind, USER_SCHEMA};

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

/// Returns the core schema of a kind of resource.
pub(crate) const fn core_schema(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Group => GROUP_SCHEMA,
        _ => USER_SCHEMA,
    }
}

/// Returns `User` or `Group`.
pub(crate) const fn type_name(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Group => "Group",
        _ => "User",
    }
}

/// Formats a time as in RFC 3339.
pub(crate) fn format_timestamp(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).expect("the years of a wall clock have four digits")
}

/// Returns the attribute that names a resource and is unique.
pub(crate) const fn name_attribute(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Group => "displayName",
        _ => "userName",
    }
}

/// Returns the mail addresses of a user, in lower case.
pub(crate) fn mail_addresses(attributes: &SandboxAttributes) -> Vec<String> {
    let elements = get_attribute(attributes, "emails").and_then(Value::as_array).into_iter().flatten();
    let values = elements.filter_map(|mail| attribute_text(mail.as_object()?, "value"));
    values.map(str::to_lowercase).collect()
}

/// Returns `true` if a client may never set this core attribute.
pub(crate) fn is_read_only(kind: RequestKind, name: &str) -> bool {
    matches!(name, "id" | "meta") || (kind == RequestKind::User && name == "groups")
}

/// Reads the attributes and member ids of a POST or PUT body. Read-only attributes are ignored, as RFC 7644 requires.
pub(crate) fn read_resource(
    kind: RequestKind,
    body: &Value,
) -> Result<(SandboxAttributes, Vec<String>), SandboxRefusal> {
    let Value::Object(body) = body else {
        return Err(SandboxRefusal::invalid_syntax("the body must be an object"));
    };
    let mut attributes = canonicalise_names(body)?;
    let schemas = attributes.remove("schemas");
    let named = schemas.as_ref().and_then(Value::as_array).is_some_and(|schemas| {
        schemas.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(core_schema(kind)))
    });
    if !named {
        return Err(SandboxRefusal::invalid_value(format!("schemas must name {}", core_schema(kind))));
    }
    attributes.retain(|name, value| {
        !is_read_only(kind, name)
            && name != "password"
            && value.as_array().is_none_or(|list| !list.is_empty())
    });
    let members = match attributes.remove("members") {
        Some(members) if kind == RequestKind::Group => member_ids(&members)?,
        _ => Vec::new(),
    };
    Ok((attributes, members))
}

/// Returns the ids in a value of `members`: one element or a list of elements.
pub(crate) fn member_ids(value: &Value) -> Result<Vec<String>, SandboxRefusal> {
    let one = |element: &Value| {
        let id = element.as_object().and_then(|element| attribute_text(element, "value"));
        id.map(str::to_owned)
            .ok_or_else(|| SandboxRefusal::invalid_value("a member must be an object with a value"))
    };
    match value {
        Value::Array(list) => list.iter().map(one).collect(),
        other => Ok(vec![one(other)?]),
    }
}

/// Refuses attributes that a resource of this kind must not have, or lacks.
pub(crate) fn check_attributes(
    kind: RequestKind,
    attributes: &SandboxAttributes,
    behaviour: &SandboxBehaviour,
) -> Result<(), SandboxRefusal> {
    let name = name_attribute(kind);
    if attribute_text(attributes, name).is_none_or(|name| name.trim().is_empty()) {
        return Err(SandboxRefusal::invalid_value(format!("{name} is required")));
    }
    for (name, value) in attributes {
        check_type(name, value)?;
    }
    if kind == RequestKind::User && behaviour.require_department {
        let extension = get_attribute(attributes, ENTERPRISE_SCHEMA).and_then(Value::as_object);
        if extension.and_then(|map| attribute_text(map, "department")).is_none_or(str::is_empty) {
            return Err(SandboxRefusal::invalid_value("department is required"));
        }
    }
    Ok(())
}

/// Checks the type of a value, and that a list has at most one primary element.
fn check_type(name: &str, value: &Value) -> Result<(), SandboxRefusal> {
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
        return Err(SandboxRefusal::invalid_value(format!("{name} has a value of the wrong type")));
    }
    let primaries =
        value.as_array().into_iter().flatten().filter(|element| element["primary"] == true).count();
    if primaries > 1 {
        return Err(SandboxRefusal::invalid_value(format!("{name} has more than one primary value")));
    }
    Ok(())
}
