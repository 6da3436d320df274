//! Mappings: where the value of a target attribute comes from, and what happens when there is none.

mod evaluate;
mod value;

use std::borrow::Cow;

use expression::Expression;
use serde_json::Value;

pub(crate) use evaluate::{AttributeEffect, MappingInputs, UntouchedReason, evaluate_mappings};
pub(crate) use value::convert_value;

use crate::scope::AttributeName;

/// One attribute of an account or group.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedAttribute {
    /// SCIM attribute path at the target.
    pub target: String,
    /// Where its value comes from.
    pub source: MappingSource,
    /// The value when the source has none: see [`Self::on_null`].
    pub default: Option<Value>,
    /// What happens to an existing account or group when the source has no value.
    pub on_null: OnNull,
    /// When it is written.
    pub apply: ApplyWhen,
    /// The type that the target wants, where the policy says one.
    pub value_type: Option<ValueType>,
    /// The value is the key of another person, whose remote id is to be written.
    pub is_reference: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum MappingSource {
    /// The attribute of that name.
    Direct(AttributeName),
    /// Always this.
    Constant(Value),
    /// The value of an expression.
    Expression(Expression),
    /// Nowhere: the attribute is left alone. A default is written on creation.
    None,
}

/// What happens to an existing account or group when the source has no value. On creation a default, if there is one, is
/// written in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnNull {
    /// The target keeps what it has; what Microsoft Entra does.
    Skip,
    /// The value at the target is removed.
    Clear,
    /// The default is written.
    Default,
}

/// When a mapping is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyWhen {
    /// Whenever the value changes.
    Always,
    /// Only when the account or group is created.
    OnCreate,
}

/// The type that a target wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// Text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
}

impl ValueType {
    /// Whether `value` can be had in this type.
    pub fn takes(self, value: &Value) -> bool {
        convert_value(Cow::Borrowed(value), Some(self)).is_ok()
    }
}

pub(crate) const EXTERNAL_ID: &str = "externalId";

impl MappedAttribute {
    /// Whether time alone can change its value.
    pub(crate) fn uses_now(&self) -> bool {
        matches!(&self.source, MappingSource::Expression(expression) if expression.uses_now())
    }

    /// Names of the attributes of managers that it looks at.
    pub(crate) fn manager_attributes(&self) -> Vec<String> {
        match &self.source {
            MappingSource::Direct(name) if name.is_of_manager() => vec![name.name().to_owned()],
            MappingSource::Expression(expression) => {
                let of_manager = |name: &String| name.strip_prefix("manager.").map(str::to_owned);
                expression.attributes().iter().filter_map(of_manager).collect()
            }
            MappingSource::Direct(_) | MappingSource::Constant(_) | MappingSource::None => Vec::new(),
        }
    }

    /// Names of the attributes of the person or group itself that it looks at.
    pub(crate) fn own_attributes(&self) -> Vec<&str> {
        match &self.source {
            MappingSource::Direct(name) if !name.is_of_manager() => vec![name.name()],
            MappingSource::Expression(expression) => {
                let is_own = |name: &&str| !name.starts_with("manager.");
                expression.attributes().iter().map(String::as_str).filter(is_own).collect()
            }
            MappingSource::Direct(_) | MappingSource::Constant(_) | MappingSource::None => Vec::new(),
        }
    }

    /// The source, as a policy writes it.
    pub(crate) fn from(&self) -> String {
        match &self.source {
            MappingSource::Direct(name) if name.is_of_manager() => format!("source: manager.{}", name.name()),
            MappingSource::Direct(name) => format!("source: {}", name.name()),
            MappingSource::Constant(value) => format!("constant: {value}"),
            MappingSource::Expression(expression) => format!("expression: {expression}"),
            MappingSource::None => "none".to_owned(),
        }
    }
}
