//! Requests and whether they are accepted. `tests/data/README.md` names the sources of the vectors.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod ambiguity;
mod bearer;
mod configuration;
mod headers;
mod presets;
mod request;
mod rotation;
mod secrecy;
mod tampering;
mod tolerance;
mod totality;
mod vectors;
