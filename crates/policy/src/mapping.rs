//! Mappings: the source of the value of a target attribute, and the behaviour if there is no value.

mod evaluate;
mod value;

use std::borrow::Cow;

use expression::Expression;
use serde_json::Value;

pub(crate) use evaluate::{AttributeEffect, MappingInputs, UntouchedReason, evaluate_mappings};
pub(crate) use value::convert_value;

use crate::scope::AttributeName;

/// The mapping of one attribute of an account or group.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedAttribute {
    /// The SCIM attribute path at the target.
    pub target: String,
    /// The source of the value.
    pub source: MappingSource,
    /// The value that is used if the source has none: see [`Self::on_null`].
    pub default: Option<Value>,
    /// The effect on an existing account or group if the source has no value.
    pub on_null: OnNull,
    /// The occasions on which the attribute is written.
    pub apply: ApplyWhen,
    /// The type that the target requires, if the policy states one.
    pub value_type: Option<ValueType>,
    /// `true` if the value is the key of another person, and the remote id of that person is written.
    pub is_reference: bool,
}

/// The source of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum MappingSource {
    /// The value of this attribute.
    Direct(AttributeName),
    /// A constant.
    Constant(Value),
    /// The value of an expression.
    Expression(Expression),
    /// No source: the attribute is not changed. A default is written on creation.
    None,
}

/// The effect on an existing account or group if the source has no
/// value. On creation a default, if there is one, is always written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnNull {
    /// The target keeps its present value, as with Microsoft Entra.
    Skip,
    /// The value at the target is removed.
    Clear,
    /// The default is written.
    Default,
}

/// The occasions on which a mapping is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyWhen {
    /// On creation and on each change of the value.
    Always,
    /// Only on creation of the account or group.
    OnCreate,
}

/// The type that a target requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// Text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// An integer.
    Integer,
}

impl ValueType {
    /// Returns `true` if `value` can be converted to this type.
    pub fn takes(self, value: &Value) -> bool {
        convert_value(Cow::Borrowed(value), Some(self)).is_ok()
    }
}

pub(crate) const EXTERNAL_ID: &str = "externalId";
pub(crate) const USER_NAME: &str = "userName";
pub(crate) const DISPLAY_NAME: &str = "displayName";

impl MappedAttribute {
    /// Returns `true` if the value can change with time alone.
    pub(crate) fn uses_now(&self) -> bool {
        matches!(&self.source, MappingSource::Expression(expression) if expression.uses_now())
    }

    /// Returns the names of the managers' attributes that the mapping uses.
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

    /// Returns the names of the attributes of the person or group itself that the mapping uses.
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

    /// Returns the source in the notation of a policy.
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
