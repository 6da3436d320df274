//! What attributes there are, and of which type.

mod common;
mod enterprise;
mod group;
mod meta;
mod user;

pub(crate) use meta::META_SCHEMAS;

use serde_json::{Value, json};

use crate::Kind;

/// URN of the core schema of users.
pub const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// URN of the core schema of groups.
pub const CORE_GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// URN of the enterprise extension.
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The type of an attribute's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Boolean,
    DateTime,
    /// Only in what the service says of itself.
    Integer,
    Reference,
    Binary,
    Complex,
}

/// Who may write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutability {
    ReadWrite,
    ReadOnly,
    Immutable,
}

/// One attribute, or a part of one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) kind: Type,
    pub(crate) multi: bool,
    pub(crate) required: bool,
    pub(crate) case_exact: bool,
    pub(crate) unique: bool,
    pub(crate) always_returned: bool,
    pub(crate) mutability: Mutability,
    pub(crate) canonical: &'static [&'static str],
    pub(crate) references: &'static [&'static str],
    pub(crate) parts: &'static [Attribute],
}

impl Attribute {
    pub(crate) const fn of(kind: Type, name: &'static str, about: &'static str) -> Self {
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

    pub(crate) const fn text(name: &'static str, about: &'static str) -> Self {
        Self::of(Type::Text, name, about)
    }

    pub(crate) const fn complex(name: &'static str, about: &'static str, parts: &'static [Self]) -> Self {
        Self { parts, ..Self::of(Type::Complex, name, about) }
    }

    pub(crate) const fn list(name: &'static str, about: &'static str, parts: &'static [Self]) -> Self {
        Self { multi: true, ..Self::complex(name, about, parts) }
    }

    /// A reference is an address, and addresses differ by case.
    pub(crate) const fn reference(
        name: &'static str,
        about: &'static str,
        references: &'static [&'static str],
    ) -> Self {
        Self { references, case_exact: true, ..Self::of(Type::Reference, name, about) }
    }

    pub(crate) const fn mutability(self, mutability: Mutability) -> Self {
        Self { mutability, ..self }
    }

    pub(crate) const fn canonical(self, canonical: &'static [&'static str]) -> Self {
        Self { canonical, ..self }
    }

    /// The part called `name`.
    pub(crate) fn part(&self, name: &str) -> Option<&'static Attribute> {
        named(self.parts, name)
    }

    /// As `/Schemas` shows it.
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
        if self.kind == Type::Complex {
            document["subAttributes"] = self.parts.iter().map(Self::document).collect();
        } else if self.kind != Type::Boolean {
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
            Type::Text => "string",
            Type::Boolean => "boolean",
            Type::DateTime => "dateTime",
            Type::Integer => "integer",
            Type::Reference => "reference",
            Type::Binary => "binary",
            Type::Complex => "complex",
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

/// A schema as `/Schemas` shows it.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) attributes: &'static [Attribute],
}

/// The schemas of resources.
pub(crate) const SCHEMAS: [Schema; 3] = [
    Schema { id: CORE_USER, name: "User", about: "A person", attributes: user::ATTRIBUTES },
    Schema { id: CORE_GROUP, name: "Group", about: "A group", attributes: group::ATTRIBUTES },
    Schema {
        id: ENTERPRISE_USER,
        name: "EnterpriseUser",
        about: "A person in an organisation",
        attributes: enterprise::ATTRIBUTES,
    },
];

impl Schema {
    /// Its attributes as `/Schemas` shows them.
    pub(crate) fn documents(&self) -> Value {
        self.attributes.iter().map(Attribute::document).collect()
    }
}

fn named(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// The attribute `name` of a resource of `kind`, in the extension `extension` or in the core schema.
pub(crate) fn attribute(kind: Kind, extension: Option<&str>, name: &str) -> Option<&'static Attribute> {
    match extension {
        None => {
            let core = if kind == Kind::User { user::ATTRIBUTES } else { group::ATTRIBUTES };
            named(core, name).or_else(|| named(common::ATTRIBUTES, name))
        }
        Some(urn) if kind == Kind::User && urn.eq_ignore_ascii_case(ENTERPRISE_USER) => {
            named(enterprise::ATTRIBUTES, name)
        }
        Some(_) => None,
    }
}
