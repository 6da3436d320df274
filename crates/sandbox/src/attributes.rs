//! Attribute names and paths: regardless of case, with or without the schema's URN.

use scim_v2::filter::{AttrPath, PatchPath, ValFilter};
use serde_json::{Map, Value};

use crate::answer::SandboxRefusal;
use crate::{ENTERPRISE_SCHEMA, GROUP_SCHEMA, USER_SCHEMA};

/// The attributes of a resource.
pub(crate) type SandboxAttributes = Map<String, Value>;

/// Names with rules, in the spelling of RFC 7643. Other names keep the case of their first use.
const KNOWN: [&str; 35] = [
    "id",
    "externalId",
    "meta",
    "schemas",
    "userName",
    "name",
    "displayName",
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "active",
    "password",
    "emails",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "groups",
    "entitlements",
    "roles",
    "x509Certificates",
    "members",
    "employeeNumber",
    "costCenter",
    "organization",
    "division",
    "department",
    "manager",
    "givenName",
    "familyName",
    "value",
];

const MULTI_VALUED: [&str; 10] = [
    "emails",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "groups",
    "entitlements",
    "roles",
    "x509Certificates",
    "members",
];

/// Returns `true` if an attribute is multi-valued by its definition.
pub(crate) fn is_multi_valued(name: &str) -> bool {
    MULTI_VALUED.contains(&name)
}

/// Returns the value of an attribute, regardless of the case of its name.
pub(crate) fn get_attribute<'a>(map: &'a SandboxAttributes, name: &str) -> Option<&'a Value> {
    map.get(name)
        .or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// Returns the text of an attribute.
pub(crate) fn attribute_text<'a>(map: &'a SandboxAttributes, name: &str) -> Option<&'a str> {
    get_attribute(map, name).and_then(Value::as_str)
}

/// Returns the key under which this map stores an attribute.
pub(crate) fn attribute_key(map: &SandboxAttributes, name: &str) -> String {
    if map.contains_key(name) {
        return name.to_owned();
    }
    if let Some(key) = map.keys().find(|key| key.eq_ignore_ascii_case(name)) {
        return key.clone();
    }
    canonical_name(name)
}

/// Returns the name in the spelling of RFC 7643.
pub(crate) fn canonical_name(name: &str) -> String {
    KNOWN.iter().find(|known| known.eq_ignore_ascii_case(name)).map_or(name, |known| known).to_owned()
}

/// Returns the attributes of a request body with names in canonical case. Two names that differ only in case are refused.
pub(crate) fn canonicalise_names(body: &SandboxAttributes) -> Result<SandboxAttributes, SandboxRefusal> {
    let mut out = SandboxAttributes::new();
    for (name, value) in body {
        let key = if name.eq_ignore_ascii_case(ENTERPRISE_SCHEMA) {
            ENTERPRISE_SCHEMA.to_owned()
        } else {
            canonical_name(name)
        };
        let value = match value {
            Value::Object(inner) => Value::Object(canonicalise_names(inner)?),
            other => other.clone(),
        };
        if value.is_null() {
            continue;
        }
        if out.insert(key, value).is_some() {
            return Err(SandboxRefusal::invalid_syntax(format!("attribute {name} is given twice")));
        }
    }
    Ok(out)
}

/// Returns the extension container of an attribute path, or `None` for core attributes.
pub(crate) fn extension_container(path: &AttrPath) -> Option<&str> {
    path.uri.as_deref().filter(|uri| !is_core(uri))
}

/// Returns `true` for a path that names only the enterprise extension itself.
pub(crate) fn is_enterprise(path: &AttrPath) -> bool {
    path.sub_attr.is_none()
        && path.uri.as_ref().is_some_and(|uri| format!("{uri}:{}", path.name) == ENTERPRISE_SCHEMA)
}

fn is_core(uri: &str) -> bool {
    uri.eq_ignore_ascii_case(USER_SCHEMA) || uri.eq_ignore_ascii_case(GROUP_SCHEMA)
}

/// The target of a PATCH path.
#[derive(Debug, Clone)]
pub(crate) struct PatchTarget {
    /// The URN of the extension that contains the attribute.
    pub container: Option<String>,
    /// The attribute; `None` means the whole extension.
    pub name: Option<String>,
    /// The filter that selects elements of a list.
    pub filter: Option<ValFilter>,
    /// The part of a complex value.
    pub sub: Option<String>,
}

impl PatchTarget {
    /// Parses a path, which may begin with the URN of a known schema.
    pub(crate) fn parse(text: &str) -> Result<Self, SandboxRefusal> {
        let (container, rest) = split_urn(text);
        let Some(rest) = rest else {
            return Ok(Self { container, name: None, filter: None, sub: None });
        };
        let path: PatchPath =
            rest.parse().map_err(|_| SandboxRefusal::invalid_path(format!("not a path: {text}")))?;
        let (attr, filter, sub) = match path {
            PatchPath::Attr(attr) => {
                let sub = attr.sub_attr.clone();
                (attr, None, sub)
            }
            PatchPath::Value(path) => {
                if path.attr.sub_attr.is_some() {
                    return Err(SandboxRefusal::invalid_path(format!(
                        "a filter behind a sub-attribute: {text}"
                    )));
                }
                (path.attr, Some(path.filter), path.sub_attr)
            }
        };
        let container = container.or_else(|| self::extension_container(&attr).map(str::to_owned));
        Ok(Self {
            container,
            name: Some(canonical_name(&attr.name)),
            filter,
            sub: sub.map(|sub| canonical_name(&sub)),
        })
    }

    /// Returns the core attribute at the path, if it is one.
    pub(crate) fn core_name(&self) -> Option<&str> {
        self.name.as_deref().filter(|_| self.container.is_none())
    }
}

/// Removes a known URN. Returns the container that it denotes, and the text after it (`None` if there is none).
fn split_urn(text: &str) -> (Option<String>, Option<&str>) {
    for urn in [ENTERPRISE_SCHEMA, USER_SCHEMA, GROUP_SCHEMA] {
        let Some((head, tail)) = text.split_at_checked(urn.len()) else { continue };
        if !head.eq_ignore_ascii_case(urn) {
            continue;
        }
        let container = (urn == ENTERPRISE_SCHEMA).then(|| urn.to_owned());
        match tail.strip_prefix(':') {
            Some(rest) => return (container, Some(rest)),
            None if tail.is_empty() && container.is_some() => return (container, None),
            None => {}
        }
    }
    (None, Some(text))
}
