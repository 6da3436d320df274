//! Bodies and what they say. Where the samples come from: `tests/data/README.md`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod configuration;
mod fetched;
mod handshakes;
mod properties;
mod reading;
mod refusals;
mod senders;
mod values;
mod who;
