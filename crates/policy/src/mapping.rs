//! Mappings: where the value of a target attribute comes from.

use lifecycle::{Attributes, Person};
use serde_json::Value;

use crate::attributes::{each, has_value};

/// One attribute of an account or group.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// SCIM attribute path at the target.
    pub target: String,
    /// Where its value comes from.
    pub source: Source,
    /// The value when the source has none.
    pub default: Option<Value>,
    /// The value is the key of another person, whose remote id is to be written.
    pub is_reference: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// The attribute of that name.
    Direct(String),
    /// Always this.
    Constant(Value),
}

/// What mappings produce.
#[derive(Debug, Default)]
pub(crate) struct Mapped {
    pub(crate) attributes: Attributes,
    pub(crate) references: std::collections::BTreeMap<String, String>,
    /// Paths of mappings without a value.
    pub(crate) clear: Vec<String>,
}

pub(crate) const EXTERNAL_ID: &str = "externalId";

/// Evaluates `mappings` for the person or group `key`; attributes without a value are left out.
pub(crate) fn apply(mappings: &[Mapping], key: &str, attributes: &Attributes) -> Mapped {
    let mut mapped = Mapped::default();
    for mapping in mappings {
        let Some(value) = mapping.value(attributes) else {
            mapped.clear.push(mapping.target.clone());
            continue;
        };
        if mapping.is_reference {
            let first = each(value).next().map(|text| Person::key_of(&text).to_owned());
            mapped.references.extend(first.map(|person| (mapping.target.clone(), person)));
        } else {
            mapped.attributes.insert(mapping.target.clone(), value.clone());
        }
    }
    mapped.clear.retain(|path| path != EXTERNAL_ID);
    mapped.clear.sort();
    mapped.attributes.entry(EXTERNAL_ID.to_owned()).or_insert_with(|| Value::String(key.to_owned()));
    mapped
}

impl Mapping {
    fn value<'a>(&'a self, attributes: &'a Attributes) -> Option<&'a Value> {
        let value = match &self.source {
            Source::Direct(name) => attributes.get(name),
            Source::Constant(value) => Some(value),
        };
        value.filter(|value| has_value(value)).or(self.default.as_ref())
    }
}
