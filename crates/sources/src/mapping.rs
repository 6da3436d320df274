//! Mapping of a vendor's record to Usher's attributes.

pub(crate) mod defaults;

use std::collections::BTreeMap;

use expression::{EvaluationEnvironment, Expression, MappingEffect, RandomSeed};
use lifecycle::{AttributeMap, SubjectKey};
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::MAPPINGS_MAX;
use crate::error::AdapterConfigError;
use crate::node::check_text;
use crate::record::PersonJson;

/// The attribute that refers to another person.
const MANAGER: &str = "manager";

/// The attributes of a record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MappedAttributes {
    /// The attributes; JSON null means "has no value". Attributes that the record does not contain are absent.
    pub attributes: AttributeMap,
    /// The attributes that could not be computed, with the reason, for the log. Contains no values.
    pub left_out: Vec<String>,
}

/// The rule for one value of a record.
#[derive(Debug, Clone)]
pub(crate) enum MappingRule {
    Pointer(String),
    Expression(Expression),
}

/// The rules for all attributes of a record.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecordMapping(Vec<(String, MappingRule)>);

impl RecordMapping {
    /// Compiles the vendor's `defaults`, overridden by the adapter's `own` rules. Null removes a default.
    pub(crate) fn compile(
        defaults: defaults::DefaultTable,
        own: &BTreeMap<String, Option<String>>,
    ) -> Result<Self, AdapterConfigError> {
        if own.len() > MAPPINGS_MAX {
            let what = format!("has {} entries", own.len());
            return Err(AdapterConfigError::new("attributes", what, format!("map at most {MAPPINGS_MAX}")));
        }
        let mut texts: BTreeMap<&str, &str> = defaults.iter().copied().collect();
        for (name, text) in own {
            match text {
                Some(text) => texts.insert(name, text),
                None => texts.remove(name.as_str()),
            };
        }
        let rules = texts.into_iter().map(|(name, text)| Ok((name.to_owned(), compile_rule(name, text)?)));
        rules.collect::<Result<_, AdapterConfigError>>().map(Self)
    }

    /// Returns the attributes of the record of the person `key`.
    pub(crate) fn apply(&self, record: &Value, key: &str, now: OffsetDateTime) -> MappedAttributes {
        let mut mapped = MappedAttributes::default();
        // Constant values are no statement about an empty record.
        let mut constants = AttributeMap::new();
        for (name, rule) in &self.0 {
            let value = rule.value(name, record, key, now);
            match value.and_then(|value| value.map(|value| finish_value(name, value)).transpose()) {
                Ok(Some(value)) if rule.is_constant() => _ = constants.insert(name.clone(), value),
                Ok(Some(value)) => _ = mapped.attributes.insert(name.clone(), value),
                Ok(None) => {}
                Err(why) => mapped.left_out.push(format!("attribute `{name}` is left out: {why}")),
            }
        }
        if !mapped.attributes.is_empty() {
            mapped.attributes.append(&mut constants);
        }
        mapped
    }
}

fn compile_rule(name: &str, text: &str) -> Result<MappingRule, AdapterConfigError> {
    let field = format!("attributes.{name}");
    if let Err(error) = check_text("", "the name", name) {
        return Err(AdapterConfigError::new(field, error.what, error.fix));
    }
    MappingRule::compile(field, text)
}

impl MappingRule {
    /// Compiles a rule. `field` is its place in the adapter.
    pub(crate) fn compile(field: String, text: &str) -> Result<Self, AdapterConfigError> {
        if text.starts_with('/') {
            return Ok(Self::Pointer(text.to_owned()));
        }
        match Expression::compile(text) {
            Ok(expression) if expression.needs_uniqueness() => {
                let what = "asks what a target holds (SelectUniqueValue)";
                Err(AdapterConfigError::new(field, what, "use its first rule alone"))
            }
            Ok(expression) => Ok(Self::Expression(expression)),
            Err(error) => {
                let fix = error.hint.clone().unwrap_or_else(|| {
                    "write an expression such as [work.department], or a JSON Pointer such as /work/department".to_owned()
                });
                let what = format!("is not an expression: {}", error.message);
                Err(AdapterConfigError {
                    snippet: Some(error.render(text)),
                    ..AdapterConfigError::new(field, what, fix)
                })
            }
        }
    }

    fn is_constant(&self) -> bool {
        matches!(self, Self::Expression(expression) if expression.attributes().is_empty())
    }

    /// Returns the value: null if it is empty, `None` if the record does not contain it.
    pub(crate) fn value(
        &self,
        name: &str,
        record: &Value,
        key: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Value>, String> {
        let expression = match self {
            Self::Pointer(pointer) => return Ok(record.pointer(pointer).cloned()),
            Self::Expression(expression) => expression,
        };
        let source = PersonJson(record);
        if !expression.attributes().is_empty() && !source.speaks_of(expression.attributes()) {
            return Ok(None);
        }
        let seed = RandomSeed(
            Sha256::new().chain_update(key).chain_update([0]).chain_update(name).finalize().into(),
        );
        let environment = EvaluationEnvironment { now, seed, is_taken: &|_| false, default_domain: None };
        match expression.evaluate(&source, &environment) {
            Ok(MappingEffect::Value(value)) => Ok(Some(json_value(&value))),
            Ok(MappingEffect::IgnoreAttribute) => Ok(None),
            Ok(MappingEffect::IgnoreObject | MappingEffect::Escrow) => {
                Err("its expression ignores the whole record".to_owned())
            }
            Err(error) => Err(error.message),
        }
    }
}

fn json_value(value: &expression::Value<'_>) -> Value {
    match value {
        expression::Value::Null => Value::Null,
        expression::Value::Text(text) => Value::String(text.to_string()),
        expression::Value::Integer(number) => Value::from(*number),
        expression::Value::Boolean(truth) => Value::Bool(*truth),
        expression::Value::Date(date) => date.format(&Rfc3339).map_or(Value::Null, Value::String),
        expression::Value::List(values) => {
            values.iter().map(json_value).filter(|value| !value.is_null()).collect()
        }
    }
}

/// Returns the value as it is stored: every spelling of an empty value is null, and a manager is a key.
fn finish_value(name: &str, value: Value) -> Result<Value, String> {
    let value = match value {
        Value::Object(mut fields) if fields.contains_key("value") => {
            fields.remove("value").unwrap_or_default()
        }
        other => other,
    };
    let is_nothing = match &value {
        Value::String(text) => text.trim().is_empty() || text.trim() == "0000-00-00",
        Value::Array(values) => values.is_empty(),
        _ => false,
    };
    match value {
        _ if is_nothing => Ok(Value::Null),
        Value::Null => Ok(Value::Null),
        Value::Number(number) if name == MANAGER && !number.is_f64() => Ok(Value::String(number.to_string())),
        Value::String(text) if name == MANAGER => {
            let key = SubjectKey::key_of(&text).trim();
            match check_text("", "the key in it", key) {
                Ok(()) => Ok(Value::String(key.to_owned())),
                Err(error) => Err(error.what),
            }
        }
        _ if name == MANAGER => Err("it must be the id of a person".to_owned()),
        other => Ok(other),
    }
}
