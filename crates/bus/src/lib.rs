//! The only crate that uses JetStream directly: streams and subjects, durable publishing in groups, consuming in
//! batches, operator requests and their answers.
//!
//! Other crates use `lifecycle` types: [`OutgoingMessage`] in, [`Delivery`] out. Delivery is at least once and in no
//! guaranteed order. Message ids only save work; idempotency is the task of the consumer's database.
//!
//! Not in this crate: the meaning of an event; the time of the next attempt at a target (a delayed NAK holds an
//! acknowledgement slot and starves others, so such waiting belongs in a table); anything that may be lost.
//!
//! One privileged process creates, keeps and trims the streams ([`Bus::keep_streams`]). The others wait for them
//! ([`Bus::wait_for_streams`]) and watch them ([`Bus::watch_streams`]).
//!
//! To add a stream: 1. a variant of [`StreamName`] with its subjects, limits and consumers in `feed.rs`, 2. a constructor of
//! [`OutgoingMessage`], 3. its type on the consuming side, 4. a line in the table of streams in `ARCHITECTURE.md`.

mod bus;
mod config;
mod connect;
mod consumer;
mod control;
mod error;
mod feed;
mod journal;
mod keeper;
mod link;
mod mark;
mod outgoing;
mod permissions;
mod position;
mod problems;
mod publisher;
mod server;
mod snapshot;
mod streams;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod verb_server;
mod watch;
mod wire;

pub use bus::Bus;
pub use config::{BusConfig, MaxBytes};
pub use consumer::{Consumer, Delivery, StoredContent};
pub use control::{ControlFailure, ControlRequest, ControlServer};
pub use error::{BusError, DecodeError, DecodeReason, PublishError};
pub use feed::{DurableName, StreamName};
pub use journal::{JournalExtent, JournalReading};
pub use mark::{BackupMark, LeftMark, ServiceMark};
pub use outgoing::{FACTS_BYTES_PER_MESSAGE_MAX, FACTS_PER_MESSAGE_MAX, OutgoingMessage};
pub use permissions::{BrokerIdentity, BrokerKey, ServerCredential, users_configuration};
pub use position::StreamPosition;
pub use problems::{SourceProblemChange, SourceProblems};
pub use publisher::PublishedMessage;
pub use snapshot::StreamDescription;
pub use streams::{StreamSnapshot, StreamState};
pub use verb_server::{VERB_ACCEPTED_MAX, VERB_RUNNING_MAX, VerbServer};
pub use wire::{FactBatch, decode_payload, encode_event};
