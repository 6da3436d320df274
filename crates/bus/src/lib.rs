//! The only code that knows JetStream: streams and subjects, durable publishing in groups, consuming in batches,
//! operator requests and their answers.
//!
//! Other crates speak `lifecycle` types: [`Outgoing`] in, [`Delivery`] out. Delivery is at least once and in no
//! promised order; message ids only save work, idempotency belongs to the database of whoever consumes.
//!
//! Never here: what an event means, when to try a target again (a delayed NAK holds an acknowledgement slot and
//! starves others: such waiting belongs in a table), anything that may be lost.
//!
//! To add a stream: 1. a variant of [`Feed`] with its subjects and limits in `feed.rs`, 2. a constructor of
//! [`Outgoing`], 3. its type on the consuming side, 4. a line in the table of streams in `ARCHITECTURE.md`.

mod bus;
mod config;
mod connect;
mod consumer;
mod control;
mod error;
mod feed;
mod link;
mod outgoing;
mod publisher;
mod server;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod wire;

pub use bus::Bus;
pub use config::{BusConfig, MaxBytes};
pub use consumer::{Consumer, Delivery, StoredContent};
pub use control::{ControlFailure, ControlRequest, ControlServer};
pub use error::{BusError, DecodeError, DecodeReason, PublishError};
pub use feed::Feed;
pub use outgoing::{FACTS_BYTES_PER_MESSAGE_MAX, FACTS_PER_MESSAGE_MAX, Outgoing};
pub use publisher::Published;
pub use wire::{Facts, decode_payload, encode_event};
