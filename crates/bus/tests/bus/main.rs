//! The bus against a real nats-server.

#![expect(clippy::unwrap_used, reason = "a broken assumption of a test should panic")]

mod consume;
mod control;
mod permissions;
mod proxy;
mod publish;
mod snapshot;
mod streams;
mod world;
