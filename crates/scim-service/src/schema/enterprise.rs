//! The enterprise extension (RFC 7643, 4.3).

use super::{Attribute, Mutability};

pub(super) const ATTRIBUTES: &[Attribute] = &[
    Attribute::text("employeeNumber", "The number that the organisation gave"),
    Attribute::text("costCenter", "The cost centre"),
    Attribute::text("organization", "The organisation"),
    Attribute::text("division", "The division"),
    Attribute::text("department", "The department"),
    Attribute::complex("manager", "The person's manager", MANAGER),
];

const MANAGER: &[Attribute] = &[
    Attribute { case_exact: true, ..Attribute::text("value", "Identifier of the manager") },
    Attribute::reference("$ref", "Where the manager is", &["User"]),
    Attribute::text("displayName", "The manager's name").mutability(Mutability::ReadOnly),
];
