//! What mappings give for one person or group. Nothing is copied that can be borrowed.

use std::borrow::Cow;

use expression::{EvaluationEnvironment, MappingEffect, RandomSeed};
use lifecycle::{AttributeMap, SubjectKey};
use serde_json::Value;
use time::OffsetDateTime;

use super::value::{convert_value, from_expression};
use super::{ApplyWhen, MappedAttribute, MappingSource, OnNull};
use crate::attributes::{has_value, text_values};

/// A computed attribute: whether the account should not be usable.
const IS_SOFT_DELETED: &str = "IsSoftDeleted";
const OF_MANAGER: &str = "manager.";
static TRUE: Value = Value::Bool(true);
static FALSE: Value = Value::Bool(false);

/// What mappings look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MappingInputs<'a> {
    pub(crate) attributes: &'a AttributeMap,
    pub(crate) manager: Option<&'a AttributeMap>,
    /// Whether the account should not be usable: what `[IsSoftDeleted]` says.
    pub(crate) is_soft_deleted: bool,
    /// What `DefaultDomain()` says.
    pub(crate) default_domain: Option<&'a str>,
    pub(crate) seed: RandomSeed,
    pub(crate) now: OffsetDateTime,
}

impl<'a> MappingInputs<'a> {
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

/// What one mapping does to its attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AttributeEffect<'a> {
    /// Has this value.
    Set(Cow<'a, Value>),
    /// Gets this value when it is created.
    Create(Cow<'a, Value>),
    /// Is the remote id of the person with this key.
    Refer(Cow<'a, str>),
    /// Has no value: whatever is there is removed.
    Clear,
    /// Is not touched.
    LeftAlone(UntouchedReason),
    /// Nothing at all is to be done about the person or group.
    IgnoreObject,
}

/// Why an attribute is not touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UntouchedReason {
    /// The mapping says so: `none`.
    NotMapped,
    /// There is no value, and the mapping says `onNull: skip`, or `apply: onCreate`.
    NoValue,
    /// The expression says so.
    Ignored,
    /// The expression has no value. The words hold no personal data.
    Failed(String),
}

/// Evaluates each of `mappings`, in their order.
pub(crate) fn evaluate_mappings<'a>(
    mappings: &'a [MappedAttribute],
    facts: &MappingInputs<'a>,
) -> Vec<AttributeEffect<'a>> {
    mappings.iter().map(|mapping| mapping.effect(facts)).collect()
}

/// What a source gives.
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

/// The key of the person that a reference names.
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
