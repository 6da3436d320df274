//! Thin notices, and the records that are fetched for them: real HTTP to a small HR system, a real nats-server, every supported
//! database.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

mod faults;
mod hr;
mod notices;
mod office;
mod restored;
#[path = "../http/world.rs"]
#[expect(dead_code, reason = "shared with the tests of the other doors")]
mod world;
