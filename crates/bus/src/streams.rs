//! The state of streams on the server: their fill, their age, and whether they exist.

use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{Info, Stream};
use async_nats::jetstream::{Context, ErrorCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The subject of a publisher's request to make room. The payload is the stream's name.
pub(crate) const MAKE_ROOM: &str = "usher.streams.full";
/// The key in a stream's metadata for the time at which the newest dropped message was stored.
pub(crate) const DROPPED_UNTIL: &str = "usher-dropped-until";
/// The key in a stream's metadata for the sequence of that message.
pub(crate) const DROPPED_THROUGH: &str = "usher-dropped-through";

/// The state of one stream as it was last read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamState {
    /// The name of the stream.
    pub stream: String,
    /// The number of bytes in the stream.
    pub bytes: u64,
    /// The size limit of the stream in bytes.
    pub bytes_max: u64,
    /// The number of messages in the stream.
    pub messages: u64,
    /// The time at which the oldest of them was stored.
    pub oldest: Option<OffsetDateTime>,
    /// The time at which the newest message was stored that was dropped to make room. A backup from before this time
    /// cannot be completed from the stream.
    pub dropped_until: Option<OffsetDateTime>,
}

/// The result of reading the state of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamSnapshot {
    /// The stream exists.
    There(StreamState),
    /// The server has no such stream.
    Missing {
        /// The name of the stream.
        stream: String,
    },
    /// The server did not answer.
    Unknown {
        /// The name of the stream.
        stream: String,
        /// The reason.
        why: String,
    },
}

impl StreamState {
    /// Returns the fill level, in thousandths.
    pub fn per_mille(&self) -> u64 {
        self.bytes.saturating_mul(1_000).checked_div(self.bytes_max).unwrap_or(0)
    }

    pub(crate) fn of(info: &Info) -> Self {
        let state = &info.state;
        let dropped = info.config.metadata.get(DROPPED_UNTIL);
        Self {
            stream: info.config.name.clone(),
            bytes: state.bytes,
            bytes_max: u64::try_from(info.config.max_bytes).unwrap_or(0),
            messages: state.messages,
            oldest: (state.messages > 0).then_some(state.first_timestamp),
            dropped_until: dropped.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok()),
        }
    }
}

/// Reads the state of one stream.
pub(crate) async fn look_at_stream(jetstream: &Context, stream: &str) -> StreamSnapshot {
    let stream = stream.to_owned();
    match find_stream(jetstream, &stream).await {
        Ok(Some(found)) => StreamSnapshot::There(StreamState::of(found.cached_info())),
        Ok(None) => StreamSnapshot::Missing { stream },
        Err(error) => StreamSnapshot::Unknown { stream, why: error.to_string() },
    }
}

/// Returns the stream, if the server has it.
///
/// # Errors
/// Returns an error if the server does not answer.
pub(crate) async fn find_stream(jetstream: &Context, stream: &str) -> Result<Option<Stream>, GetStreamError> {
    match jetstream.get_stream(stream).await {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(refusal) if refusal.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Ok(None)
            }
            _ => Err(error),
        },
    }
}
