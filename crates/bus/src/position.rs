//! How far durable consumers are in their streams, and setting them back.
//!
//! A service may have several durables on a stream: its own name, and names that begin with it and a dash.

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{DeliverPolicy, Info};
use async_nats::jetstream::stream::Info as StreamInfo;
use futures_util::TryStreamExt;

use crate::BusError;
use crate::streams::DROPPED_THROUGH;

/// How far one durable consumer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPosition {
    /// The stream.
    pub stream: String,
    /// The consumer.
    pub durable: String,
    /// Sequence of the oldest message that the stream still holds (or will hold, when it is empty).
    pub first_sequence: u64,
    /// Sequence of the newest message that was stored; 0 when there never was one.
    pub last_sequence: u64,
    /// Everything up to here is acknowledged.
    pub ack_floor: u64,
    /// Messages that it has not acknowledged.
    pub lag: u64,
    /// Requests for messages that wait: some replica reads.
    pub readers: usize,
    /// When the stream was made, in microseconds since the Unix epoch: another one is another stream.
    pub made_at: i64,
    /// The stream keeper dropped messages up to here after every consumer had taken them.
    pub dropped_through: u64,
    /// False when the server has no such consumer.
    pub exists: bool,
}

impl StreamPosition {
    /// True when everything that the stream holds is acknowledged.
    pub fn is_idle(&self) -> bool {
        self.lag == 0
    }
}

fn position_failed(
    stream: &str,
    durable: &str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> BusError {
    BusError::Consumer { stream: stream.to_owned(), durable: durable.to_owned(), source: Box::new(source) }
}

/// See [`StreamPosition::made_at`].
pub(crate) fn made_at(info: &StreamInfo) -> i64 {
    i64::try_from(info.created.unix_timestamp_nanos() / 1_000).unwrap_or(0)
}

fn belongs_to(consumer: &str, durable: &str) -> bool {
    consumer == durable || consumer.strip_prefix(durable).is_some_and(|rest| rest.starts_with('-'))
}

fn dropped_through(info: &StreamInfo) -> u64 {
    info.config.metadata.get(DROPPED_THROUGH).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The positions of `durable` and its further consumers in `stream`; one for `durable` also when the server has no such
/// consumer. Messages that were stored after the stream was looked at do not count.
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

/// Lets the consumer begin again at `sequence`: it is made again with the same configuration.
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
