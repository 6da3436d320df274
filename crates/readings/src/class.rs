//! The shape of a value that could not be read: enough to find the cause, without the value itself.

use serde_json::Value;

/// The maximum length of a shape, in characters.
const CLASS_CHARS_MAX: usize = 32;

/// Returns the shape of a value: `9` for a digit, `a` for consecutive letters, punctuation as it is.
pub fn class_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Number(number) => format!("the number {}", text_shape(&number.to_string())),
        Value::String(text) => text_shape(text),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Returns the shape of a text.
fn text_shape(text: &str) -> String {
    let mut shape = String::new();
    let mut length = 0;
    for c in text.chars() {
        let sign = match c {
            _ if c.is_ascii_digit() => '9',
            _ if c.is_alphanumeric() => 'a',
            _ if c.is_whitespace() => ' ',
            _ if c.is_ascii_punctuation() => c,
            _ => '?',
        };
        if sign == 'a' && shape.ends_with('a') {
            continue;
        }
        if length == CLASS_CHARS_MAX {
            shape.push('…');
            break;
        }
        length += 1;
        shape.push(sign);
    }
    if shape.is_empty() { "an empty text".to_owned() } else { shape }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_form_says_how_a_value_is_written_and_nothing_of_it() {
        for (value, class) in [
            (json!("31.12.2026"), "99.99.9999"),
            (json!("31-Dez-2026"), "99-a-9999"),
            (json!("yesterday"), "a"),
            (json!("Müller, Zoë"), "a, a"),
            (json!(46387), "the number 99999"),
            (json!(true), "a boolean"),
            (json!([]), "a list"),
            (json!({"a": 1}), "an object"),
            (json!(""), "an empty text"),
        ] {
            assert_eq!(class_of(&value), class, "{value}");
        }
        assert_eq!(class_of(&json!("-".repeat(100))).chars().count(), CLASS_CHARS_MAX + 1);
    }
}
