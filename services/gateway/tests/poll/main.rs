//! Lists that are polled from an HR system's API: real HTTP, a real nats-server, every supported database.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

mod lists;
mod office;
mod people;
mod statements;
mod trouble;
#[path = "../http/world.rs"]
#[expect(dead_code, reason = "shared with the tests of the other doors")]
mod world;
