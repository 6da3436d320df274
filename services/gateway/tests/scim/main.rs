//! Identity providers that treat Usher as an application: real HTTP, a real nats-server, every supported database.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

mod bulk;
mod compliance;
mod entra;
mod large;
mod lists;
mod okta;
mod outbox;
mod provider;
mod refusals;
mod repeats;
mod together;
#[path = "../http/world.rs"]
#[expect(dead_code, reason = "shared with the tests of the other doors")]
mod world;
