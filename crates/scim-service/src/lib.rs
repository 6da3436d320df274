//! The server side of SCIM 2.0 (RFC 7643, 7644): resources as JSON trees, schemas, filters, PATCH,
//! projection, bulk requests, errors. It accepts the dialects that identity providers send in practice.
//!
//! The crate contains no I/O and no clock, and knows neither the storage nor the meaning of resources.
//! Members are not part of a group's tree: a request yields them as [`MemberChange`]s, because a group
//! may have 50,000 of them. No error repeats a value.
//!
//! To add an attribute: a line in `schema/`. To add a dialect of PATCH: a case in `patch/`, and a row
//! in the table of bodies in `tests/dialects.rs`.

mod bulk;
mod constraints;
mod discovery;
mod error;
mod filter;
mod kind;
mod names;
mod patch;
mod path;
mod project;
mod query;
mod resource;
mod schema;
mod sort;
mod tree;
mod version;

pub use bulk::{BULK_OPERATIONS_MAX, BulkStep, ScimBulkOperation, ScimBulkRequest, bulk_answer};
pub use discovery::{ServiceFeatures, list_schemas, resource_types, service_provider_config};
pub use error::ScimServiceError;
pub use filter::{MemberTerms, NarrowedFilter, ScimFilter};
pub use kind::{CORE_GROUP, CORE_USER, ENTERPRISE_USER, ResourceType};
pub use patch::{MemberChange, PatchedResource, SettledMembers, patch_resource};
pub use path::ScimAttributePath;
pub use project::AnswerProjection;
pub use query::{ListQuery, PAGE_DEFAULT, PAGE_MAX};
pub use resource::{
    GroupMember, StoredResource, list_response, read_resource, render_resource, replace_resource,
};
pub use sort::SortKey;
pub use tree::{ResourceTree, get_value};
pub use version::{Precondition, entity_tag};

/// The media type of all answers.
pub const SCIM_JSON: &str = "application/scim+json";
/// The maximum nesting depth of JSON in a request.
pub const DEPTH_MAX: usize = 16;
