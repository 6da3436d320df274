//! Bodies and their notices. `tests/data/README.md` names the sources of the samples.

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
