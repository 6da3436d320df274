//! The enterprise extension (RFC 7643, 4.3).

use super::{Mutability, SchemaAttribute};

pub(super) const ATTRIBUTES: &[SchemaAttribute] = &[
    SchemaAttribute::text("employeeNumber", "The number that the organisation gave"),
    SchemaAttribute::text("costCenter", "The cost centre"),
    SchemaAttribute::text("organization", "The organisation"),
    SchemaAttribute::text("division", "The division"),
    SchemaAttribute::text("department", "The department"),
    SchemaAttribute::complex("manager", "The person's manager", MANAGER),
];

const MANAGER: &[SchemaAttribute] = &[
    SchemaAttribute { case_exact: true, ..SchemaAttribute::text("value", "Identifier of the manager") },
    SchemaAttribute::reference("$ref", "The address of the manager", &["User"]),
    SchemaAttribute::text("displayName", "The manager's name").mutability(Mutability::ReadOnly),
];
