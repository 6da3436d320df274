//! The core schema of groups (RFC 7643, 4.2).

use super::{Mutability, SchemaAttribute};

pub(super) const ATTRIBUTES: &[SchemaAttribute] = &[
    SchemaAttribute {
        required: true,
        unique: true,
        ..SchemaAttribute::text("displayName", "The name of the group, unique without regard to case")
    },
    SchemaAttribute::list("members", "The members of the group", MEMBER),
];

const MEMBER: &[SchemaAttribute] = &[
    SchemaAttribute { case_exact: true, ..SchemaAttribute::text("value", "Identifier of the member") }
        .mutability(Mutability::Immutable),
    SchemaAttribute::reference("$ref", "The address of the member", &["User", "Group"])
        .mutability(Mutability::Immutable),
    SchemaAttribute::text("type", "The type of the member")
        .canonical(&["User", "Group"])
        .mutability(Mutability::Immutable),
];
