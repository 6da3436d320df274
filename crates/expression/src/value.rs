//! Values: what attributes hold and what functions give.

use crate::library;
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::borrow::Cow;
use time::OffsetDateTime;

/// What is known about a value before evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExpressionType {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A moment in UTC.
    Date,
    /// Several values.
    List,
    /// Not known before evaluation.
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

/// One value; borrows from the source or the expression where it can.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// Text.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// A moment in UTC.
    Date(OffsetDateTime),
    /// Several values.
    List(Vec<Value<'a>>),
}

impl<'a> Value<'a> {
    /// The value of an attribute: an object with a member `value` counts as that value, other objects and lists in
    /// lists as their JSON text, numbers with a fraction as text.
    pub fn from_json(json: &'a Json) -> Self {
        match json {
            Json::Array(items) => {
                Self::List(items.iter().map(Self::scalar).filter(|value| *value != Self::Null).collect())
            }
            other => Self::scalar(other),
        }
    }

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

    /// The value as text: `True` and `False`, dates as `M/d/yyyy h:mm:ss tt` in UTC; nothing for null and lists.
    pub fn to_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null | Self::List(_) => None,
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Integer(integer) => Some(Cow::Owned(integer.to_string())),
            Self::Boolean(value) => Some(Cow::Borrowed(boolean_text(*value))),
            Self::Date(date) => Some(Cow::Owned(library::dates::print_date(*date))),
        }
    }

    /// Like [`Value::to_text`], but keeps what is borrowed.
    pub(crate) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Boolean(value) => Some(Cow::Borrowed(boolean_text(value))),
            other => other.to_text().map(|text| Cow::Owned(text.into_owned())),
        }
    }

    /// Whether there is nothing: null, `""`, or a list of nothing but such values.
    pub fn is_null_or_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(values) => values.iter().all(Self::is_null_or_empty),
            Self::Integer(_) | Self::Boolean(_) | Self::Date(_) => false,
        }
    }

    /// What `usher policy eval` prints: null, a string for every scalar, an array of strings for a list.
    pub fn to_json(&self) -> Json {
        match self {
            Self::List(values) => Json::Array(values.iter().map(Self::to_json).collect()),
            other => other.to_text().map_or(Json::Null, |text| Json::String(text.into_owned())),
        }
    }

    /// The type of the value; `Any` for null.
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

    /// The same value with nothing borrowed.
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

pub(crate) fn boolean_text(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// What an evaluation says about the target attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum MappingEffect<'a> {
    /// The attribute gets this value (or none, for null).
    Value(Value<'a>),
    /// Nothing is said about the attribute: it keeps what it has.
    IgnoreAttribute,
    /// Nothing is said about the whole object.
    IgnoreObject,
    /// Every candidate of `SelectUniqueValue` is taken; the object has to wait.
    Escrow,
}

impl MappingEffect<'_> {
    /// The value as [`Value::to_json`] gives it, or `{"$ignore_flow": true}`, `{"$ignore_object": true}`,
    /// `{"$escrow": true}`.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Value(value) => value.to_json(),
            Self::IgnoreAttribute => json!({"$ignore_flow": true}),
            Self::IgnoreObject => json!({"$ignore_object": true}),
            Self::Escrow => json!({"$escrow": true}),
        }
    }
}
