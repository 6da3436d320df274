//! The attributes of the schemas, with their types.

mod common;
mod enterprise;
mod group;
mod meta;
mod user;

pub(crate) use meta::META_SCHEMAS;

use serde_json::{Value, json};

use crate::kind::{CORE_GROUP, CORE_USER, ENTERPRISE_USER, ResourceType};

/// The type of an attribute's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttributeType {
    Text,
    Boolean,
    DateTime,
    /// Only used in the documents about the service itself.
    Integer,
    Reference,
    Binary,
    Complex,
}

/// The mutability of an attribute (RFC 7643, 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutability {
    ReadWrite,
    ReadOnly,
    Immutable,
}

/// One attribute, or a part of one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SchemaAttribute {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) kind: AttributeType,
    pub(crate) multi: bool,
    pub(crate) required: bool,
    pub(crate) case_exact: bool,
    pub(crate) unique: bool,
    pub(crate) always_returned: bool,
    pub(crate) mutability: Mutability,
    pub(crate) canonical: &'static [&'static str],
    pub(crate) references: &'static [&'static str],
    pub(crate) parts: &'static [SchemaAttribute],
}

impl SchemaAttribute {
    /// Creates an optional, single-valued, writable attribute of a type.
    pub(crate) const fn of(kind: AttributeType, name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            about,
            kind,
            multi: false,
            required: false,
            case_exact: false,
            unique: false,
            always_returned: false,
            mutability: Mutability::ReadWrite,
            canonical: &[],
            references: &[],
            parts: &[],
        }
    }

    /// Creates a text attribute.
    pub(crate) const fn text(name: &'static str, about: &'static str) -> Self {
        Self::of(AttributeType::Text, name, about)
    }

    /// Creates a complex attribute with these parts.
    pub(crate) const fn complex(name: &'static str, about: &'static str, parts: &'static [Self]) -> Self {
        Self { parts, ..Self::of(AttributeType::Complex, name, about) }
    }

    /// Creates a multi-valued complex attribute with these parts.
    pub(crate) const fn list(name: &'static str, about: &'static str, parts: &'static [Self]) -> Self {
        Self { multi: true, ..Self::complex(name, about, parts) }
    }

    /// Creates a reference. It is a URI, so its case is significant.
    pub(crate) const fn reference(
        name: &'static str,
        about: &'static str,
        references: &'static [&'static str],
    ) -> Self {
        Self { references, case_exact: true, ..Self::of(AttributeType::Reference, name, about) }
    }

    /// Returns the attribute with another mutability.
    pub(crate) const fn mutability(self, mutability: Mutability) -> Self {
        Self { mutability, ..self }
    }

    /// Returns the attribute with these canonical values.
    pub(crate) const fn canonical(self, canonical: &'static [&'static str]) -> Self {
        Self { canonical, ..self }
    }

    /// Returns the part `name`.
    pub(crate) fn part(&self, name: &str) -> Option<&'static SchemaAttribute> {
        named_attribute(self.parts, name)
    }

    /// Returns the attribute in the form of `/Schemas`.
    fn document(&self) -> Value {
        let mut document = json!({
            "name": self.name,
            "type": self.type_name(),
            "multiValued": self.multi,
            "description": self.about,
            "required": self.required,
            "mutability": self.mutability_name(),
            "returned": if self.always_returned { "always" } else { "default" },
        });
        if self.kind == AttributeType::Complex {
            document["subAttributes"] = self.parts.iter().map(Self::document).collect();
        } else if self.kind != AttributeType::Boolean {
            document["caseExact"] = self.case_exact.into();
            document["uniqueness"] = if self.unique { "server" } else { "none" }.into();
        }
        if !self.canonical.is_empty() {
            document["canonicalValues"] = self.canonical.into();
        }
        if !self.references.is_empty() {
            document["referenceTypes"] = self.references.into();
        }
        document
    }

    fn type_name(&self) -> &'static str {
        match self.kind {
            AttributeType::Text => "string",
            AttributeType::Boolean => "boolean",
            AttributeType::DateTime => "dateTime",
            AttributeType::Integer => "integer",
            AttributeType::Reference => "reference",
            AttributeType::Binary => "binary",
            AttributeType::Complex => "complex",
        }
    }

    fn mutability_name(&self) -> &'static str {
        match self.mutability {
            Mutability::ReadWrite => "readWrite",
            Mutability::ReadOnly => "readOnly",
            Mutability::Immutable => "immutable",
        }
    }
}

/// A schema, in the form of `/Schemas`.
#[derive(Debug)]
pub(crate) struct ResourceSchema {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) attributes: &'static [SchemaAttribute],
}

/// The schemas of resources.
pub(crate) const SCHEMAS: [ResourceSchema; 3] = [
    ResourceSchema { id: CORE_USER, name: "User", about: "A person", attributes: user::ATTRIBUTES },
    ResourceSchema { id: CORE_GROUP, name: "Group", about: "A group", attributes: group::ATTRIBUTES },
    ResourceSchema {
        id: ENTERPRISE_USER,
        name: "EnterpriseUser",
        about: "A person in an organisation",
        attributes: enterprise::ATTRIBUTES,
    },
];

impl ResourceSchema {
    /// Returns the attributes in the form of `/Schemas`.
    pub(crate) fn documents(&self) -> Value {
        self.attributes.iter().map(SchemaAttribute::document).collect()
    }
}

fn named_attribute(attributes: &'static [SchemaAttribute], name: &str) -> Option<&'static SchemaAttribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// Returns the attribute `name` of a resource of `kind`, in the extension `extension` or in the core schema.
pub(crate) fn find_attribute(
    kind: ResourceType,
    extension: Option<&str>,
    name: &str,
) -> Option<&'static SchemaAttribute> {
    match extension {
        None => {
            let core = if kind == ResourceType::User { user::ATTRIBUTES } else { group::ATTRIBUTES };
            named_attribute(core, name).or_else(|| named_attribute(common::ATTRIBUTES, name))
        }
        Some(urn) if kind == ResourceType::User && urn.eq_ignore_ascii_case(ENTERPRISE_USER) => {
            named_attribute(enterprise::ATTRIBUTES, name)
        }
        Some(_) => None,
    }
}
