//! Values as they are written. YAML guesses at types, and its guesses change what stands in the file: a cost centre
//! `0041` is 41 to it, and `1e3` a thousand. So a number counts here by the text that is written, and where a number is
//! wanted its text must be the number's own.

use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Location, Spanned};

use crate::error::Flaw;

/// Any value, with its place.
pub(crate) type Written = Spanned<Raw>;

/// What YAML takes a value for.
#[derive(Debug)]
pub(crate) enum Raw {
    Nothing,
    Text(String),
    Truth(bool),
    Number(Number),
    List(Vec<Written>),
    Map(Vec<(String, Written)>),
}

/// The value as JSON.
///
/// # Errors
/// When a number is written otherwise than numbers are: whether the number or the text was meant, nobody can tell.
pub(crate) fn value(written: &Written, yaml: &str) -> Result<Value, Flaw> {
    Ok(match &written.value {
        Raw::Nothing => Value::Null,
        Raw::Text(text) => Value::String(text.clone()),
        Raw::Truth(truth) => Value::Bool(*truth),
        Raw::Number(number) => match written_at(written.defined, yaml) {
            Some(text) if text == number.to_string() => Value::Number(number.clone()),
            text => return Err(ambiguous(written, text, number)),
        },
        Raw::List(values) => {
            Value::Array(values.iter().map(|each| value(each, yaml)).collect::<Result<_, _>>()?)
        }
        Raw::Map(fields) => {
            let field = |(name, each): &(String, Written)| Ok((name.clone(), value(each, yaml)?));
            Value::Object(fields.iter().map(field).collect::<Result<Map<_, _>, Flaw>>()?)
        }
    })
}

/// The first key without a value: what was meant to stand there, nobody knows, and an empty `scope` must not mean
/// everybody. A default may be null, which is none.
pub(super) fn empty_key(written: &Written) -> Option<Flaw> {
    match &written.value {
        Raw::List(values) => values.iter().find_map(empty_key),
        Raw::Map(fields) => fields.iter().find_map(|(name, value)| match (name.as_str(), &value.value) {
            ("default" | "constant", Raw::Map(_) | Raw::List(_)) | ("default", Raw::Nothing) => None,
            (_, Raw::Nothing) => {
                let what = format!("`{name}` has no value");
                Some(Flaw::at(value, what, "write one, or leave the key out"))
            }
            _ => empty_key(value),
        }),
        Raw::Nothing | Raw::Text(_) | Raw::Truth(_) | Raw::Number(_) => None,
    }
}

/// The text of a single value, letter by letter as it is written; `None` when it is no single value.
pub(crate) fn text(written: &Written, yaml: &str) -> Option<String> {
    match &written.value {
        Raw::Text(text) => Some(text.clone()),
        Raw::Truth(truth) => {
            Some(written_at(written.defined, yaml).map_or_else(|| truth.to_string(), str::to_owned))
        }
        Raw::Number(number) => {
            Some(written_at(written.defined, yaml).map_or_else(|| number.to_string(), str::to_owned))
        }
        Raw::Nothing | Raw::List(_) | Raw::Map(_) => None,
    }
}

fn ambiguous(written: &Written, text: Option<&str>, number: &Number) -> Flaw {
    let what = match text {
        Some(text) => format!("`{text}` is read as the number {number}"),
        None => format!("the number {number} may be written in another way"),
    };
    let fix = match text {
        Some(text) => format!("put it in quotes if the text is meant: \"{text}\"; otherwise write {number}"),
        None => "put it in quotes".to_owned(),
    };
    Flaw::at(written, what, fix)
}

/// Line and column of a byte of a text whose lines stand in the file as they are, as in a block (`|`): elsewhere the
/// place of the whole text is near enough.
pub(crate) fn place_within(text: &Spanned<String>, byte: usize, yaml: &str) -> Option<(u64, u64)> {
    let before = text.value.get(..byte)?;
    let line_number = before.matches('\n').count();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text.value.split('\n').nth(line_number)?;
    let first = usize::try_from(text.defined.line()).ok()?;
    let indent = yaml.lines().nth(first.checked_sub(1)? + line_number)?.strip_suffix(line)?.chars().count();
    let column = indent + text.value.get(line_start..byte)?.chars().count() + 1;
    Some((u64::try_from(first + line_number).ok()?, u64::try_from(column).ok()?))
}

/// The text at a place. Tags (`!!int 5`) are no part of it.
pub(super) fn written_at(at: Location, yaml: &str) -> Option<&str> {
    let (start, length) = (at.span().byte_offset()?, at.span().byte_len()?);
    let start = usize::try_from(start).ok()?;
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    yaml.get(start..end).map(str::trim)
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Raw, E> {
        Ok(Raw::Truth(truth))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Raw, E> {
        Ok(Raw::Number(number.into()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Raw, E> {
        Ok(Raw::Number(number.into()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Raw, E> {
        Number::from_f64(number).map(Raw::Number).ok_or_else(|| E::custom("this is no number"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Raw::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut fields: Vec<(String, Written)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Written>()? {
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format!("duplicate mapping key: {name}")));
            }
            fields.push((name, value));
        }
        Ok(Raw::Map(fields))
    }
}
