//! W3C trace context, as it is carried in message headers and database rows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A `traceparent` value: the trace and the span that caused the message or row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The 128-bit trace id, never zero.
    pub trace_id: u128,
    /// The 64-bit id of the parent span, never zero.
    pub span_id: u64,
    /// `true` if the caller recorded its span.
    pub sampled: bool,
}

impl TraceContext {
    /// Starts a new trace (draws random numbers).
    pub fn root() -> Self {
        Self { trace_id: uuid::Uuid::new_v4().as_u128(), span_id: random_span_id(), sampled: true }
    }

    /// Starts a new span in the same trace (draws random numbers).
    pub fn child(self) -> Self {
        Self { span_id: random_span_id(), ..self }
    }

    /// Returns the trace id as 32 hex digits, as operators search for it.
    pub fn trace_id_hex(self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

/// Returns a random span id that is not zero.
fn random_span_id() -> u64 {
    (uuid::Uuid::new_v4().as_u128() as u64) | 1
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

/// The error for a text that is not a version 00 `traceparent`.
#[derive(Debug, thiserror::Error)]
#[error("not a W3C traceparent")]
pub struct TraceParseError;

impl FromStr for TraceContext {
    type Err = TraceParseError;

    fn from_str(text: &str) -> Result<Self, TraceParseError> {
        let mut parts = text.trim().split('-');
        let (version, trace, span, flags) = (parts.next(), parts.next(), parts.next(), parts.next());
        let (Some(version), Some(trace), Some(span), Some(flags)) = (version, trace, span, flags) else {
            return Err(TraceParseError);
        };
        if version.len() != 2 || version == "ff" || trace.len() != 32 || span.len() != 16 || flags.len() != 2
        {
            return Err(TraceParseError);
        }
        let trace_id = u128::from_str_radix(trace, 16).map_err(|_| TraceParseError)?;
        let span_id = u64::from_str_radix(span, 16).map_err(|_| TraceParseError)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| TraceParseError)?;
        if trace_id == 0 || span_id == 0 {
            return Err(TraceParseError);
        }
        Ok(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }
}

impl Serialize for TraceContext {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceContext {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
