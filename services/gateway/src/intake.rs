//! The common part of everything that takes events: admits a source, checks its events, and stores them on the broker.
//!
//! [`state::IntakeState`] is the shared state. [`admission`] limits rates and load, [`limits`] the size of events,
//! [`storage`] publishes and builds the answer, [`streamed`] does so batch by batch, and [`problems`] keeps what goes wrong
//! with a source for its status.

pub(crate) mod admission;
pub(crate) mod headers;
pub(crate) mod limits;
pub(crate) mod notices;
pub(crate) mod problems;
pub(crate) mod received;
pub(crate) mod source;
pub(crate) mod state;
pub(crate) mod storage;
pub(crate) mod streamed;
