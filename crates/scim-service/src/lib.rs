//! SCIM 2.0 as a server speaks it (RFC 7643, 7644): resources as JSON trees, schemas, filters, PATCH, projection,
//! bulk requests, errors. What identity providers send is understood in the dialects that they really use.
//!
//! Never here: I/O, a clock, where resources are kept, what they mean. Members of groups are not part of a group's tree:
//! they come out of a request as [`MemberChange`]s, because a group may have 50,000 of them. No error repeats a value.
//!
//! To add an attribute: a line in `schema/`. To add a dialect of PATCH: a case in `patch/`, and a row in the table of
//! bodies in `tests/dialects.rs`.

mod bulk;
mod discovery;
mod error;
mod filter;
mod kind;
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
pub use kind::ResourceType;
pub use patch::{MemberChange, PatchedResource, SettledMembers, patch_resource};
pub use path::ScimAttributePath;
pub use project::AnswerProjection;
pub use query::{ListQuery, PAGE_DEFAULT, PAGE_MAX};
pub use resource::{
    GroupMember, StoredResource, list_response, read_resource, render_resource, replace_resource,
};
pub use schema::{CORE_GROUP, CORE_USER, ENTERPRISE_USER};
pub use sort::SortKey;
pub use tree::{ResourceTree, get_value};
pub use version::{Precondition, entity_tag};

/// Media type of everything that is answered.
pub const SCIM_JSON: &str = "application/scim+json";
/// How deep JSON may nest in a request.
pub const DEPTH_MAX: usize = 16;
