//! Durable consumers that recover from broker failures: they return batches and take acknowledgements.

mod tap;

use std::marker::PhantomData;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::message::{AckKind, Acker};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind, RawMessageErrorKind};
use async_nats::jetstream::{self, Context, ErrorCode};
use futures_util::stream::{BoxStream, SelectAll, select_all};
use futures_util::{FutureExt, StreamExt};
use lifecycle::TraceContext;
use serde::de::DeserializeOwned;
use telemetry::chain;
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::connect::retry_until;
use crate::error::DecodeError;
use crate::feed::{DEPARTURE_COMMAND, DEPARTURE_EVENTS};
use crate::link::BrokerLink;
use crate::{BusError, wire};

/// The number of unacknowledged messages after which the server stops delivering to one durable consumer.
const ACK_PENDING_MAX: i64 = 4_096;
/// The maximum number of messages that [`Consumer::close`] returns to the server. Two pull requests fetch fewer.
const GIVE_BACK_MAX: usize = 1_024;
/// The pause after which no further messages are expected to arrive.
const QUIET: Duration = Duration::from_millis(50);

/// A durable consumer of one stream.
#[derive(Debug, Clone)]
pub(crate) struct DurableConsumer {
    jetstream: Context,
    link: BrokerLink,
    stream: String,
    name: String,
    ack_wait: Duration,
    /// The filter of a consumer that reads only departures.
    express: Option<DepartureFilter>,
}

/// The subjects of a consumer that reads only departures, and the consumer whose position it starts from.
#[derive(Debug, Clone)]
struct DepartureFilter {
    subjects: Vec<String>,
    of: &'static str,
}

impl DurableConsumer {
    pub(crate) fn new(
        jetstream: Context,
        link: BrokerLink,
        stream: String,
        name: String,
        ack_wait: Duration,
    ) -> Self {
        Self { jetstream, link, stream, name, ack_wait, express: None }
    }

    /// Restricts the consumer to `subjects`. When it is created, it starts at the position of the consumer `of`.
    pub(crate) fn only(self, subjects: Vec<String>, of: &'static str) -> Self {
        Self { express: Some(DepartureFilter { subjects, of }), ..self }
    }

