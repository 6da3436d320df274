//! The gateway as its callers see it: real HTTP, a real nats-server.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

mod access;
mod callers;
mod csv;
mod pages;
mod pressure;
mod problems;
mod quota;
mod refusals;
mod replays;
mod rights;
mod schema;
mod senders;
mod statuses;
mod stored;
mod webhooks;
mod world;
