//! The bus against a real nats-server.

mod consume;
mod control;
mod publish;
mod world;
