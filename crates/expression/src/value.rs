//! Values of attributes and functions.

use crate::library;
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::borrow::Cow;
use time::OffsetDateTime;

/// The type of a value, as far as it is known before evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExpressionType {
    /// Text.
    Text,
    /// An integer.
    Integer,
    /// True or false.
    Boolean,
    /// A point in time, in UTC.
    Date,
    /// Several values.
    List,
    /// Unknown before evaluation.
    Any,
}

impl std::fmt::Display for ExpressionType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Integer => "an integer",
            Self::Boolean => "a boolean",
            Self::Date => "a date",
            Self::List => "a list",
            Self::Any => "a value",
        })
    }
}

/// One value. It borrows from the source or the expression where possible.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// Text.
    Text(Cow<'a, str>),
    /// An integer.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// A point in time, in UTC.
    Date(OffsetDateTime),
    /// Several values.
    List(Vec<Value<'a>>),
}

impl<'a> Value<'a> {
    /// Converts the value of an attribute. An object with a member `value` counts as that value. Other
    /// objects, and lists in lists, become their JSON text, and numbers with a fraction become text.
    pub fn from_json(json: &'a Json) -> Self {
        match json {
            Json::Array(items) => {
                Self::List(items.iter().map(Self::scalar).filter(|value| *value != Self::Null).collect())
            }
            other => Self::scalar(other),
        }
    }

    /// Converts a JSON value that is not a list.
    fn scalar(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Boolean(*value),
            Json::String(text) => Self::Text(Cow::Borrowed(text)),
            Json::Number(number) => match number.as_i64() {
                Some(integer) => Self::Integer(integer),
                None => Self::Text(Cow::Owned(number.to_string())),
            },
            Json::Array(_) => Self::Text(Cow::Owned(json.to_string())),
            Json::Object(members) => match members.get("value") {
                Some(Json::Object(_)) | None => Self::Text(Cow::Owned(json.to_string())),
                Some(value) => Self::scalar(value),
            },
        }
    }

    /// Returns the value as text: `True` and `False`, dates as `M/d/yyyy h:mm:ss tt` in UTC; `None` for null and lists.
    pub fn to_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null | Self::List(_) => None,
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Integer(integer) => Some(Cow::Owned(integer.to_string())),
            Self::Boolean(value) => Some(Cow::Borrowed(boolean_text(*value))),
            Self::Date(date) => Some(Cow::Owned(library::dates::print_date(*date))),
        }
    }

    /// Converts like [`Value::to_text`], but keeps borrowed text borrowed.
    pub(crate) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Boolean(value) => Some(Cow::Borrowed(boolean_text(value))),
            other => other.to_text().map(|text| Cow::Owned(text.into_owned())),
        }
    }

    /// Returns `true` for null, for `""`, and for a list with only such values.
    pub fn is_null_or_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(values) => values.iter().all(Self::is_null_or_empty),
            Self::Integer(_) | Self::Boolean(_) | Self::Date(_) => false,
        }
    }

    /// Returns the JSON that `usher policy eval` prints: null, a string for every scalar, an array of strings for a list.
    pub fn to_json(&self) -> Json {
        match self {
            Self::List(values) => Json::Array(values.iter().map(Self::to_json).collect()),
            other => other.to_text().map_or(Json::Null, |text| Json::String(text.into_owned())),
        }
    }

    /// Returns the type of the value; `Any` for null.
    pub fn kind(&self) -> ExpressionType {
        match self {
            Self::Null => ExpressionType::Any,
            Self::Text(_) => ExpressionType::Text,
            Self::Integer(_) => ExpressionType::Integer,
            Self::Boolean(_) => ExpressionType::Boolean,
            Self::Date(_) => ExpressionType::Date,
            Self::List(_) => ExpressionType::List,
        }
    }

    /// Returns the value with all data owned.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Integer(integer) => Value::Integer(integer),
            Self::Boolean(value) => Value::Boolean(value),
            Self::Date(date) => Value::Date(date),
            Self::List(values) => Value::List(values.into_iter().map(Value::into_owned).collect()),
        }
    }
}

/// Returns a boolean as text, in the spelling of .NET.
pub(crate) fn boolean_text(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// The effect of an evaluation on the target attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum MappingEffect<'a> {
    /// The attribute gets this value (or none, for null).
    Value(Value<'a>),
    /// The attribute is ignored: it keeps its present value.
    IgnoreAttribute,
    /// The whole object is ignored.
    IgnoreObject,
    /// Each candidate of `SelectUniqueValue` is taken. The object must wait.
    Escrow,
}

impl MappingEffect<'_> {
    /// Returns the value in the form of [`Value::to_json`], or
    /// `{"$ignore_flow": true}`, `{"$ignore_object": true}`, `{"$escrow": true}`.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Value(value) => value.to_json(),
            Self::IgnoreAttribute => json!({"$ignore_flow": true}),
            Self::IgnoreObject => json!({"$ignore_object": true}),
            Self::Escrow => json!({"$escrow": true}),
        }
    }
}
