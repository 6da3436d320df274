//! The positions of durable consumers in their streams, and the rewinding of a consumer.
//!
//! A service may have several durable consumers on a stream: its own name, and names that begin with it and a dash.

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{DeliverPolicy, Info};
use async_nats::jetstream::stream::Info as StreamInfo;
use futures_util::TryStreamExt;

use crate::BusError;
use crate::streams::DROPPED_THROUGH;

/// The position of one durable consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPosition {
    /// The name of the stream.
    pub stream: String,
    /// The name of the consumer.
    pub durable: String,
    /// The sequence of the oldest message that the stream holds (or will hold, if it is empty).
    pub first_sequence: u64,
    /// The sequence of the newest message that was stored; 0 if there never was one.
    pub last_sequence: u64,
    /// The sequence up to which every message is acknowledged.
    pub ack_floor: u64,
    /// The number of messages that the consumer has not acknowledged.
    pub lag: u64,
    /// The number of waiting pull requests. If it is not 0, some replica reads.
    pub readers: usize,
    /// The time at which the stream was created, in microseconds since the Unix epoch. Another time means another stream.
    pub made_at: i64,
    /// The sequence up to which the stream keeper dropped messages after every consumer had acknowledged them.
    pub dropped_through: u64,
    /// `false` if the server has no such consumer.
    pub exists: bool,
}

impl StreamPosition {
    /// Returns `true` if every message in the stream is acknowledged.
    pub fn is_idle(&self) -> bool {
        self.lag == 0
    }
}

/// Returns the error for a failed operation on a consumer.
fn position_failed(
    stream: &str,
    durable: &str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> BusError {
    BusError::Consumer { stream: stream.to_owned(), durable: durable.to_owned(), source: Box::new(source) }
}

/// Returns the value of [`StreamPosition::made_at`].
pub(crate) fn made_at(info: &StreamInfo) -> i64 {
    i64::try_from(info.created.unix_timestamp_nanos() / 1_000).unwrap_or(0)
}

/// Returns whether `consumer` is `durable` or one of its further consumers.
fn belongs_to(consumer: &str, durable: &str) -> bool {
    consumer == durable || consumer.strip_prefix(durable).is_some_and(|rest| rest.starts_with('-'))
}

/// Returns the sequence up to which the stream keeper dropped messages.
fn dropped_through(info: &StreamInfo) -> u64 {
    info.config.metadata.get(DROPPED_THROUGH).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Returns the positions of `durable` and its further consumers in `stream`. The result contains `durable` even if the
/// server has no such consumer. Messages that were stored after the stream was read do not count.
pub(crate) async fn consumer_positions(
    jetstream: &Context,
    stream: &str,
    durable: &str,
) -> Result<Vec<StreamPosition>, BusError> {
    let handle =
        jetstream.get_stream(stream).await.map_err(|error| position_failed(stream, durable, error))?;
    let info = handle.cached_info();
    let state = &info.state;
    let missing = StreamPosition {
        stream: stream.to_owned(),
        durable: durable.to_owned(),
        first_sequence: state.first_sequence,
        last_sequence: state.last_sequence,
        ack_floor: 0,
        lag: state.messages,
        readers: 0,
        made_at: made_at(info),
        dropped_through: dropped_through(info),
        exists: false,
    };
    let consumers: Vec<Info> =
        handle.consumers().try_collect().await.map_err(|error| position_failed(stream, durable, error))?;
    let ours = consumers.into_iter().filter(|consumer| belongs_to(&consumer.name, durable));
    let positions = ours.map(|consumer| StreamPosition {
        durable: consumer.name.clone(),
        ack_floor: consumer.ack_floor.stream_sequence,
        lag: consumer.num_pending + consumer.num_ack_pending as u64,
        readers: consumer.num_waiting,
        exists: true,
        ..missing.clone()
    });
    let mut positions: Vec<StreamPosition> = positions.collect();
    if !positions.iter().any(|position| position.durable == durable) {
        positions.push(missing);
    }
    Ok(positions)
}

/// Rewinds the consumer to `sequence` by creating it again with the same configuration.
pub(crate) async fn rewind_consumer(
    jetstream: &Context,
    stream: &str,
    durable: &str,
    sequence: u64,
) -> Result<(), BusError> {
    let handle =
        jetstream.get_stream(stream).await.map_err(|error| position_failed(stream, durable, error))?;
    let info =
        handle.consumer_info(durable).await.map_err(|error| position_failed(stream, durable, error))?;
    let mut config = info.config;
    config.deliver_policy = if sequence <= 1 {
        DeliverPolicy::All
    } else {
        DeliverPolicy::ByStartSequence { start_sequence: sequence }
    };
    handle.delete_consumer(durable).await.map_err(|error| position_failed(stream, durable, error))?;
    handle.create_consumer(config).await.map_err(|error| position_failed(stream, durable, error))?;
    Ok(())
}
