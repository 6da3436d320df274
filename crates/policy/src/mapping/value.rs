//! Converts values to the types that targets require.

use std::borrow::Cow;

use serde_json::Value;

use super::ValueType;

/// Converts the result of an expression to JSON: text and lists of text, but a Boolean where SCIM has a Boolean.
pub(super) fn from_expression(value: expression::Value<'_>, target: &str) -> Option<Value> {
    match value {
        expression::Value::Null => None,
        expression::Value::Text(text) => Some(Value::String(text.into_owned())),
        expression::Value::Boolean(truth) if is_boolean(target) => Some(Value::Bool(truth)),
        expression::Value::List(values) => {
            let values: Vec<Value> = values.into_iter().filter_map(|value| element_value(&value)).collect();
            (!values.is_empty()).then_some(Value::Array(values))
        }
        other => other.to_text().map(|text| Value::String(text.into_owned())),
    }
}

/// Converts one element of a list. An expression returns a complex value as the text of a JSON object.
fn element_value(value: &expression::Value<'_>) -> Option<Value> {
    let text = value.to_text().filter(|text| !text.is_empty())?;
    if text.starts_with('{')
        && let Ok(object @ Value::Object(_)) = serde_json::from_str(&text)
    {
        return Some(object);
    }
    Some(Value::String(text.into_owned()))
}

/// Returns `true` if `target` is Boolean. `primary` of a multi-valued
/// attribute is the only Boolean of RFC 7643's core schemas besides `active`.
fn is_boolean(target: &str) -> bool {
    target.ends_with(".primary")
}

/// Converts `value` to the requested type.
///
/// # Errors
/// Fails if the value cannot be converted. The message does not repeat the value.
pub(crate) fn convert_value<'a>(
    value: Cow<'a, Value>,
    wanted: Option<ValueType>,
) -> Result<Cow<'a, Value>, String> {
    let Some(wanted) = wanted else { return Ok(value) };
    let text = match &*value {
        Value::String(text) => text.trim().to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            return match wanted {
                ValueType::Text => Ok(value),
                ValueType::Boolean | ValueType::Integer => Err("it is not a single value".to_owned()),
            };
        }
    };
    let truth = |text: &str| match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    };
    match wanted {
        ValueType::Text if value.is_string() => Ok(value),
        ValueType::Text => Ok(Cow::Owned(Value::String(text))),
        ValueType::Boolean => match truth(&text) {
            Some(truth) => Ok(Cow::Owned(Value::Bool(truth))),
            None => Err("it is neither true nor false".to_owned()),
        },
        ValueType::Integer => match text.parse::<i64>() {
            Ok(number) => Ok(Cow::Owned(Value::from(number))),
            Err(_) => Err("it is not a whole number".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_come_in_the_type_that_the_target_wants_or_not_at_all() {
        let table = [
            (json!("True"), ValueType::Boolean, Some(json!(true))),
            (json!("0"), ValueType::Boolean, Some(json!(false))),
            (json!("perhaps"), ValueType::Boolean, None),
            (json!(" 42 "), ValueType::Integer, Some(json!(42))),
            (json!("4.2"), ValueType::Integer, None),
            (json!(["1"]), ValueType::Integer, None),
            (json!(7), ValueType::Text, Some(json!("7"))),
            (json!("x"), ValueType::Text, Some(json!("x"))),
        ];
        for (value, wanted, expected) in table {
            let converted = convert_value(Cow::Owned(value.clone()), Some(wanted)).ok().map(Cow::into_owned);
            assert_eq!(converted, expected, "{value} as {wanted:?}");
        }
    }
}
