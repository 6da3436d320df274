//! What mappings give for one person or group. Nothing is copied that can be borrowed.

use std::borrow::Cow;

use expression::{Environment, Flow, Seed};
use lifecycle::{Attributes, Person};
use serde_json::Value;
use time::OffsetDateTime;

use super::value::{converted, from_expression};
use super::{Apply, Mapping, OnNull, Source};
use crate::attributes::{each, has_value};

/// A computed attribute: whether the account should not be usable.
const IS_SOFT_DELETED: &str = "IsSoftDeleted";
const OF_MANAGER: &str = "manager.";
static TRUE: Value = Value::Bool(true);
static FALSE: Value = Value::Bool(false);

/// What mappings look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) attributes: &'a Attributes,
    pub(crate) manager: Option<&'a Attributes>,
    /// Whether the account should not be usable: what `[IsSoftDeleted]` says.
    pub(crate) is_soft_deleted: bool,
    /// What `DefaultDomain()` says.
    pub(crate) default_domain: Option<&'a str>,
    pub(crate) seed: Seed,
    pub(crate) now: OffsetDateTime,
}

impl<'a> Facts<'a> {
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

    pub(crate) fn environment(&self) -> Environment<'a> {
        let Self { now, seed, default_domain, .. } = *self;
        Environment { now, seed, is_taken: &|_| false, default_domain }
    }
}

impl expression::Source for Facts<'_> {
    fn attribute(&self, name: &str) -> Option<&Value> {
        self.get(name)
    }
}

/// What one mapping does to its attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect<'a> {
    /// Has this value.
    Set(Cow<'a, Value>),
    /// Gets this value when it is created.
    Create(Cow<'a, Value>),
    /// Is the remote id of the person with this key.
    Refer(Cow<'a, str>),
    /// Has no value: whatever is there is removed.
    Clear,
    /// Is not touched.
    LeftAlone(Why),
    /// Nothing at all is to be done about the person or group.
    IgnoreObject,
}

/// Why an attribute is not touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
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
pub(crate) fn evaluate<'a>(mappings: &'a [Mapping], facts: &Facts<'a>) -> Vec<Effect<'a>> {
    mappings.iter().map(|mapping| mapping.effect(facts)).collect()
}

/// What a source gives.
enum Given<'a> {
    Value(Cow<'a, Value>),
    Nothing,
    Ignore,
    IgnoreObject,
    Failed(String),
}

impl Mapping {
    fn effect<'a>(&'a self, facts: &Facts<'a>) -> Effect<'a> {
        if self.source == Source::None {
            return self.on_creation_only(Why::NotMapped);
        }
        match self.given(facts) {
            Given::Value(value) => self.with(value),
            Given::Nothing => self.without(),
            Given::Ignore => Effect::LeftAlone(Why::Ignored),
            Given::IgnoreObject => Effect::IgnoreObject,
            Given::Failed(why) => Effect::LeftAlone(Why::Failed(why)),
        }
    }

    fn given<'a>(&'a self, facts: &Facts<'a>) -> Given<'a> {
        let value = match &self.source {
            Source::Direct(name) if name.is_of_manager() => {
                facts.manager.and_then(|manager| manager.get(name.name())).map(Cow::Borrowed)
            }
            Source::Direct(name) => facts.get(name.name()).map(Cow::Borrowed),
            Source::Constant(value) => Some(Cow::Borrowed(value)),
            Source::Expression(expression) => match expression.evaluate(facts, &facts.environment()) {
                Ok(Flow::Value(value)) => from_expression(value, &self.target).map(Cow::Owned),
                Ok(Flow::IgnoreAttribute) => return Given::Ignore,
                Ok(Flow::IgnoreObject) => return Given::IgnoreObject,
                Ok(Flow::Escrow) => return Given::Failed("every candidate is taken".to_owned()),
                Err(error) => return Given::Failed(error.message),
            },
            Source::None => None,
        };
        match value.filter(|value| has_value(value)).map(|value| converted(value, self.value_type)) {
            Some(Ok(value)) => Given::Value(value),
            Some(Err(why)) => Given::Failed(why),
            None => Given::Nothing,
        }
    }

    fn with<'a>(&'a self, value: Cow<'a, Value>) -> Effect<'a> {
        if self.is_reference {
            return match key_of(&value) {
                Some(key) => Effect::Refer(key),
                None => self.without(),
            };
        }
        match self.apply {
            Apply::Always => Effect::Set(value),
            Apply::OnCreate => Effect::Create(value),
        }
    }

    fn without(&self) -> Effect<'_> {
        match (self.apply, self.on_null, &self.default) {
            (Apply::Always, OnNull::Default, Some(default)) => self.with(Cow::Borrowed(default)),
            (Apply::Always, OnNull::Clear, None) => Effect::Clear,
            _ => self.on_creation_only(Why::NoValue),
        }
    }

    fn on_creation_only(&self, why: Why) -> Effect<'_> {
        match &self.default {
            Some(default) => Effect::Create(Cow::Borrowed(default)),
            None => Effect::LeftAlone(why),
        }
    }
}

/// The key of the person that a reference names.
fn key_of<'a>(value: &Cow<'a, Value>) -> Option<Cow<'a, str>> {
    let key = match value {
        Cow::Borrowed(value) => match each(value).next()? {
            Cow::Borrowed(text) => Cow::Borrowed(Person::key_of(text)),
            Cow::Owned(text) => Cow::Owned(Person::key_of(&text).to_owned()),
        },
        Cow::Owned(value) => Cow::Owned(Person::key_of(&each(value).next()?).to_owned()),
    };
    (!key.is_empty()).then_some(key)
}
