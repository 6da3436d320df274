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

pub use bulk::{BULK_OPERATIONS_MAX, BulkOperation, BulkRequest, BulkStep, bulk_answer};
pub use discovery::{Features, resource_types, schemas, service_provider_config};
pub use error::ScimError;
pub use filter::{Filter, MemberTerms, Narrowed};
pub use kind::Kind;
pub use patch::{MemberChange, Patched, Settled, patch};
pub use path::Path;
pub use project::Projection;
pub use query::{ListQuery, PAGE_DEFAULT, PAGE_MAX};
pub use resource::{Member, Record, list_response, read, render, replace};
pub use schema::{CORE_GROUP, CORE_USER, ENTERPRISE_USER};
pub use sort::SortKey;
pub use tree::{Tree, get};
pub use version::{Precondition, etag};

/// Media type of everything that is answered.
pub const SCIM_JSON: &str = "application/scim+json";
/// How deep JSON may nest in a request.
pub const DEPTH_MAX: usize = 16;
