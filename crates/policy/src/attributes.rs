//! Reading attribute values.

use serde_json::Value;

/// Attributes whose values may be shown in reasons. They say something about a role, not about a person.
const IMPERSONAL: [&str; 13] = [
    "accountEnabled",
    "active",
    "companyName",
    "costCenter",
    "country",
    "department",
    "division",
    "employeeType",
    "jobTitle",
    "officeLocation",
    "preferredLanguage",
    "usageLocation",
    "userType",
];

/// Longest value shown in a reason, in characters.
const SHOWN_CHARACTERS_MAX: usize = 64;

/// How `value` of attribute `name` may appear in a reason.
pub(crate) fn shown(name: &str, value: Option<&Value>, impersonal: bool) -> String {
    let Some(value) = value.filter(|value| has_value(value)) else { return "no value".to_owned() };
    if !impersonal && !IMPERSONAL.contains(&name) {
        return "<hidden>".to_owned();
    }
    let texts: Vec<String> = each(value).map(|text| format!("\"{text}\"")).collect();
    let text = texts.join(", ");
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Null, blank text and empty lists are no values.
pub(crate) fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(values) => values.iter().any(has_value),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// The values of `value` as text: one, or those of a list.
pub(crate) fn each(value: &Value) -> impl Iterator<Item = String> {
    let values = match value {
        Value::Array(values) => values.as_slice(),
        single => std::slice::from_ref(single),
    };
    values.iter().filter(|value| has_value(value)).map(text)
}

/// A single value as text.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether the two are the same but for upper and lower case.
pub(crate) fn same_text(a: &str, b: &str) -> bool {
    a == b || (a.len() == b.len() && a.eq_ignore_ascii_case(b)) || a.to_lowercase() == b.to_lowercase()
}
