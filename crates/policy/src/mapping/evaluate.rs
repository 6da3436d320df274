//! Evaluates mappings for one person or group. Values are borrowed where possible.

use std::borrow::Cow;

use expression::{EvaluationEnvironment, MappingEffect, RandomSeed};
use lifecycle::{AttributeMap, SubjectKey};
use serde_json::Value;
use time::OffsetDateTime;

use super::value::{convert_value, from_expression};
use super::{ApplyWhen, MappedAttribute, MappingSource, OnNull};
use crate::attributes::{has_value, text_values};

/// The name of a computed attribute: `true` if the account should not be usable.
const IS_SOFT_DELETED: &str = "IsSoftDeleted";
const OF_MANAGER: &str = "manager.";
static TRUE: Value = Value::Bool(true);
static FALSE: Value = Value::Bool(false);

/// The inputs of mappings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MappingInputs<'a> {
    pub(crate) attributes: &'a AttributeMap,
    pub(crate) manager: Option<&'a AttributeMap>,
    /// The value of `[IsSoftDeleted]`: `true` if the account should not be usable.
    pub(crate) is_soft_deleted: bool,
    /// The result of `DefaultDomain()`.
    pub(crate) default_domain: Option<&'a str>,
    pub(crate) seed: RandomSeed,
    pub(crate) now: OffsetDateTime,
}

impl<'a> MappingInputs<'a> {
    /// Returns the value of an attribute. `manager.NAME` is an attribute of the manager; `IsSoftDeleted` is computed.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        if let Some(value) = self.attributes.get(name) {
            return Some(value);
        }
        match name.strip_prefix(OF_MANAGER) {
            Some(name) => self.manager?.get(name),
            None if name == IS_SOFT_DELETED => Some(if self.is_soft_deleted { &TRUE } else { &FALSE }),
            None => None,
        }
    }

    /// Returns the environment for expressions. No value counts as taken, because the target is not known here.
    pub(crate) fn environment(&self) -> EvaluationEnvironment<'a> {
        let Self { now, seed, default_domain, .. } = *self;
        EvaluationEnvironment { now, seed, is_taken: &|_| false, default_domain }
    }
}

impl expression::AttributeSource for MappingInputs<'_> {
    fn attribute(&self, name: &str) -> Option<&Value> {
        self.get(name)
    }
}

/// The effect of one mapping on its attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AttributeEffect<'a> {
    /// The attribute has this value.
    Set(Cow<'a, Value>),
    /// The attribute gets this value when the account or group is created.
    Create(Cow<'a, Value>),
    /// The attribute is the remote id of the person with this key.
    Refer(Cow<'a, str>),
    /// The attribute has no value. A present value is removed.
    Clear,
    /// The attribute is not changed.
    LeftAlone(UntouchedReason),
    /// The person or group is ignored as a whole: no change is made.
    IgnoreObject,
}

/// The reason why an attribute is not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UntouchedReason {
    /// The mapping excludes the attribute (`none`).
    NotMapped,
    /// There is no value, and the mapping contains `onNull: skip` or `apply: onCreate`.
    NoValue,
    /// The expression resulted in `IgnoreAttributeFlow`.
    Ignored,
    /// The expression failed. The text contains no personal data.
    Failed(String),
}

/// Evaluates each of `mappings`, in order.
pub(crate) fn evaluate_mappings<'a>(
    mappings: &'a [MappedAttribute],
    facts: &MappingInputs<'a>,
) -> Vec<AttributeEffect<'a>> {
    mappings.iter().map(|mapping| mapping.effect(facts)).collect()
}

/// The result of a source.
enum SourceValue<'a> {
    Value(Cow<'a, Value>),
    Nothing,
    Ignore,
    IgnoreObject,
    Failed(String),
}

impl MappedAttribute {
    fn effect<'a>(&'a self, facts: &MappingInputs<'a>) -> AttributeEffect<'a> {
        if self.source == MappingSource::None {
            return self.on_creation_only(UntouchedReason::NotMapped);
        }
        match self.given(facts) {
            SourceValue::Value(value) => self.with(value),
            SourceValue::Nothing => self.without(),
            SourceValue::Ignore => AttributeEffect::LeftAlone(UntouchedReason::Ignored),
            SourceValue::IgnoreObject => AttributeEffect::IgnoreObject,
            SourceValue::Failed(why) => AttributeEffect::LeftAlone(UntouchedReason::Failed(why)),
        }
    }

    /// Returns the value of the source, converted to the type that the target requires.
    fn given<'a>(&'a self, facts: &MappingInputs<'a>) -> SourceValue<'a> {
        let value = match &self.source {
            MappingSource::Direct(name) if name.is_of_manager() => {
                facts.manager.and_then(|manager| manager.get(name.name())).map(Cow::Borrowed)
            }
            MappingSource::Direct(name) => facts.get(name.name()).map(Cow::Borrowed),
            MappingSource::Constant(value) => Some(Cow::Borrowed(value)),
            MappingSource::Expression(expression) => match expression.evaluate(facts, &facts.environment()) {
                Ok(MappingEffect::Value(value)) => from_expression(value, &self.target).map(Cow::Owned),
                Ok(MappingEffect::IgnoreAttribute) => return SourceValue::Ignore,
                Ok(MappingEffect::IgnoreObject) => return SourceValue::IgnoreObject,
                Ok(MappingEffect::Escrow) => {
                    return SourceValue::Failed("every candidate is taken".to_owned());
                }
                Err(error) => return SourceValue::Failed(error.message),
            },
            MappingSource::None => None,
        };
        match value.filter(|value| has_value(value)).map(|value| convert_value(value, self.value_type)) {
            Some(Ok(value)) => SourceValue::Value(value),
            Some(Err(why)) => SourceValue::Failed(why),
            None => SourceValue::Nothing,
        }
    }

    fn with<'a>(&'a self, value: Cow<'a, Value>) -> AttributeEffect<'a> {
        if self.is_reference {
            return match key_of(&value) {
                Some(key) => AttributeEffect::Refer(key),
                None => self.without(),
            };
        }
        match self.apply {
            ApplyWhen::Always => AttributeEffect::Set(value),
            ApplyWhen::OnCreate => AttributeEffect::Create(value),
        }
    }

    fn without(&self) -> AttributeEffect<'_> {
        match (self.apply, self.on_null, &self.default) {
            (ApplyWhen::Always, OnNull::Default, Some(default)) => self.with(Cow::Borrowed(default)),
            (ApplyWhen::Always, OnNull::Clear, None) => AttributeEffect::Clear,
            _ => self.on_creation_only(UntouchedReason::NoValue),
        }
    }

    fn on_creation_only(&self, why: UntouchedReason) -> AttributeEffect<'_> {
        match &self.default {
            Some(default) => AttributeEffect::Create(Cow::Borrowed(default)),
            None => AttributeEffect::LeftAlone(why),
        }
    }
}

/// Returns the key of the person that a reference names.
fn key_of<'a>(value: &Cow<'a, Value>) -> Option<Cow<'a, str>> {
    let key = match value {
        Cow::Borrowed(value) => match text_values(value).next()? {
            Cow::Borrowed(text) => Cow::Borrowed(SubjectKey::key_of(text)),
            Cow::Owned(text) => Cow::Owned(SubjectKey::key_of(&text).to_owned()),
        },
        Cow::Owned(value) => Cow::Owned(SubjectKey::key_of(&text_values(value).next()?).to_owned()),
    };
    (!key.is_empty()).then_some(key)
}
