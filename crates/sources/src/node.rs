//! A place in a body, and what stands there.

use lifecycle::{SubjectKey, UnreadValue};
use readings::{DateReader, DateReading, ReadDate, class_of};
use serde_json::{Map, Value};

use crate::error::ReadError;
use crate::{ErrorKind, TEXT_CHARS_MAX};

/// Longest suffix that tells several events of one notice apart, in characters.
const ID_SUFFIX_CHARS_MAX: usize = 16;

static NULL: Value = Value::Null;

/// A value with the JSON Pointer to it. What is not there is null.
#[derive(Debug, Clone)]
pub(crate) struct JsonNode<'a> {
    pub(crate) value: &'a Value,
    pub(crate) at: String,
}

impl<'a> JsonNode<'a> {
    /// The whole body.
    pub(crate) fn root(value: &'a Value) -> Self {
        Self { value, at: String::new() }
    }

    /// Nothing at all.
    pub(crate) fn nowhere() -> Self {
        Self::root(&NULL)
    }

    /// Nothing, in the place `at`.
    pub(crate) fn missing(at: &str) -> Self {
        Self { value: &NULL, at: at.to_owned() }
    }

    /// The member `name`.
    pub(crate) fn key(&self, name: &str) -> Self {
        let at = format!("{}/{}", self.at, name.replace('~', "~0").replace('/', "~1"));
        Self { value: self.value.get(name).unwrap_or(&NULL), at }
    }

    /// The first of the members that has a value; if none has, the first that is there; if none is, the first of all.
    pub(crate) fn any(&self, names: &[&str]) -> Self {
        let nodes = || names.iter().map(|name| self.key(name));
        let found = nodes().find(|node| !node.is_empty()).or_else(|| nodes().find(|node| !node.is_missing()));
        found.or_else(|| nodes().next()).unwrap_or_else(|| self.clone())
    }

    /// What the JSON Pointer leads to.
    pub(crate) fn pointer(&self, pointer: &str) -> Self {
        Self { value: self.value.pointer(pointer).unwrap_or(&NULL), at: format!("{}{pointer}", self.at) }
    }

    /// Whether nothing stands here, or only blanks.
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

    /// The object here.
    pub(crate) fn object(&self) -> Result<&'a Map<String, Value>, ReadError> {
        self.value.as_object().ok_or_else(|| self.wrong("an object must stand here", "send {...}"))
    }

    /// The elements of the list here, `max` at most.
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

    /// The text here, or a whole number as text.
    pub(crate) fn text(&self) -> Result<Option<String>, ReadError> {
        match self.value {
            Value::String(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Value::Number(number) if !number.is_f64() => Ok(Some(number.to_string())),
            Value::Null => Ok(None),
            _ => Err(self.wrong("a text must stand here", "send a string")),
        }
    }

    /// The event type here.
    pub(crate) fn word(&self) -> Result<String, ReadError> {
        let word = self.text()?.ok_or_else(|| self.wrong("the type of the event is missing", "send it"))?;
        check_text(&self.at, "the type of the event", &word)?;
        Ok(word)
    }

    /// The key of the person or group here.
    pub(crate) fn subject(&self) -> Result<String, ReadError> {
        let missing = || {
            self.wrong(
                "the id of the person or group is missing",
                "send it, or say where it stands with `kind: json` and `key`",
            )
        };
        let text = self.text()?.ok_or_else(missing)?;
        let key = SubjectKey::key_of(&text).trim();
        check_text(&self.at, "the id of the person or group", key)?;
        Ok(key.to_owned())
    }

    /// The id of a notice here.
    pub(crate) fn id(&self) -> Result<Option<String>, ReadError> {
        let Some(id) = self.text()? else { return Ok(None) };
        check_id(&self.at, &id)?;
        Ok(Some(id))
    }

    /// Whether the body has no such member at all.
    pub(crate) fn is_missing(&self) -> bool {
        std::ptr::eq(self.value, &raw const NULL)
    }

    /// The date here. A field that is not there is not said.
    pub(crate) fn date(&self, dates: &DateReader) -> DateReading {
        if self.is_missing() { DateReading::NotSaid } else { dates.read(self.value) }
    }

    /// The time here, when something was sent.
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

    /// This place, as one whose value could not be used.
    pub(crate) fn unread(&self, reading: &DateReading) -> UnreadValue {
        let class = match reading {
            DateReading::Unreadable(class) => class.clone(),
            _ => format!("no date: {}", class_of(self.value)),
        };
        UnreadValue::new(&self.at, class)
    }

    /// The texts of a list, or of a form's numbered fields.
    pub(crate) fn texts(&self) -> Vec<&'a str> {
        match self.value {
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            Value::Object(fields) => fields.values().filter_map(Value::as_str).collect(),
            Value::String(text) => vec![text],
            _ => Vec::new(),
        }
    }
}

/// Refuses what cannot be a key, an id or a type. `at` is where it stands.
pub(crate) fn check_text(at: &str, what: &str, text: &str) -> Result<(), ReadError> {
    check_to(TEXT_CHARS_MAX, at, what, text)
}

/// Refuses what cannot be the id of a notice: something may come behind it.
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
