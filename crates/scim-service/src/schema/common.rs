//! Attributes that every resource has (RFC 7643, 3.1).

use super::{AttributeType, Mutability, SchemaAttribute};

pub(super) const ATTRIBUTES: &[SchemaAttribute] = &[
    SchemaAttribute {
        case_exact: true,
        always_returned: true,
        mutability: Mutability::ReadOnly,
        ..SchemaAttribute::text("id", "The identifier assigned by this service")
    },
    SchemaAttribute {
        case_exact: true,
        ..SchemaAttribute::text("externalId", "The identity provider's identifier")
    },
    SchemaAttribute::reference("schemas", "The schemas of the resource", &["uri"])
        .mutability(Mutability::ReadOnly),
    SchemaAttribute::complex("meta", "Metadata of the resource", META).mutability(Mutability::ReadOnly),
    // It is never stored, so it can never be disclosed.
    SchemaAttribute::text("password", "Ignored").mutability(Mutability::ReadOnly),
    SchemaAttribute {
        multi: true,
        ..SchemaAttribute::text("groups", "Not stored with users: look up groups by member")
    }
    .mutability(Mutability::ReadOnly),
];

const META: &[SchemaAttribute] = &[
    SchemaAttribute { case_exact: true, ..SchemaAttribute::text("resourceType", "The type of the resource") },
    SchemaAttribute::of(AttributeType::DateTime, "created", "The time of creation"),
    SchemaAttribute::of(AttributeType::DateTime, "lastModified", "The time of the last change"),
    SchemaAttribute::reference("location", "The address of the resource", &["uri"]),
    SchemaAttribute { case_exact: true, ..SchemaAttribute::text("version", "Its entity tag") },
];
