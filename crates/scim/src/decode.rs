//! Lenient parsing of targets' answers.
//!
//! A target that did the work but formats its answer badly must not look as if it had failed.

use serde_json::{Map, Value};

use crate::path::AttributePath;
use crate::resource::{lookup_key, read_values};

/// A resource at a target.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundResource {
    /// The target's id.
    pub id: String,
    /// Our key at the target; `None` if it is empty.
    pub external_id: Option<String>,
    /// `true` if the account can be used; `None` if the target does not state it.
    pub active: Option<bool>,
    /// The version (`ETag`), if the target has versions.
    pub version: Option<String>,
    /// The whole resource as it was returned.
    pub attributes: Map<String, Value>,
}

impl FoundResource {
    /// Parses the resource in `value`; `None` if it has no id.
    pub(crate) fn from_value(value: Value) -> Option<Self> {
        let Value::Object(attributes) = value else { return None };
        let id = id_of(&attributes)?;
        let external_id =
            lookup_key(&attributes, "externalId").and_then(json_text).filter(|id| !id.is_empty());
        let active = lookup_key(&attributes, "active").and_then(json_flag);
        let version = lookup_key(&attributes, "meta").and_then(Value::as_object);
        let version = version.and_then(|meta| lookup_key(meta, "version")).and_then(json_text);
        Some(Self { id, external_id, active, version, attributes })
    }

    /// Parses a resource from a text that [`Self::attributes`] was written to; `None` if it has no id.
    pub fn read(json: &str) -> Option<Self> {
        Self::from_value(serde_json::from_str(json).ok()?)
    }

    /// Returns `true` if a lookup of `value` at `path` would find the resource.
    pub fn fits(&self, path: &str, value: &str) -> bool {
        self.has(&AttributePath::parse_or_literal(path), value)
    }

    /// Returns `true` if the attribute at `path` has `value`. Names and
    /// addresses are compared without regard to case, all other values exactly.
    pub(crate) fn has(&self, path: &AttributePath, value: &str) -> bool {
        let any_case =
            ["userName", "displayName", "emails"].iter().any(|name| path.name.eq_ignore_ascii_case(name));
        read_values(&self.attributes, path)
            .into_iter()
            .filter_map(json_text)
            .any(|have| have == value || (any_case && have.to_lowercase() == value.to_lowercase()))
    }
}

/// Returns the id of a resource.
pub(crate) fn id_of(resource: &Map<String, Value>) -> Option<String> {
    lookup_key(resource, "id").and_then(json_text).filter(|id| !id.is_empty())
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct ListPage {
    pub resources: Vec<FoundResource>,
    /// The number of entries on the page, including those that cannot be parsed.
    pub entries: u64,
    /// The number of entries in the whole list, as far as the target states it.
    pub total: Option<u64>,
    /// The cursor of the next page, if the target pages by cursor.
    pub next_cursor: Option<String>,
}

impl ListPage {
    /// Parses the page in `body`; `None` if it is not a list.
    pub(crate) fn from_value(body: Value) -> Option<Self> {
        let mut next_cursor = None;
        let (items, total) = match body {
            Value::Array(items) => (Some(items), None),
            Value::Object(mut map) => {
                next_cursor =
                    lookup_key(&map, "nextCursor").and_then(json_text).filter(|cursor| !cursor.is_empty());
                let total = lookup_key(&map, "totalResults").and_then(json_number);
                let key = map.keys().find(|key| key.eq_ignore_ascii_case("Resources")).cloned();
                let items = key.and_then(|key| map.remove(&key));
                match items {
                    Some(Value::Array(items)) => (Some(items), total),
                    None | Some(Value::Null) => (None, total),
                    Some(_) => return None,
                }
            }
            _ => return None,
        };
        if items.is_none() && total.is_none() {
            return None;
        }
        let items = items.unwrap_or_default();
        let entries = items.len() as u64;
        let resources = items.into_iter().filter_map(FoundResource::from_value).collect();
        Some(Self { resources, entries, total, next_cursor })
    }
}

/// Returns the remote ids of the members of a group; `None` if it contains no member attribute.
pub(crate) fn members_of(group: &Map<String, Value>) -> Option<Vec<String>> {
    let Some(Value::Array(members)) = lookup_key(group, "members") else { return None };
    let ids = members
        .iter()
        .filter_map(|member| match member {
            Value::Object(fields) => lookup_key(fields, "value").and_then(json_text),
            other => json_text(other),
        })
        .collect();
    Some(ids)
}

/// A target's description of an error.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct TargetComplaint {
    pub scim_type: Option<String>,
    pub detail: Option<String>,
}

