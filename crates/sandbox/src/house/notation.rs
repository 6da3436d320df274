//! The notation of a profile: booleans and paths that are written differently from RFC 7644.

use std::borrow::Cow;

use serde_json::Value;

use super::ProfileRules;
use crate::ENTERPRISE_SCHEMA;

impl ProfileRules {
    /// Converts the body from the profile's notation to that of RFC 7644.
    pub(crate) fn plain<'b>(&self, body: &'b Value) -> Cow<'b, Value> {
        let has_dots = self.patch.extension_separator.as_deref() == Some("dot");
        if !self.string_booleans && !has_dots {
            return Cow::Borrowed(body);
        }
        let mut body = body.clone();
        if self.string_booleans {
            make_truths(&mut body);
        }
        for operation in body.get_mut("Operations").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(Value::String(path)) = operation.get_mut("path")
                && has_dots
                && path.starts_with(ENTERPRISE_SCHEMA)
                && path.as_bytes().get(ENTERPRISE_SCHEMA.len()) == Some(&b'.')
            {
                path.replace_range(ENTERPRISE_SCHEMA.len()..=ENTERPRISE_SCHEMA.len(), ":");
            }
            let is_flag = operation.get("path").and_then(Value::as_str) == Some("active");
            if let Some(value) = operation.get_mut("value").filter(|_| is_flag && self.string_booleans) {
                make_truth(value);
            }
        }
        Cow::Owned(body)
    }
}

/// Converts text to booleans where an attribute is boolean.
fn make_truths(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if ["active", "primary"].iter().any(|flag| flag.eq_ignore_ascii_case(name)) {
                    make_truth(value);
                } else {
                    make_truths(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(make_truths),
        _ => {}
    }
}

fn make_truth(value: &mut Value) {
    match value.as_str() {
        Some("true" | "True") => *value = Value::Bool(true),
        Some("false" | "False") => *value = Value::Bool(false),
        _ => {}
    }
}
