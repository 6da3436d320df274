//! Masks personal values and secrets before an exchange leaves this crate.
//!
//! Requests are masked by structure: a string or number is shown only under the few names that operators
//! need to see what happened to which account. Answers that carry a resource are masked in the same way.
//! Errors are shown, because operators read them, but every value that was masked in the request is removed.

use serde_json::{Map, Value};

use crate::ScimKind;
use crate::path::AttributePath;

/// The maximum size of an answer that an exchange keeps, in bytes.
const RESPONSE_BYTES_MAX: usize = 2048;

/// The maximum size of a successful answer that is masked,
/// in bytes. Operators do not read a whole page of accounts.
const SHOWN_ANSWER_BYTES_MAX: usize = 16 * 1024;

/// The maximum length of a failure message, in characters.
const MESSAGE_CHARS_MAX: usize = 300;

/// The minimum length of masked values that are searched for in answers. Shorter ones would match everywhere.
const SOUGHT_CHARS_MIN: usize = 3;

const MARK: &str = "<redacted>";

/// Attributes whose strings are shown, with everything in them.
const SHOWN: [&str; 12] = [
    "schemas",
    "active",
    "type",
    "primary",
    "externalId",
    "userName",
    "id",
    "totalResults",
    "itemsPerPage",
    "startIndex",
    "meta",
    "groups",
];

/// The values that one exchange must not show.
#[derive(Debug)]
pub(crate) struct Redactor {
    kind: ScimKind,
    hidden: Vec<Vec<char>>,
}

impl Redactor {
    pub(crate) fn new(kind: ScimKind, secret: &str) -> Self {
        let mut redactor = Self { kind, hidden: Vec::new() };
        redactor.hide(secret);
        redactor
    }

    fn hide(&mut self, value: &str) {
        let one_line = value.split_whitespace().collect::<Vec<_>>().join(" ");
        for form in [value.to_owned(), escape_json(value), one_line] {
            let folded: Vec<char> = form.chars().map(fold_character).collect();
            if folded.len() >= SOUGHT_CHARS_MIN && !self.hidden.contains(&folded) {
                self.hidden.push(folded);
            }
        }
        self.hidden.sort_by_key(|value| std::cmp::Reverse(value.len()));
    }

    /// Masks the body of a request. Values that are masked here are also hidden in the answer.
    pub(crate) fn request(&mut self, body: &Value) -> Value {
        let (masked, hidden) = self.body(body);
        for value in &hidden {
            self.hide(value);
        }
        masked
    }

    fn body(&self, body: &Value) -> (Value, Vec<String>) {
        let mut mask = RedactionMask { kind: self.kind, hidden: Vec::new() };
        let masked = match body.get("Operations").and_then(Value::as_array) {
            Some(operations) => {
                let mut map = body.as_object().cloned().unwrap_or_default();
                let operations = operations.iter().map(|op| mask.operation(op)).collect();
                map.insert("Operations".to_owned(), operations);
                Value::Object(map)
            }
            None => mask.tree(body),
        };
        (masked, mask.hidden)
    }

    /// Masks a value that a filter compares the attribute at `path` with.
    pub(crate) fn filter_value(&mut self, path: &str, value: &str) -> String {
        if ["userName", "externalId", "displayName", "id"]
            .iter()
            .any(|shown| shown.eq_ignore_ascii_case(path))
        {
            return value.to_owned();
        }
        self.hide(value);
        mask_mark(value)
    }

    /// Returns the answer in the form in which an operator may see it.
    pub(crate) fn response(&self, success: bool, raw: &[u8], json: Option<&Value>) -> Option<String> {
        let shown = match json {
            _ if raw.is_empty() => return None,
            _ if success && raw.len() > SHOWN_ANSWER_BYTES_MAX => format!("<{} bytes>", raw.len()),
            Some(json) if success => self.replace_in(self.body(json).0).to_string(),
            Some(json) => self.replace_in(json.clone()).to_string(),
            // A truncated resource cannot be masked by structure.
            None if raw.trim_ascii_start().starts_with(b"{") || raw.trim_ascii_start().starts_with(b"[") => {
                format!("<{} bytes of broken JSON>", raw.len())
            }
            None => self.text(&String::from_utf8_lossy(raw)),
        };
        let end = shown.floor_char_boundary(RESPONSE_BYTES_MAX);
        Some(shown[..end].to_owned())
    }

