//! Attributes that every resource has (RFC 7643, 3.1).

use super::{Attribute, Mutability, Type};

pub(super) const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        case_exact: true,
        always_returned: true,
        mutability: Mutability::ReadOnly,
        ..Attribute::text("id", "The identifier that this service gave")
    },
    Attribute { case_exact: true, ..Attribute::text("externalId", "The identity provider's identifier") },
    Attribute::reference("schemas", "The schemas of the resource", &["uri"]).mutability(Mutability::ReadOnly),
    Attribute::complex("meta", "About the resource", META).mutability(Mutability::ReadOnly),
    // Never stored, so that it can never be told.
    Attribute::text("password", "Ignored").mutability(Mutability::ReadOnly),
    Attribute { multi: true, ..Attribute::text("groups", "Not kept at users: ask for groups by member") }
        .mutability(Mutability::ReadOnly),
];

const META: &[Attribute] = &[
    Attribute { case_exact: true, ..Attribute::text("resourceType", "The type of the resource") },
    Attribute::of(Type::DateTime, "created", "When it was created"),
    Attribute::of(Type::DateTime, "lastModified", "When it was last changed"),
    Attribute::reference("location", "Where it is", &["uri"]),
    Attribute { case_exact: true, ..Attribute::text("version", "Its entity tag") },
];
