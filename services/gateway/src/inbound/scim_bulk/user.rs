//! Maps a SCIM user to the attribute names that Entra uses.

use edge::{FieldErrors, JsonPointer};
use lifecycle::AttributeMap;
use serde_json::{Map, Value};

use crate::intake::limits::normalise_manager;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The core attributes with another name in Entra; all others keep their name.
const CORE: [(&str, &str); 3] =
    [("userName", "userPrincipalName"), ("title", "jobTitle"), ("userType", "employeeType")];
/// The parts of `name`.
const NAME: [(&str, &str); 2] = [("givenName", "givenName"), ("familyName", "surname")];
/// The enterprise attributes.
const ENTERPRISE_NAMES: [(&str, &str); 2] =
    [("employeeNumber", "employeeId"), ("organization", "companyName")];
/// The parts of the work address.
const ADDRESS: [(&str, &str); 5] = [
    ("streetAddress", "streetAddress"),
    ("locality", "city"),
    ("region", "state"),
    ("postalCode", "postalCode"),
    ("country", "country"),
];
/// The types of phone numbers.
const PHONES: [(&str, &str); 3] =
    [("work", "telephoneNumber"), ("mobile", "mobile"), ("fax", "facsimileTelephoneNumber")];
/// Attributes that say nothing about the person, or that must not be stored.
const DROPPED: [&str; 4] = ["schemas", "id", "meta", "password"];

fn renamed_attribute<'a>(table: &[(&str, &'a str)], name: &'a str) -> &'a str {
    table.iter().find(|(scim, _)| *scim == name).map_or(name, |(_, entra)| entra)
}

/// Returns the attributes of the user at `at`, without the externalId, which is the key.
pub(crate) fn user_attributes(
    user: Map<String, Value>,
    at: &JsonPointer,
    errors: &mut FieldErrors,
) -> AttributeMap {
    let mut out = AttributeMap::new();
    for (name, value) in user {
        let here = at.key(&name);
        match (name.as_str(), value) {
            (name, _) if DROPPED.contains(&name) => {}
            ("active", value) => active_value(value, &here, &mut out, errors),
            ("name", Value::Object(parts)) => {
                for (part, value) in parts {
                    let known = NAME.iter().find(|(scim, _)| *scim == part);
                    let name = known.map_or_else(|| format!("name.{part}"), |(_, entra)| (*entra).to_owned());
                    out.insert(name, value);
                }
            }
            ("emails", Value::Array(list)) => add_emails(list, &mut out),
            ("phoneNumbers", Value::Array(list)) => add_phones(list, &mut out),
            ("addresses", Value::Array(list)) => add_addresses(list, &mut out),
            ("name" | "emails" | "phoneNumbers" | "addresses", Value::Null) => {}
            ("name", _) => errors.add(here, "must be an object"),
            ("emails" | "phoneNumbers" | "addresses", _) => errors.add(here, "must be an array"),
            (urn, Value::Object(extension)) if is_urn(urn) => {
                add_extension(urn, extension, &here, &mut out, errors)
            }
            (name, value) => {
                out.insert(renamed_attribute(&CORE, name).to_owned(), value);
            }
        }
    }
    out
}

fn is_urn(name: &str) -> bool {
    name.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("urn:"))
}

/// Only an unambiguous value may hire or dismiss a person. A missing value makes no statement.
fn active_value(value: Value, at: &JsonPointer, out: &mut AttributeMap, errors: &mut FieldErrors) {
    let clear = match &value {
        Value::Null => return,
        Value::Bool(active) => Some(*active),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    };
    match clear {
        Some(active) => _ = out.insert("active".to_owned(), Value::Bool(active)),
        None => errors.add(at, "must be true or false, or left out"),
    }
}

/// Adds the attributes of a schema extension.
fn add_extension(
    urn: &str,
    extension: Map<String, Value>,
    at: &JsonPointer,
    out: &mut AttributeMap,
    errors: &mut FieldErrors,
) {
    let enterprise = urn.eq_ignore_ascii_case(ENTERPRISE);
    for (name, value) in extension {
        if !enterprise {
            out.insert(format!("{urn}:{name}"), value);
        } else if name == "manager" {
            manager_key(value, &at.key("manager"), out, errors);
        } else {
            out.insert(renamed_attribute(&ENTERPRISE_NAMES, &name).to_owned(), value);
        }
    }
}