    fn replace_in(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.replace_in(item)).collect(),
            Value::Object(map) => map.into_iter().map(|(key, value)| (key, self.replace_in(value))).collect(),
            other => other,
        }
    }

    /// Returns a message: one line, masked, of bounded length.
    pub(crate) fn message(&self, text: &str) -> String {
        let line: String = self.text(text).split_whitespace().collect::<Vec<_>>().join(" ");
        line.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX).collect()
    }

    /// Replaces every hidden value in `text`, regardless of case. It makes one pass
    /// with the longest values first, so that a mark is never taken for a value.
    pub(crate) fn text(&self, text: &str) -> String {
        let original: Vec<char> = text.chars().collect();
        let folded: Vec<char> = original.iter().copied().map(fold_character).collect();
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while at < original.len() {
            match self.hidden.iter().find(|value| folded[at..].starts_with(value)) {
                Some(value) => {
                    out.push_str(MARK);
                    at += value.len();
                }
                None => {
                    out.push(original[at]);
                    at += 1;
                }
            }
        }
        out
    }
}

/// Attributes whose values are never shown.
const SECRET: [&str; 3] = ["password", "secret", "token"];

/// Returns a body for an operator who asked for it: personal values are shown, secrets are not.
pub(crate) fn without_secrets(body: &Value, token: &str) -> Value {
    let is_secret = |path: &str| {
        SECRET.iter().any(|secret| path.to_ascii_lowercase().rsplit([':', '.']).next() == Some(secret))
    };
    match body {
        Value::Object(map) => {
            let about_a_secret = map.get("path").and_then(Value::as_str).is_some_and(is_secret);
            let shown = map.iter().map(|(key, value)| {
                let hide = is_secret(key) || (about_a_secret && key == "value");
                let value = if hide { Value::from(MARK) } else { without_secrets(value, token) };
                (key.clone(), value)
            });
            shown.collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(|item| without_secrets(item, token)).collect(),
        Value::String(text) if !token.is_empty() && text.contains(token) => text.replace(token, MARK).into(),
        other => other.clone(),
    }
}

/// Masks one body, and collects the values that it hides.
struct RedactionMask {
    kind: ScimKind,
    hidden: Vec<String>,
}

impl RedactionMask {
    fn shows(&self, name: &str) -> bool {
        SHOWN.iter().any(|shown| shown.eq_ignore_ascii_case(name))
            || (self.kind == ScimKind::Group && name.eq_ignore_ascii_case("displayName"))
    }

    fn operation(&mut self, operation: &Value) -> Value {
        let Some(map) = operation.as_object() else { return self.hide(operation) };
        let path = map.get("path").and_then(Value::as_str).map(AttributePath::parse_or_literal);
        let masked = map.iter().map(|(key, value)| {
            let value = match (key.as_str(), &path) {
                ("op" | "path", _) => value.clone(),
                ("value", Some(path)) => self.attribute(path.sub.as_deref().unwrap_or(&path.name), value),
                _ => self.tree(value),
            };
            (key.clone(), value)
        });
        masked.collect::<Map<_, _>>().into()
    }

    fn tree(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| (key.clone(), self.attribute(key, value)))
                .collect::<Map<_, _>>()
                .into(),
            Value::Array(items) => items.iter().map(|item| self.tree(item)).collect(),
            other => self.hide(other),
        }
    }

    fn attribute(&mut self, name: &str, value: &Value) -> Value {
        if self.shows(name) {
            return value.clone();
        }
        if name.eq_ignore_ascii_case("members") || name.eq_ignore_ascii_case("manager") {
            return self.references(value);
        }
        self.tree(value)
    }

    /// Masks references. The ids of other resources are shown, other data about them is not.
    fn references(&mut self, value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.references(item)).collect(),
            Value::Object(map) => {
                let masked = map.iter().map(|(key, value)| {
                    let id = key.eq_ignore_ascii_case("value") && !value.is_object() && !value.is_array();
                    (key.clone(), if id { value.clone() } else { self.attribute(key, value) })
                });
                masked.collect::<Map<_, _>>().into()
            }
            other => other.clone(),
        }
    }

    fn hide(&mut self, value: &Value) -> Value {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return value.clone(),
        };
        let mark = mask_mark(&text);
        self.hidden.push(text);
        Value::String(mark)
    }
}

fn mask_mark(text: &str) -> String {
    format!("<redacted {} chars>", text.chars().count())
}

/// Returns the text as it appears inside a JSON string.
fn escape_json(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Folds the case of one character. The few that become several characters stay as they are.
fn fold_character(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(only), None) => only,
        _ => c,
    }
}

#[cfg(test)]
mod tests;