    fn config(&self) -> pull::Config {
        pull::Config {
            durable_name: Some(self.name.clone()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.ack_wait,
            max_deliver: -1,
            max_ack_pending: ACK_PENDING_MAX,
            filter_subjects: self
                .express
                .as_ref()
                .map(|express| express.subjects.clone())
                .unwrap_or_default(),
            ..pull::Config::default()
        }
    }

    /// Creates the consumer on the server if it is missing, and changes nothing else.
    pub(crate) async fn make_if_missing(&self) -> Result<(), ConsumerError> {
        match self.find(&self.name).await? {
            Some(_) => Ok(()),
            None => self.try_ensure().await.map(drop),
        }
    }

    /// Creates the consumer on the server, or updates it. While the servers of a cluster elect a leader, none of them
    /// answers; therefore this retries until `deadline`.
    async fn ensure(&self, deadline: Instant) -> Result<PullConsumer, BusError> {
        let ensured = retry_until(deadline, || async {
            match self.try_ensure().await {
                Err(error) if is_refusal(&error) => Ok(Err(error)),
                Err(error) => Err(error),
                Ok(consumer) => Ok(Ok(consumer)),
            }
        });
        ensured.await.flatten().map_err(|error| self.failed(error))
    }

    async fn try_ensure(&self) -> Result<PullConsumer, ConsumerError> {
        let mut config = self.config();
        let there = self.find(&self.name).await?;
        match (&self.express, there) {
            (Some(_), Some(there))
                if there.cached_info().config.filter_subjects == config.filter_subjects =>
            {
                return Ok(there);
            }
            // An earlier version, which knew fewer kinds of departures, created this consumer.
            (Some(_), Some(there)) => config.deliver_policy = there.cached_info().config.deliver_policy,
            (Some(express), None) => config.deliver_policy = self.behind(express.of).await?,
            // The gateway may read its consumer and not change it.
            (None, Some(there)) if there.cached_info().config.ack_wait == config.ack_wait => {
                return Ok(there);
            }
            // A rewound consumer starts elsewhere, and its start cannot be changed: see `Bus::rewind`.
            (None, Some(there)) => config.deliver_policy = there.cached_info().config.deliver_policy,
            (None, None) => {}
        }
        self.jetstream.create_consumer_on_stream(config, &self.stream).await
    }

    /// Returns a delivery policy that skips the messages that the other consumer has acknowledged.
    async fn behind(&self, other: &str) -> Result<DeliverPolicy, ConsumerError> {
        let other = self.find(other).await?;
        Ok(match other.map(|other| other.cached_info().ack_floor.stream_sequence) {
            Some(taken) if taken > 0 => DeliverPolicy::ByStartSequence { start_sequence: taken + 1 },
            _ => DeliverPolicy::All,
        })
    }

    /// Finds a consumer. A missing consumer is `None`; a server that does not answer is an error.
    async fn find(&self, name: &str) -> Result<Option<PullConsumer>, ConsumerError> {
        match self.jetstream.get_consumer_from_stream(name, &self.stream).await {
            Ok(consumer) => Ok(Some(consumer)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn failed(&self, source: impl std::error::Error + Send + Sync + 'static) -> BusError {
        BusError::Consumer {
            stream: self.stream.clone(),
            durable: self.name.clone(),
            source: Box::new(source),
        }
    }
}

/// Returns whether the server has no such consumer.
fn is_missing(error: &ConsumerError) -> bool {
    matches!(error.kind(), ConsumerErrorKind::JetStream(error) if error.error_code() == ErrorCode::CONSUMER_NOT_FOUND)
}

/// Returns whether a retry cannot help.
fn is_refusal(error: &ConsumerError) -> bool {
    match error.kind() {
        ConsumerErrorKind::JetStream(error) => error.code() != 503,
        ConsumerErrorKind::InvalidConsumerType | ConsumerErrorKind::InvalidName => true,
        ConsumerErrorKind::TimedOut | ConsumerErrorKind::Request | ConsumerErrorKind::Other => false,
    }
}

/// The messages that a service reads from one feed. Recovers from every broker failure without help from the caller.
pub struct Consumer<T> {
    /// The endless streams of messages, one for each shard.
    messages: SelectAll<BoxStream<'static, jetstream::Message>>,
    durable: String,
    body: PhantomData<fn() -> T>,
}

impl<T> std::fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer").field("durable", &self.durable).finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned> Consumer<T> {
    /// Opens one durable consumer for each shard, each within `patience`.
    pub(crate) async fn open(
        durables: impl Iterator<Item = DurableConsumer>,
        patience: Duration,
    ) -> Result<Self, BusError> {
        let mut taps = Vec::new();
        let mut name = String::new();
        for durable in durables {
            let consumer = durable.ensure(Instant::now() + patience).await?;
            name.clone_from(&durable.name);
            taps.push(tap::open_messages(durable, consumer).await?);
        }
        Ok(Self { messages: select_all(taps), durable: name, body: PhantomData })
    }

    /// Waits for at least one message, then takes the messages that have already arrived, up to `max` (at least 1).
    /// Dropping the future loses no message.
    ///
    /// # Errors
    /// Returns an error only if the connection is closed permanently; all other failures are retried.
    pub async fn next_batch(&mut self, max: usize) -> Result<Vec<Delivery<T>>, BusError> {
        let mut batch = Vec::new();
        while batch.is_empty() {
            let first = self.messages.next().await.ok_or(BusError::Closed)?;
            batch.extend(Delivery::read(first));
            // No `await` from here on: a message that was taken is always returned.
            while batch.len() < max {
                let Some(Some(message)) = self.messages.next().now_or_never() else { break };
                batch.extend(Delivery::read(message));
            }
        }
        if let Some(last) = batch.last() {
            let behind = last.behind + batch.len() as u64;
            telemetry::metrics::consumer_lag(&last.stream, &self.durable, behind);
        }
        Ok(batch)
    }

    /// Returns the fetched but undelivered messages to the server, so that another replica receives them soon. Messages
    /// that are still in transit are delivered to another replica when their acknowledgement is overdue.
    pub async fn close(mut self) {
        let mut held = Vec::new();
        while held.len() < GIVE_BACK_MAX
            && let Ok(Some(message)) = tokio::time::timeout(QUIET, self.messages.next()).await
        {
            held.push(message);
        }
        drop(self.messages);
        // Tasks of the client unsubscribe. Let them run first, otherwise the server delivers the messages to this
        // consumer again.
        tokio::task::yield_now().await;
        if let Some(message) = held.first() {
            let _ = message.context.client().flush().await;
        }
        for message in held {
            if message.ack_with(AckKind::Nak(None)).await.is_err() {
                return;
            }
        }
    }
}

/// One message. Acknowledge it once its effect is durable.
pub struct Delivery<T> {
    /// The body of the message, or the reason that it cannot be read.
    pub body: Result<T, DecodeError>,
    /// The sequence in its stream. It is the same for every delivery of the message.
    pub sequence: u64,
    /// The payload as it was received, so that a message that cannot be processed can be kept.
    pub payload: bytes::Bytes,
    /// A hash of what the sender of an event stated, if the message carries one.
    pub content: Option<String>,
    /// The trace that the message belongs to.
    pub trace: Option<TraceContext>,
    /// `true` if the message was delivered before.
    pub redelivered: bool,
    /// The time at which the broker stored the message.
    pub published_at: OffsetDateTime,
    stream: String,
    /// `true` if the subject says that the message removes access.
    departs: bool,
    /// The number of messages behind it in the stream.
    behind: u64,
    acker: Acker,
}

/// Omits the body, which is personal data.
impl<T> std::fmt::Debug for Delivery<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("stream", &self.stream)
            .field("sequence", &self.sequence)
            .field("redelivered", &self.redelivered)
            .field("unreadable", &self.body.as_ref().err())
            .finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned> Delivery<T> {
    fn read(message: jetstream::Message) -> Option<Self> {
        let info = match message.info() {
            Ok(info) => info,
            Err(error) => {
                tracing::warn!(error = chain(&*error), "a message without delivery information was dropped");
                return None;
            }
        };
        let (sequence, published_at) = (info.stream_sequence, info.published);
        let (redelivered, behind, stream) = (info.delivered > 1, info.pending, info.stream.to_owned());
        let body = wire::unwrap_body(&message.payload).map_err(|reason| DecodeError {
            stream: stream.clone(),
            sequence,
            reason,
        });
        let trace = wire::trace_of(message.headers.as_ref());
        let content = wire::content_of(message.headers.as_ref());
        let payload = message.payload.clone();
        let departs = takes_access_away(&message.subject);
        let (_, acker) = message.split();
        Some(Self {
            body,
            departs,
            sequence,
            payload,
            content,
            trace,
            redelivered,
            published_at,
            stream,
            behind,
            acker,
        })
    }
}

impl<T> Delivery<T> {
    /// Returns whether the message removes access. The subject tells this, so it is known also if the body cannot be read.
    pub fn is_departure(&self) -> bool {
        self.departs
    }

    /// Returns the name of the stream.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// Acknowledges the message after it is processed. If the acknowledgement is lost, the message is delivered again.
    pub async fn ack(self) {
        self.settle(AckKind::Ack).await;
    }

    /// Asks the broker to deliver the message again soon, to any replica, because it could not be processed.
    pub async fn nak(self) {
        self.settle(AckKind::Nak(None)).await;
    }

    async fn settle(self, kind: AckKind) {
        if let Err(error) = self.acker.ack_with(kind).await {
            let (stream, sequence) = (&self.stream, self.sequence);
            tracing::warn!(%stream, sequence, error = chain(&*error), "not acknowledged, it will be delivered again");
        }
    }
}

/// Returns whether messages under `subject` remove access.
fn takes_access_away(subject: &str) -> bool {
    DEPARTURE_EVENTS.iter().chain(&[DEPARTURE_COMMAND]).any(|end| subject.ends_with(end))
}

/// Returns the number of messages of `stream` that `durable` has not acknowledged.
pub(crate) async fn consumer_lag(jetstream: &Context, stream: &str, durable: &str) -> Result<u64, BusError> {
    let failed = |error| BusError::Consumer {
        stream: stream.to_owned(),
        durable: durable.to_owned(),
        source: Box::new(error),
    };
    let consumer: PullConsumer = jetstream.get_consumer_from_stream(durable, stream).await.map_err(failed)?;
    let info = consumer.cached_info();
    Ok(info.num_pending + info.num_ack_pending as u64)
}

/// The state of the content hash of a stored event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredContent {
    /// The hash that the event was stored with.
    Hash(String),
    /// The event was stored without a hash.
    Unknown,
    /// The event is no longer stored.
    Gone,
}

/// Implements [`crate::Bus::stored_content`].
pub(crate) async fn stored_content(
    jetstream: &Context,
    stream: &str,
    sequence: u64,
) -> Result<StoredContent, BusError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| BusError::Stream {
        stream: stream.to_owned(),
        source,
    };
    let handle = jetstream.get_stream_no_info(stream).await.map_err(|error| failed(Box::new(error)))?;
    match handle.get_raw_message(sequence).await {
        Ok(message) => {
            let hash = wire::content_of(Some(&message.headers));
            Ok(hash.map_or(StoredContent::Unknown, StoredContent::Hash))
        }
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(StoredContent::Gone),
        Err(error) => Err(failed(Box::new(error))),
    }
}
