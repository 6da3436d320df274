//! Attributes that every resource has (RFC 7643, 3.1).

use super::{AttributeType, Mutability, SchemaAttribute};

pub(super) const ATTRIBUTES: &[SchemaAttribute] = &[
    SchemaAttribute {
        case_exact: true,
        always_returned: true,
        mutability: Mutability::ReadOnly,
        ..SchemaAttribute::text("id", "The identifier that this service gave")
    },
    SchemaAttribute {
        case_exact: true,
        ..SchemaAttribute::text("externalId", "The identity provider's identifier")
    },
    SchemaAttribute::reference("schemas", "The schemas of the resource", &["uri"])
        .mutability(Mutability::ReadOnly),
    SchemaAttribute::complex("meta", "About the resource", META).mutability(Mutability::ReadOnly),
    // Never stored, so that it can never be told.
    SchemaAttribute::text("password", "Ignored").mutability(Mutability::ReadOnly),
    SchemaAttribute {
        multi: true,
        ..SchemaAttribute::text("groups", "Not kept at users: ask for groups by member")
    }
    .mutability(Mutability::ReadOnly),
];

const META: &[SchemaAttribute] = &[
    SchemaAttribute { case_exact: true, ..SchemaAttribute::text("resourceType", "The type of the resource") },
    SchemaAttribute::of(AttributeType::DateTime, "created", "When it was created"),
    SchemaAttribute::of(AttributeType::DateTime, "lastModified", "When it was last changed"),
    SchemaAttribute::reference("location", "Where it is", &["uri"]),
    SchemaAttribute { case_exact: true, ..SchemaAttribute::text("version", "Its entity tag") },
];
