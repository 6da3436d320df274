//! Identity providers that are pointed at Usher as if it were an application: `/scim/v2/{source}`.
//!
//! What the provider sees (resources with ids, versions, members) is kept in tables of the gateway, for a provider looks up
//! and compares before it writes. Every change writes the resource and its events in one transaction, and is answered
//! only when JetStream has the events: see [`write`] for what a repeated request finds.
//!
//! To add an attribute: `crates/scim-service`. To call one differently: `mapping.rs`.

mod answer;
mod bulk;
mod clock;
mod config;
mod docs;
mod door;
mod events;
mod http;
mod list;
mod mapping;
mod members;
mod read;
mod rows;
mod write;

pub use config::ScimConfig;
pub(crate) use config::config_fault;
pub(crate) use docs::ScimApi;
pub(crate) use door::ScimState;
pub(crate) use http::scim_router;