impl TargetComplaint {
    /// Reads the description from the JSON body of an error.
    pub(crate) fn from_value(body: &Value) -> Self {
        let Some(map) = body.as_object() else { return Self { detail: json_text(body), ..Self::default() } };
        // OAuth proxies and gateways in front of the target use other keys.
        let detail = ["detail", "error_description", "message", "errorMessage", "title", "error"]
            .iter()
            .find_map(|key| lookup_key(map, key).and_then(json_text));
        if let (None, Some(first)) = (&detail, lookup_key(map, "errors").or_else(|| lookup_key(map, "error")))
        {
            return Self::from_value(first.as_array().and_then(|list| list.first()).unwrap_or(first));
        }
        Self { scim_type: lookup_key(map, "scimType").and_then(json_text), detail }
    }

    /// Reads the description from a body that is not JSON: the text of a page without its markup.
    pub(crate) fn from_text(body: &str) -> Self {
        let words = if body.trim_start().starts_with('<') { without_markup(body) } else { body.to_owned() };
        let words: Vec<&str> = words.split_whitespace().take(100).collect();
        Self { scim_type: None, detail: (!words.is_empty()).then(|| words.join(" ")) }
    }
}

/// Removes the tags of a page.
fn without_markup(page: &str) -> String {
    let mut inside = false;
    let keep = |c: char| match c {
        '<' => {
            inside = true;
            Some(' ')
        }
        '>' if inside => {
            inside = false;
            None
        }
        c => (!inside).then_some(c),
    };
    page.chars().filter_map(keep).collect()
}

fn json_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn json_flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn json_number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_for_ids_strings_for_booleans_and_any_case_of_names_are_understood() {
        let value = json!({ "ID": 42, "Active": "True", "externalId": "", "department": "stray" });
        let found = FoundResource::from_value(value).unwrap();
        assert_eq!((found.id.as_str(), found.external_id.as_deref(), found.active), ("42", None, Some(true)));
        assert_eq!(found.attributes["department"], "stray");
        assert!(FoundResource::from_value(json!({ "userName": "a" })).is_none());
    }

    #[test]
    fn lists_in_every_shape_are_understood_and_what_is_no_list_is_not_an_empty_one() {
        for (body, entries, total) in [
            (json!({ "totalResults": "1", "Resources": [{ "id": "1" }] }), 1, Some(1)),
            (json!({ "resources": [{ "id": "1" }, { "noid": 1 }] }), 2, None),
            (json!({ "totalResults": 0 }), 0, Some(0)),
            (json!({ "totalResults": 0, "Resources": null }), 0, Some(0)),
            (json!([{ "id": 1 }]), 1, None),
        ] {
            let page = ListPage::from_value(body).unwrap();
            assert_eq!((page.entries, page.total), (entries, total));
        }
        for body in [json!({}), json!({ "detail": "login" }), json!("x"), json!({ "Resources": "x" })] {
            assert!(ListPage::from_value(body).is_none());
        }
    }

    #[test]
    fn a_value_is_compared_in_any_case_only_where_servers_may_change_it() {
        let value =
            json!({ "id": 1, "userName": "Ærlig", "externalId": "aB", "emails": [{ "value": "A@X" }] });
        let found = FoundResource::from_value(value).unwrap();
        let has = |path: &str, value: &str| found.has(&AttributePath::parse(path).unwrap(), value);
        assert!(
            has("userName", "ærlig")
                && has("emails.value", "a@x")
                && has("externalId", "aB")
                && has("id", "1")
        );
        assert!(!has("externalId", "ab") && !has("userName", "Ærli") && !has("title", ""));
    }

    #[test]
    fn complaints_are_found_in_scim_errors_other_json_text_and_pages() {
        let scim = TargetComplaint::from_value(
            &json!({ "scimType": "uniqueness", "detail": "taken", "status": "409" }),
        );
        assert_eq!(
            scim,
            TargetComplaint { scim_type: Some("uniqueness".into()), detail: Some("taken".into()) }
        );
        for body in [json!({ "message": "no" }), json!({ "errors": [{ "detail": "no" }] }), json!("no")] {
            assert_eq!(TargetComplaint::from_value(&body).detail.as_deref(), Some("no"));
        }
        let page = TargetComplaint::from_text("<html><h1>502</h1>\n<p class='x'>Bad  gateway</p></html>");
        assert_eq!(page.detail.as_deref(), Some("502 Bad gateway"));
        assert_eq!(TargetComplaint::from_text("a < b").detail.as_deref(), Some("a < b"));
        assert_eq!(TargetComplaint::from_text(" "), TargetComplaint::default());
    }
}
