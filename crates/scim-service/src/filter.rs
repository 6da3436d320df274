//! Filters (RFC 7644, 3.4.2.2), and one further form that Entra sends: `emails[type eq "work"].value eq "x"`.

mod evaluate;
mod narrow;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::{Number, Value};

pub use narrow::{MemberTerms, NarrowedFilter};
pub(crate) use parse::parse_within;

use crate::schema::{self, AttributeType};
use crate::{ResourceType, ScimServiceError};

/// A filter.
#[derive(Debug, Clone, PartialEq)]
pub enum ScimFilter {
    /// `title pr`.
    #[doc(hidden)]
    Present(FilterOperand),
    /// `title eq "Engineer"`.
    #[doc(hidden)]
    Compare(FilterOperand, FilterComparison, FilterLiteral),
    /// `emails[type eq "work"]`: one element fulfils the whole inner filter.
    #[doc(hidden)]
    Element(FilterOperand, Box<ScimFilter>),
    /// `not (...)`.
    #[doc(hidden)]
    Not(Box<ScimFilter>),
    /// All of these hold.
    #[doc(hidden)]
    And(Vec<ScimFilter>),
    /// Any of these holds.
    #[doc(hidden)]
    Or(Vec<ScimFilter>),
}

/// The attribute that is compared.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterOperand {
    pub(crate) extension: Option<String>,
    pub(crate) name: String,
    pub(crate) part: Option<String>,
}

/// The comparison operator.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterComparison {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

impl FilterComparison {
    pub(crate) const ALL: [(&'static str, Self); 9] = [
        ("eq", Self::Eq),
        ("ne", Self::Ne),
        ("co", Self::Co),
        ("sw", Self::Sw),
        ("ew", Self::Ew),
        ("gt", Self::Gt),
        ("ge", Self::Ge),
        ("lt", Self::Lt),
        ("le", Self::Le),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, one)| *one == self).map_or("eq", |(name, _)| name)
    }
}

/// The value that it is compared with.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq)]
pub enum FilterLiteral {
    Text(String),
    Number(Number),
    Boolean(bool),
    Null,
}

impl FilterLiteral {
    /// Returns the literal as a JSON value.
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.clone()),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Boolean(truth) => Value::Bool(*truth),
            Self::Null => Value::Null,
        }
    }
}

impl FilterOperand {
    fn is_core(&self, name: &str) -> bool {
        self.extension.is_none() && self.name.eq_ignore_ascii_case(name)
    }

    fn has_part(&self, part: &str) -> bool {
        self.part.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(part))
    }

    /// Returns the definition of the compared attribute, if it is known. A complex value is represented by its `value`.
    fn attribute(&self, kind: ResourceType) -> Option<&'static schema::SchemaAttribute> {
        let attribute = schema::find_attribute(kind, self.extension.as_deref(), &self.name)?;
        match &self.part {
            Some(part) => attribute.part(part),
            None if attribute.kind == AttributeType::Complex => attribute.part("value"),
            None => Some(attribute),
        }
    }
}

impl ScimFilter {
    /// Parses a filter for resources of `kind`.
    ///
    /// # Errors
    /// Fails if it is not a filter, if it is too long or too deep, or if it compares the order of values that have none.
    pub fn parse(kind: ResourceType, text: &str) -> Result<Self, ScimServiceError> {
        parse::parse_filter(kind, text)
    }
}

impl fmt::Display for FilterOperand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.extension {
            write!(f, "{urn}:")?;
        }
        f.write_str(&self.name)?;
        self.part.as_ref().map_or(Ok(()), |part| write!(f, ".{part}"))
    }
}

impl fmt::Display for ScimFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present(operand) => write!(f, "{operand} pr"),
            Self::Compare(operand, how, literal) => write!(f, "{operand} {} {}", how.name(), literal.value()),
            Self::Element(operand, filter) => write!(f, "{operand}[{filter}]"),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::And(all) => write_joined(f, all, " and "),
            Self::Or(any) => write_joined(f, any, " or "),
        }
    }
}

/// Joins terms with `word`. Chains within chains get parentheses, so that the printed filter parses to the same filter.
fn write_joined(f: &mut fmt::Formatter<'_>, list: &[ScimFilter], word: &str) -> fmt::Result {
    for (index, one) in list.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        if matches!(one, ScimFilter::And(_) | ScimFilter::Or(_)) {
            write!(f, "({one})")?;
        } else {
            write!(f, "{one}")?;
        }
    }
    Ok(())
}
