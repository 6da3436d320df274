//! Values as the file spells them. YAML guesses types, and its guesses change the content of the file:
//! it reads the cost centre `0041` as 41, and `1e3` as a thousand. For this reason the written text of
//! a number counts, and where a number is required, its text must be the canonical form of that number.

use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Location, Spanned};

use crate::error::PolicyFlaw;

/// Any value, with its location in the file.
pub(crate) type WrittenValue = Spanned<YamlScalar>;

/// A value with the type that YAML assigns to it.
#[derive(Debug)]
pub(crate) enum YamlScalar {
    Nothing,
    Text(String),
    Truth(bool),
    Number(Number),
    List(Vec<WrittenValue>),
    Map(Vec<(String, WrittenValue)>),
}

/// Returns the value as JSON.
///
/// # Errors
/// Fails if a number is not written in its canonical form, because the file may mean either the number or the text.
pub(crate) fn json_value(written: &WrittenValue, yaml: &str) -> Result<Value, PolicyFlaw> {
    Ok(match &written.value {
        YamlScalar::Nothing => Value::Null,
        YamlScalar::Text(text) => Value::String(text.clone()),
        YamlScalar::Truth(truth) => Value::Bool(*truth),
        YamlScalar::Number(number) => match written_at(written.defined, yaml) {
            Some(text) if text == number.to_string() => Value::Number(number.clone()),
            text => return Err(is_ambiguous(written, text, number)),
        },
        YamlScalar::List(values) => {
            Value::Array(values.iter().map(|each| json_value(each, yaml)).collect::<Result<_, _>>()?)
        }
        YamlScalar::Map(fields) => {
            let field = |(name, each): &(String, WrittenValue)| Ok((name.clone(), json_value(each, yaml)?));
            Value::Object(fields.iter().map(field).collect::<Result<Map<_, _>, PolicyFlaw>>()?)
        }
    })
}

/// Returns an error for the first key without a value. The intended value is unknown, and an
/// empty `scope` must not mean everybody. A default may be null, which means that there is none.
pub(super) fn empty_key(written: &WrittenValue) -> Option<PolicyFlaw> {
    match &written.value {
        YamlScalar::List(values) => values.iter().find_map(empty_key),
        YamlScalar::Map(fields) => {
            fields.iter().find_map(|(name, value)| match (name.as_str(), &value.value) {
                ("default" | "constant", YamlScalar::Map(_) | YamlScalar::List(_))
                | ("default", YamlScalar::Nothing) => None,
                (_, YamlScalar::Nothing) => {
                    let what = format!("`{name}` has no value");
                    Some(PolicyFlaw::at(value, what, "write one, or leave the key out"))
                }
                _ => empty_key(value),
            })
        }
        YamlScalar::Nothing | YamlScalar::Text(_) | YamlScalar::Truth(_) | YamlScalar::Number(_) => None,
    }
}

/// Returns the text of a single value exactly as it is written, or `None` if it is not a single value.
pub(crate) fn written_text(written: &WrittenValue, yaml: &str) -> Option<String> {
    match &written.value {
        YamlScalar::Text(text) => Some(text.clone()),
        YamlScalar::Truth(truth) => {
            Some(written_at(written.defined, yaml).map_or_else(|| truth.to_string(), str::to_owned))
        }
        YamlScalar::Number(number) => {
            Some(written_at(written.defined, yaml).map_or_else(|| number.to_string(), str::to_owned))
        }
        YamlScalar::Nothing | YamlScalar::List(_) | YamlScalar::Map(_) => None,
    }
}

fn is_ambiguous(written: &WrittenValue, text: Option<&str>, number: &Number) -> PolicyFlaw {
    let what = match text {
        Some(text) => format!("`{text}` is read as the number {number}"),
        None => format!("the number {number} may be written in another way"),
    };
    let fix = match text {
        Some(text) => format!("put it in quotes if the text is meant: \"{text}\"; otherwise write {number}"),
        None => "put it in quotes".to_owned(),
    };
    PolicyFlaw::at(written, what, fix)
}

/// Returns the line and column of a byte of a text whose lines are unchanged in the file,
/// as in a block (`|`). Elsewhere the location of the whole text is accurate enough.
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

/// Returns the text at a location. Tags (`!!int 5`) are not a part of it.
pub(super) fn written_at(at: Location, yaml: &str) -> Option<&str> {
    let (start, length) = (at.span().byte_offset()?, at.span().byte_len()?);
    let start = usize::try_from(start).ok()?;
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    yaml.get(start..end).map(str::trim)
}

impl<'de> Deserialize<'de> for YamlScalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

/// Deserialises any YAML value without a conversion.
struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = YamlScalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<YamlScalar, E> {
        Ok(YamlScalar::Nothing)
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<YamlScalar, E> {
        Ok(YamlScalar::Truth(truth))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<YamlScalar, E> {
        Ok(YamlScalar::Number(number.into()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<YamlScalar, E> {
        Ok(YamlScalar::Number(number.into()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<YamlScalar, E> {
        Number::from_f64(number).map(YamlScalar::Number).ok_or_else(|| E::custom("this is not a number"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<YamlScalar, E> {
        Ok(YamlScalar::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<YamlScalar, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(YamlScalar::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<YamlScalar, A::Error> {
        let mut fields: Vec<(String, WrittenValue)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, WrittenValue>()? {
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format!("duplicate mapping key: {name}")));
            }
            fields.push((name, value));
        }
        Ok(YamlScalar::Map(fields))
    }
}
