//! The schemas of the documents about the service itself (RFC 7643, 8.7.2). All of their attributes are read-only.

use super::{AttributeType, Mutability, ResourceSchema, SchemaAttribute};

/// The schemas, in the order of RFC 7643.
pub(crate) const META_SCHEMAS: [ResourceSchema; 3] = [
    ResourceSchema {
        id: "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
        name: "ServiceProviderConfig",
        about: "The capabilities of the service",
        attributes: SERVICE_PROVIDER_CONFIG,
    },
    ResourceSchema {
        id: "urn:ietf:params:scim:schemas:core:2.0:ResourceType",
        name: "ResourceType",
        about: "A type of resource",
        attributes: RESOURCE_TYPE,
    },
    ResourceSchema {
        id: "urn:ietf:params:scim:schemas:core:2.0:Schema",
        name: "Schema",
        about: "The attributes of a resource",
        attributes: SCHEMA,
    },
];

const fn read_only(attribute: SchemaAttribute) -> SchemaAttribute {
    attribute.mutability(Mutability::ReadOnly)
}

const fn required_attribute(attribute: SchemaAttribute) -> SchemaAttribute {
    read_only(SchemaAttribute { required: true, ..attribute })
}

const fn multi_valued(attribute: SchemaAttribute) -> SchemaAttribute {
    read_only(SchemaAttribute { multi: true, ..attribute })
}

const SUPPORTED: SchemaAttribute =
    required_attribute(SchemaAttribute::of(AttributeType::Boolean, "supported", "True if it is supported"));
const ONLY_SUPPORTED: &[SchemaAttribute] = &[SUPPORTED];

const SERVICE_PROVIDER_CONFIG: &[SchemaAttribute] = &[
    read_only(SchemaAttribute::reference(
        "documentationUri",
        "The address of the documentation",
        &["external"],
    )),
    required_attribute(SchemaAttribute::complex("patch", "PATCH", ONLY_SUPPORTED)),
    required_attribute(SchemaAttribute::complex("bulk", "Bulk requests", BULK)),
    required_attribute(SchemaAttribute::complex("filter", "Filters", FILTER)),
    required_attribute(SchemaAttribute::complex("changePassword", "Passwords", ONLY_SUPPORTED)),
    required_attribute(SchemaAttribute::complex("sort", "Sorting", ONLY_SUPPORTED)),
    required_attribute(SchemaAttribute::complex("etag", "Entity tags", ONLY_SUPPORTED)),
    required_attribute(SchemaAttribute::list(
        "authenticationSchemes",
        "The supported authentication schemes",
        AUTHENTICATION,
    )),
];

const BULK: &[SchemaAttribute] = &[
    SUPPORTED,
    required_attribute(SchemaAttribute::of(
        AttributeType::Integer,
        "maxOperations",
        "The maximum number of operations in a request",
    )),
    required_attribute(SchemaAttribute::of(
        AttributeType::Integer,
        "maxPayloadSize",
        "The maximum size of a body, in bytes",
    )),
];

const FILTER: &[SchemaAttribute] = &[
    SUPPORTED,
    required_attribute(SchemaAttribute::of(
        AttributeType::Integer,
        "maxResults",
        "The maximum number of resources in an answer",
    )),
];

const AUTHENTICATION: &[SchemaAttribute] = &[
    required_attribute(SchemaAttribute::text("type", "The scheme")),
    required_attribute(SchemaAttribute::text("name", "Its name")),
    required_attribute(SchemaAttribute::text("description", "What it is")),
    read_only(SchemaAttribute::reference("specUri", "Its specification", &["external"])),
    read_only(SchemaAttribute::reference(
        "documentationUri",
        "The address of the documentation",
        &["external"],
    )),
    read_only(SchemaAttribute::of(AttributeType::Boolean, "primary", "True for the preferred one")),
];

const RESOURCE_TYPE: &[SchemaAttribute] = &[
    read_only(SchemaAttribute::text("id", "Its identifier")),
    required_attribute(SchemaAttribute::text("name", "Its name")),
    read_only(SchemaAttribute::text("description", "What it is")),
    required_attribute(SchemaAttribute::reference("endpoint", "The address of the resources", &["uri"])),
    required_attribute(SchemaAttribute::reference("schema", "The core schema", &["uri"])),
    read_only(SchemaAttribute::list("schemaExtensions", "The extensions", EXTENSION)),
];

const EXTENSION: &[SchemaAttribute] = &[
    required_attribute(SchemaAttribute::reference("schema", "The schema", &["uri"])),
    required_attribute(SchemaAttribute::of(
        AttributeType::Boolean,
        "required",
        "True if every resource has it",
    )),
];

const SCHEMA: &[SchemaAttribute] = &[
    required_attribute(SchemaAttribute::text("id", "Its URN")),
    read_only(SchemaAttribute::text("name", "Its name")),
    read_only(SchemaAttribute::text("description", "What it is")),
    required_attribute(SchemaAttribute::list("attributes", "The attributes", PARTS)),
];

const PARTS: &[SchemaAttribute] = &[
    required_attribute(SchemaAttribute::text("name", "Its name")),
    required_attribute(SchemaAttribute::text("type", "Its type").canonical(TYPES)),
    required_attribute(SchemaAttribute::of(AttributeType::Boolean, "multiValued", "True for a list")),
    read_only(SchemaAttribute::text("description", "What it is")),
    read_only(SchemaAttribute::of(AttributeType::Boolean, "required", "True if it is required")),
    multi_valued(SchemaAttribute::text("canonicalValues", "The usual values")),
    read_only(SchemaAttribute::of(
        AttributeType::Boolean,
        "caseExact",
        "True if upper and lower case differ",
    )),
    read_only(SchemaAttribute::text("mutability", "Who may write it").canonical(MUTABILITY)),
    read_only(SchemaAttribute::text("returned", "When it is shown").canonical(RETURNED)),
    read_only(
        SchemaAttribute::text("uniqueness", "The resources among which it is unique").canonical(UNIQUENESS),
    ),
    multi_valued(SchemaAttribute::text("referenceTypes", "The types that it may refer to")),
    read_only(SchemaAttribute::list("subAttributes", "Its parts, described in the same way", &[])),
];

const TYPES: &[&str] =
    &["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"];
const MUTABILITY: &[&str] = &["readOnly", "readWrite", "immutable", "writeOnly"];
const RETURNED: &[&str] = &["always", "never", "default", "request"];
const UNIQUENESS: &[&str] = &["none", "server", "global"];
