//! Streams as they are on the server: how full, since when, and whether they are there at all.

use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{Info, Stream};
use async_nats::jetstream::{Context, ErrorCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Key in a stream's metadata: when the newest message was stored that was dropped to make room.
pub(crate) const DROPPED_UNTIL: &str = "usher-dropped-until";
/// Key in a stream's metadata: the sequence of that message.
pub(crate) const DROPPED_THROUGH: &str = "usher-dropped-through";

/// One stream as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamState {
    /// Its name.
    pub stream: String,
    /// Bytes that it holds.
    pub bytes: u64,
    /// Bytes that it may hold.
    pub bytes_max: u64,
    /// Messages that it holds.
    pub messages: u64,
    /// When the oldest of them was stored.
    pub oldest: Option<OffsetDateTime>,
    /// When the newest message was stored that was dropped to make room: a backup from before it cannot be completed from
    /// the stream.
    pub dropped_until: Option<OffsetDateTime>,
}

/// What a look at a stream found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamSnapshot {
    /// It is there.
    There(StreamState),
    /// The server has no such stream.
    Missing {
        /// Its name.
        stream: String,
    },
    /// The server did not say.
    Unknown {
        /// Its name.
        stream: String,
        /// Why not.
        why: String,
    },
}

impl StreamState {
    /// How full it is, in thousandths.
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

/// Looks at one stream.
pub(crate) async fn look_at_stream(jetstream: &Context, stream: &str) -> StreamSnapshot {
    let stream = stream.to_owned();
    match find_stream(jetstream, &stream).await {
        Ok(Some(found)) => StreamSnapshot::There(StreamState::of(found.cached_info())),
        Ok(None) => StreamSnapshot::Missing { stream },
        Err(error) => StreamSnapshot::Unknown { stream, why: error.to_string() },
    }
}

/// The stream, if the server has it.
///
/// # Errors
/// When the server does not say.
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
