//! The schemas of what the service says of itself (RFC 7643, 8.7.2). Nobody may write any of it.

use super::{Attribute, Mutability, Schema, Type};

/// In the order of RFC 7643.
pub(crate) const META_SCHEMAS: [Schema; 3] = [
    Schema {
        id: "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
        name: "ServiceProviderConfig",
        about: "What the service can do",
        attributes: SERVICE_PROVIDER_CONFIG,
    },
    Schema {
        id: "urn:ietf:params:scim:schemas:core:2.0:ResourceType",
        name: "ResourceType",
        about: "A type of resource",
        attributes: RESOURCE_TYPE,
    },
    Schema {
        id: "urn:ietf:params:scim:schemas:core:2.0:Schema",
        name: "Schema",
        about: "The attributes of a resource",
        attributes: SCHEMA,
    },
];

const fn read_only(attribute: Attribute) -> Attribute {
    attribute.mutability(Mutability::ReadOnly)
}

const fn required(attribute: Attribute) -> Attribute {
    read_only(Attribute { required: true, ..attribute })
}

const fn several(attribute: Attribute) -> Attribute {
    read_only(Attribute { multi: true, ..attribute })
}

const SUPPORTED: Attribute = required(Attribute::of(Type::Boolean, "supported", "Whether it can be used"));
const ONLY_SUPPORTED: &[Attribute] = &[SUPPORTED];

const SERVICE_PROVIDER_CONFIG: &[Attribute] = &[
    read_only(Attribute::reference("documentationUri", "Where to read more", &["external"])),
    required(Attribute::complex("patch", "PATCH", ONLY_SUPPORTED)),
    required(Attribute::complex("bulk", "Bulk requests", BULK)),
    required(Attribute::complex("filter", "Filters", FILTER)),
    required(Attribute::complex("changePassword", "Passwords", ONLY_SUPPORTED)),
    required(Attribute::complex("sort", "Sorting", ONLY_SUPPORTED)),
    required(Attribute::complex("etag", "Entity tags", ONLY_SUPPORTED)),
    required(Attribute::list("authenticationSchemes", "How to prove who one is", AUTHENTICATION)),
];

const BULK: &[Attribute] = &[
    SUPPORTED,
    required(Attribute::of(Type::Integer, "maxOperations", "Most operations in a request")),
    required(Attribute::of(Type::Integer, "maxPayloadSize", "Longest body in bytes")),
];

const FILTER: &[Attribute] =
    &[SUPPORTED, required(Attribute::of(Type::Integer, "maxResults", "Most resources in an answer"))];

const AUTHENTICATION: &[Attribute] = &[
    required(Attribute::text("type", "The scheme")),
    required(Attribute::text("name", "Its name")),
    required(Attribute::text("description", "What it is")),
    read_only(Attribute::reference("specUri", "Its specification", &["external"])),
    read_only(Attribute::reference("documentationUri", "Where to read more", &["external"])),
    read_only(Attribute::of(Type::Boolean, "primary", "Whether it is the one to use")),
];

const RESOURCE_TYPE: &[Attribute] = &[
    read_only(Attribute::text("id", "Its identifier")),
    required(Attribute::text("name", "Its name")),
    read_only(Attribute::text("description", "What it is")),
    required(Attribute::reference("endpoint", "Where the resources are", &["uri"])),
    required(Attribute::reference("schema", "The core schema", &["uri"])),
    read_only(Attribute::list("schemaExtensions", "The extensions", EXTENSION)),
];

const EXTENSION: &[Attribute] = &[
    required(Attribute::reference("schema", "The schema", &["uri"])),
    required(Attribute::of(Type::Boolean, "required", "Whether every resource has it")),
];

const SCHEMA: &[Attribute] = &[
    required(Attribute::text("id", "Its URN")),
    read_only(Attribute::text("name", "Its name")),
    read_only(Attribute::text("description", "What it is")),
    required(Attribute::list("attributes", "The attributes", PARTS)),
];

const PARTS: &[Attribute] = &[
    required(Attribute::text("name", "Its name")),
    required(Attribute::text("type", "Its type").canonical(TYPES)),
    required(Attribute::of(Type::Boolean, "multiValued", "Whether it is a list")),
    read_only(Attribute::text("description", "What it is")),
    read_only(Attribute::of(Type::Boolean, "required", "Whether it must be there")),
    several(Attribute::text("canonicalValues", "Values that are usual")),
    read_only(Attribute::of(Type::Boolean, "caseExact", "Whether upper and lower case differ")),
    read_only(Attribute::text("mutability", "Who may write it").canonical(MUTABILITY)),
    read_only(Attribute::text("returned", "When it is shown").canonical(RETURNED)),
    read_only(Attribute::text("uniqueness", "Among which resources it differs").canonical(UNIQUENESS)),
    several(Attribute::text("referenceTypes", "What it may refer to")),
    read_only(Attribute::list("subAttributes", "Its parts, described in the same way", &[])),
];

const TYPES: &[&str] =
    &["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"];
const MUTABILITY: &[&str] = &["readOnly", "readWrite", "immutable", "writeOnly"];
const RETURNED: &[&str] = &["always", "never", "default", "request"];
const UNIQUENESS: &[&str] = &["none", "server", "global"];
