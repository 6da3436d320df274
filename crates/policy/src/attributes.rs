//! Reads attribute values.

use std::borrow::Cow;

use serde_json::Value;

/// Attributes whose values may be shown in reasons. Their values describe a role, not a person.
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

/// The maximum length of a value in a reason, in characters.
const SHOWN_CHARACTERS_MAX: usize = 64;
/// The maximum length of a value in an explanation, in characters.
const EXPLAINED_CHARACTERS_MAX: usize = 4_096;

/// Returns `value` of attribute `name` in the form in which a reason may show it.
pub(crate) fn show_value(name: &str, value: Option<&Value>, impersonal: bool) -> String {
    let Some(value) = value.filter(|value| has_value(value)) else { return "no value".to_owned() };
    if !impersonal && !IMPERSONAL.contains(&name) {
        return "<hidden>".to_owned();
    }
    quote_value(value, SHOWN_CHARACTERS_MAX)
}

/// Returns `value` as an explanation shows it, including personal data. An explanation is never stored.
pub(crate) fn explain_value(value: Option<&Value>) -> String {
    match value.filter(|value| has_value(value)) {
        Some(value) => quote_value(value, EXPLAINED_CHARACTERS_MAX),
        None => "no value".to_owned(),
    }
}

fn quote_value(value: &Value, characters_max: usize) -> String {
    let mut words = String::new();
    for text in text_values(value) {
        let separator = if words.is_empty() { "" } else { ", " };
        words.push_str(&format!("{separator}\"{text}\""));
    }
    match words.char_indices().nth(characters_max) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

/// Returns `true` if `value` holds a value. Null, blank text and empty lists
/// hold none. An object with a `value` field counts as the value of that field.
pub(crate) fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(values) => values.iter().any(has_value),
        Value::Object(fields) => fields.get("value").map_or(!fields.is_empty(), has_value),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Returns the non-empty single values of `value`: the value itself, or the elements of a list.
pub(crate) fn single_values(value: &Value) -> impl Iterator<Item = &Value> {
    let values = match value {
        Value::Array(values) => values.as_slice(),
        single => std::slice::from_ref(single),
    };
    values.iter().map(inner_value).filter(|value| has_value(value))
}

fn inner_value(value: &Value) -> &Value {
    match value {
        Value::Object(fields) => fields.get("value").unwrap_or(value),
        plain => plain,
    }
}

/// Returns the single values of `value` as text: one, or those of a list.
pub(crate) fn text_values(value: &Value) -> impl Iterator<Item = Cow<'_, str>> {
    single_values(value).map(as_text)
}

/// Returns a single value as text. Text is borrowed, not copied.
pub(crate) fn as_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        other => Cow::Owned(other.to_string()),
    }
}

/// Returns a single value as owned text.
pub(crate) fn value_text(value: &Value) -> String {
    as_text(value).into_owned()
}

/// Returns `true` if the two texts are equal apart from case.
pub(crate) fn same_text(a: &str, b: &str) -> bool {
    let (mut left, mut right) = (a.chars(), b.chars());
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if same_char(a, b) => {}
            _ => return false,
        }
    }
}

/// Returns `true` if the two characters are equal apart from case.
pub(crate) fn same_char(a: char, b: char) -> bool {
    // The sigma at the end of a word differs from the other sigma in lower case only.
    let folded = |c: char| c.to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c });
    a == b || (a.is_ascii() && b.is_ascii() && a.eq_ignore_ascii_case(&b)) || folded(a).eq(folded(b))
}
