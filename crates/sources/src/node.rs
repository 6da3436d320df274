//! A value in a body with its JSON Pointer.

use lifecycle::{SubjectKey, UnreadValue};
use readings::{DateReader, DateReading, ReadDate, class_of};
use serde_json::{Map, Value};

use crate::error::ReadError;
use crate::{ErrorKind, TEXT_CHARS_MAX};

/// The maximum length of the suffix that distinguishes several events of one notice, in characters.
const ID_SUFFIX_CHARS_MAX: usize = 16;

static NULL: Value = Value::Null;

/// A value with the JSON Pointer to it. A missing value is null.
#[derive(Debug, Clone)]
pub(crate) struct JsonNode<'a> {
    pub(crate) value: &'a Value,
    pub(crate) at: String,
}

impl<'a> JsonNode<'a> {
    /// Returns the whole body.
    pub(crate) fn root(value: &'a Value) -> Self {
        Self { value, at: String::new() }
    }

    /// Returns a missing value without a place.
    pub(crate) fn nowhere() -> Self {
        Self::root(&NULL)
    }

    /// Returns a missing value in the place `at`.
    pub(crate) fn missing(at: &str) -> Self {
        Self { value: &NULL, at: at.to_owned() }
    }

    /// Returns the member `name`.
    pub(crate) fn key(&self, name: &str) -> Self {
        let at = format!("{}/{}", self.at, name.replace('~', "~0").replace('/', "~1"));
        Self { value: self.value.get(name).unwrap_or(&NULL), at }
    }

    /// Returns the first of the members that has a value. If none has a value, returns the first that exists; if none
    /// exists, the first name.
    pub(crate) fn any(&self, names: &[&str]) -> Self {
        let nodes = || names.iter().map(|name| self.key(name));
        let found = nodes().find(|node| !node.is_empty()).or_else(|| nodes().find(|node| !node.is_missing()));
        found.or_else(|| nodes().next()).unwrap_or_else(|| self.clone())
    }

    /// Returns the value at the JSON Pointer.
    pub(crate) fn pointer(&self, pointer: &str) -> Self {
        Self { value: self.value.pointer(pointer).unwrap_or(&NULL), at: format!("{}{pointer}", self.at) }
    }

    /// Returns whether the value is null or an empty text.
    pub(crate) fn is_empty(&self) -> bool {
        match self.value {
            Value::Null => true,
            Value::String(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    fn wrong(&self, what: &str, fix: &str) -> ReadError {
        ReadError::invalid(self.at.clone(), what, fix)
    }

    /// Returns the object at this place.
    pub(crate) fn object(&self) -> Result<&'a Map<String, Value>, ReadError> {
        self.value.as_object().ok_or_else(|| self.wrong("an object must stand here", "send {...}"))
    }

    /// Returns the elements of the list at this place, at most `max`.
    pub(crate) fn list(&self, max: usize) -> Result<Vec<Self>, ReadError> {
        let list = self.value.as_array().ok_or_else(|| self.wrong("a list must stand here", "send [...]"))?;
        self.check_count(list.len(), max)?;
        let element = |(index, value)| Self { value, at: format!("{}/{index}", self.at) };
        Ok(list.iter().enumerate().map(element).collect())
    }

    /// Refuses more than `max` notices.
    pub(crate) fn check_count(&self, count: usize, max: usize) -> Result<(), ReadError> {
        if count <= max {
            return Ok(());
        }
        let what = format!("{count} notices in one body");
        Err(ReadError::new(ErrorKind::TooMuch, self.at.clone(), what, format!("send at most {max}")))
    }

    /// Returns the text at this place. A whole number is converted to text.
    pub(crate) fn text(&self) -> Result<Option<String>, ReadError> {
        match self.value {
            Value::String(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Value::Number(number) if !number.is_f64() => Ok(Some(number.to_string())),
            Value::Null => Ok(None),
            _ => Err(self.wrong("a text must stand here", "send a string")),
        }
    }

    /// Returns the event type at this place.
    pub(crate) fn word(&self) -> Result<String, ReadError> {
        let word = self.text()?.ok_or_else(|| self.wrong("the type of the event is missing", "send it"))?;
        check_text(&self.at, "the type of the event", &word)?;
        Ok(word)
    }

    /// Returns the key of the person or group at this place.
    pub(crate) fn subject(&self) -> Result<String, ReadError> {
        let missing = || {
            self.wrong(
                "the id of the person or group is missing",
                "send it, or configure its place with `kind: json` and `key`",
            )
        };
        let text = self.text()?.ok_or_else(missing)?;
        let key = SubjectKey::key_of(&text).trim();
        check_text(&self.at, "the id of the person or group", key)?;
        Ok(key.to_owned())
    }

    /// Returns the id of a notice at this place.
    pub(crate) fn id(&self) -> Result<Option<String>, ReadError> {
        let Some(id) = self.text()? else { return Ok(None) };
        check_id(&self.at, &id)?;
        Ok(Some(id))
    }

    /// Returns whether the body does not contain this member.
    pub(crate) fn is_missing(&self) -> bool {
        std::ptr::eq(self.value, &raw const NULL)
    }

    /// Reads the date at this place. A missing member is "not said".
    pub(crate) fn date(&self, dates: &DateReader) -> DateReading {
        if self.is_missing() { DateReading::NotSaid } else { dates.read(self.value) }
    }

    /// Reads the time at this place, at which something was sent.
    pub(crate) fn when(&self, dates: &DateReader) -> Result<Option<ReadDate>, ReadError> {
        match self.date(dates) {
            DateReading::At(when) => Ok(Some(when)),
            DateReading::NoDate | DateReading::NotSaid => Ok(None),
            DateReading::Unreadable(_) => Err(self.wrong(
                "a date or time must stand here",
                "write it like 2026-03-01, 2026-03-01T08:30:00 or 2026-03-01T08:30:00Z, or in seconds since 1970",
            )),
        }
    }

    /// Returns this place as a value that could not be used.
    pub(crate) fn unread(&self, reading: &DateReading) -> UnreadValue {
        let class = match reading {
            DateReading::Unreadable(class) => class.clone(),
            _ => format!("no date: {}", class_of(self.value)),
        };
        UnreadValue::new(&self.at, class)
    }

    /// Returns the texts of a list, or of a form's numbered fields.
    pub(crate) fn texts(&self) -> Vec<&'a str> {
        match self.value {
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            Value::Object(fields) => fields.values().filter_map(Value::as_str).collect(),
            Value::String(text) => vec![text],
            _ => Vec::new(),
        }
    }
}

/// Refuses a text that cannot be a key, an id or a type. `at` is its place.
pub(crate) fn check_text(at: &str, what: &str, text: &str) -> Result<(), ReadError> {
    check_to(TEXT_CHARS_MAX, at, what, text)
}

/// Refuses a text that cannot be the id of a notice. Leaves room for a suffix.
pub(crate) fn check_id(at: &str, id: &str) -> Result<(), ReadError> {
    check_to(TEXT_CHARS_MAX - ID_SUFFIX_CHARS_MAX, at, "the id of the notice", id)
}

fn check_to(max: usize, at: &str, what: &str, text: &str) -> Result<(), ReadError> {
    let fault = if text.is_empty() {
        "is empty".to_owned()
    } else if text.chars().nth(max).is_some() {
        format!("has more than {max} characters")
    } else if text.contains(char::is_control) {
        "has control characters in it".to_owned()
    } else {
        return Ok(());
    };
    let fix = format!("send 1 to {max} characters without control characters");
    Err(ReadError::invalid(at, format!("{what} {fault}"), fix))
}
