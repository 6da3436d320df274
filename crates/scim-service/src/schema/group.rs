//! The core schema of groups (RFC 7643, 4.2).

use super::{Attribute, Mutability};

pub(super) const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        required: true,
        unique: true,
        ..Attribute::text("displayName", "The name of the group, unique without regard to case")
    },
    Attribute::list("members", "Who is in the group", MEMBER),
];

const MEMBER: &[Attribute] = &[
    Attribute { case_exact: true, ..Attribute::text("value", "Identifier of the member") }
        .mutability(Mutability::Immutable),
    Attribute::reference("$ref", "Where the member is", &["User", "Group"]).mutability(Mutability::Immutable),
    Attribute::text("type", "The type of the member")
        .canonical(&["User", "Group"])
        .mutability(Mutability::Immutable),
];