/// Reads the manager's externalId; an empty text means that there is none.
fn manager_key(value: Value, at: &JsonPointer, out: &mut AttributeMap, errors: &mut FieldErrors) {
    let (value, at) = match value {
        Value::Object(mut manager) => (manager.remove("value").unwrap_or_default(), at.key("value")),
        value => (value, at.clone()),
    };
    let value = if value.as_str() == Some("") { Value::Null } else { value };
    let mut one = AttributeMap::from([("manager".to_owned(), value)]);
    let mut faults = FieldErrors::default();
    normalise_manager(&mut one, &at, &mut faults);
    if !faults.is_empty() {
        errors.add(at, "must be the externalId of the manager; null for none");
    }
    out.append(&mut one);
}

fn kind_of(entry: &Value) -> Option<&str> {
    entry.get("type").and_then(Value::as_str)
}

fn is_kind(entry: &Value, kind: &str) -> bool {
    kind_of(entry).is_some_and(|found| found.eq_ignore_ascii_case(kind))
}

fn is_primary(entry: &Value) -> bool {
    entry.get("primary") == Some(&Value::Bool(true))
}

/// Removes and returns the first entry that passes the first test which any entry passes.
fn pick_entry(list: &mut Vec<Value>, tests: &[&dyn Fn(&Value) -> bool]) -> Option<Value> {
    let at = tests.iter().find_map(|test| list.iter().position(test))?;
    Some(list.remove(at))
}

/// Stores the value of each entry without an Entra attribute under its SCIM path.
fn keep_rest(list: Vec<Value>, name: &str, out: &mut AttributeMap) {
    for entry in list {
        let path = kind_of(&entry).map(|kind| format!("{name}[type eq \"{kind}\"].value"));
        if let (Some(path), Some(value)) = (path, entry.get("value")) {
            out.entry(path).or_insert_with(|| value.clone());
        }
    }
}

/// Adds the work, primary or first address as `mail`, and the others under their SCIM path.
fn add_emails(mut list: Vec<Value>, out: &mut AttributeMap) {
    let mail = pick_entry(&mut list, &[&|entry| is_kind(entry, "work"), &is_primary, &|_| true]);
    if let Some(value) = mail.as_ref().and_then(|entry| entry.get("value")) {
        out.insert("mail".to_owned(), value.clone());
    }
    keep_rest(list, "emails", out);
}

/// Adds the phone numbers under their Entra names, and the others under their SCIM path.
fn add_phones(mut list: Vec<Value>, out: &mut AttributeMap) {
    for (kind, name) in PHONES {
        let work = kind == "work";
        let found = pick_entry(
            &mut list,
            &[&|entry| is_kind(entry, kind), &|entry| work && kind_of(entry).is_none()],
        );
        if let Some(value) = found.as_ref().and_then(|entry| entry.get("value")) {
            out.insert(name.to_owned(), value.clone());
        }
    }
    keep_rest(list, "phoneNumbers", out);
}

/// Adds the parts of the work address under their Entra names, and the others under their SCIM path.
fn add_addresses(mut list: Vec<Value>, out: &mut AttributeMap) {
    let work = pick_entry(&mut list, &[&|entry| is_kind(entry, "work"), &|entry| kind_of(entry).is_none()]);
    if let Some(Value::Object(work)) = work {
        for (part, value) in work {
            if let Some((_, name)) = ADDRESS.iter().find(|(scim, _)| *scim == part) {
                out.insert((*name).to_owned(), value);
            } else if part == "formatted" {
                out.insert("addresses[type eq \"work\"].formatted".to_owned(), value);
            }
        }
    }
    for entry in list {
        let (Some(kind), Value::Object(parts)) = (kind_of(&entry).map(str::to_owned), entry) else {
            continue;
        };
        for (part, value) in parts.into_iter().filter(|(part, _)| part != "type" && part != "primary") {
            out.entry(format!("addresses[type eq \"{kind}\"].{part}")).or_insert(value);
        }
    }
}
