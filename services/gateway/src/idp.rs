//! The SCIM service for identity providers that treat Usher as an application: `/scim/v2/{source}`.
//!
//! The gateway keeps the provider's resources (with ids, versions and members) in its own tables, because a provider
//! looks up and compares before it writes. Every change writes the resource and its events in one transaction, and
//! is answered only when JetStream has the events: see [`write`] for the effect of a repeated request.
//!
//! To add an attribute, change `crates/scim-service`. To give one another name, change `mapping.rs`.

mod answer;
mod bulk;
mod clock;
mod config;
mod docs;
mod events;
mod http;
mod list;
mod mapping;
mod members;
mod read;
mod rows;
mod state;
mod write;

pub use config::ScimConfig;
pub(crate) use docs::ScimApi;
pub(crate) use http::scim_router;
pub(crate) use state::ScimState;
