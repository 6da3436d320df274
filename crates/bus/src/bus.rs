//! The door of the crate.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::connect::{BrokerConnection, connect_broker};
use crate::consumer::{Consumer, DurableConsumer, StoredContent};
use crate::control::{ControlFailure, ControlServer};
use crate::publisher::{PublishedMessage, StreamPublisher, WaitingMessage};
use crate::{BusConfig, BusError, DurableName, OutgoingMessage, PublishError, StreamName};

/// How often the lag of a consumer is measured.
const LOOK_AT_LAG_EVERY: Duration = Duration::from_secs(5);

/// A connection to the broker; cheap to clone.
#[derive(Clone)]
pub struct Bus(Arc<BusInner>);

struct BusInner {
    connected: BrokerConnection,
    config: BusConfig,
    /// One for each stream, by name.
    publishers: HashMap<String, StreamPublisher>,
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("url", &self.0.config.shown_url()).finish_non_exhaustive()
    }
}

/// Where the answer to one message of a [`Bus::publish`] call will come from.
enum AcknowledgementSlot {
    Known(Result<PublishedMessage, PublishError>),
    Coming(oneshot::Receiver<Result<PublishedMessage, PublishError>>),
    /// Same id as an earlier message of the call.
    SameAs(usize),
}

impl Bus {
    /// Connects under `name`, waiting for a server with back-off for at most the configured time, and checks that
    /// it is recent enough and, if it can be asked, that it syncs before it acknowledges.
    ///
    /// # Errors
    /// When no suitable server answers in time or it refuses the credentials.
    pub async fn connect(config: &BusConfig, name: &str) -> Result<Self, BusError> {
        let connected = connect_broker(config, name).await?;
        let mut publishers = HashMap::new();
        for feed in StreamName::ALL {
            for stream in feed.streams(config.event_shards) {
                let publisher = StreamPublisher::start(feed, &stream, &connected, config);
                publishers.insert(stream, publisher);
            }
        }
        Ok(Self(Arc::new(BusInner { connected, config: config.clone(), publishers })))
    }

    /// Stores `messages`; returns when each is durably stored or has failed, in the same order.
    ///
    /// Messages of concurrent callers are committed together. Each is tried with the same id until the publish
    /// timeout, so a lost acknowledgement does not store it twice; the second of two messages with the same id in
    /// one call is a duplicate of the first. Dropping the future does not take the messages back.
    pub async fn publish(
        &self,
        messages: Vec<OutgoingMessage>,
    ) -> Vec<Result<PublishedMessage, PublishError>> {
        let mut slots = self.enqueue(messages);
        let mut results: Vec<Result<PublishedMessage, PublishError>> = Vec::with_capacity(slots.len());
        for slot in slots.drain(..) {
            let result = match slot {
                AcknowledgementSlot::Known(result) => result,
                AcknowledgementSlot::Coming(answer) => answer.await.unwrap_or(Err(PublishError::Stopped)),
                AcknowledgementSlot::SameAs(first) => {
                    results[first].clone().map(|of| PublishedMessage { duplicate: true, ..of })
                }
            };
            results.push(result);
        }
        results
    }

    /// Hands each message to the publisher of its stream.
    fn enqueue(&self, messages: Vec<OutgoingMessage>) -> Vec<AcknowledgementSlot> {
        let shards = self.0.config.event_shards;
        let deadline = Instant::now() + self.0.config.publish_timeout();
        let max = self.0.connected.client.max_payload();
        let mut slots = Vec::with_capacity(messages.len());
        let mut first_with: HashMap<(StreamName, String), usize> = HashMap::new();
        let mut groups: HashMap<String, (Vec<usize>, Vec<WaitingMessage>)> = HashMap::new();
        for (index, message) in messages.into_iter().enumerate() {
            let slot = match first_with.entry((message.feed(), message.id().to_owned())) {
                Entry::Occupied(first) => AcknowledgementSlot::SameAs(*first.get()),
                Entry::Vacant(vacant) => {
                    vacant.insert(index);
                    let shard = usize::from(message.shard(shards));
                    let is_departure = message.is_departure();
                    let stream = message.feed().streams(shards).swap_remove(shard);
                    let wire = message.into_wire(shards);
                    let bytes = wire.size();
                    if bytes > max {
                        AcknowledgementSlot::Known(Err(PublishError::TooLarge { bytes, max }))
                    } else {
                        let (waiting, answer) = WaitingMessage::new(wire, is_departure, deadline);
                        let group = groups.entry(stream).or_default();
                        group.0.push(index);
                        group.1.push(waiting);
                        AcknowledgementSlot::Coming(answer)
                    }
                }
            };
            slots.push(slot);
        }
        for (stream, (indexes, group)) in groups {
            let publisher = self.0.publishers.get(&stream).expect("every stream has a publisher");
            if let Err(error) = publisher.enqueue(group) {
                for index in indexes {
                    slots[index] = AcknowledgementSlot::Known(Err(error.clone()));
                }
            }
        }
        slots
    }

    /// Opens the durable consumer `durable` of `feed`, creating it at the beginning of the feed if there is none.
    /// All replicas of a service open the same one and share the messages.
    ///
    /// # Errors
    /// When the stream is missing or the server refuses.
    pub async fn consume<T: DeserializeOwned>(
        &self,
        feed: StreamName,
        durable: &str,
    ) -> Result<Consumer<T>, BusError> {
        Consumer::open(self.durables(feed, durable).into_iter(), self.0.config.connect_timeout()).await
    }

    /// Opens the durable consumer of `feed` that reads only departures, so that they are read before what lies in front
    /// of them. The consumer that reads everything gets them as well.
    ///
    /// # Errors
    /// When the stream is missing, the server refuses, or the feed has no departures.
    pub async fn consume_departures<T: DeserializeOwned>(
        &self,
        feed: StreamName,
    ) -> Result<Consumer<T>, BusError> {
        let Some(DurableName { name, express_of: Some(of) }) = feed.express() else {
            return Err(BusError::Config(format!("{feed:?} has no departures")));
        };
        let durables = self.durables(feed, name).into_iter();
        let departures = durables.map(|durable| durable.only(feed.departures(), of));
        Consumer::open(departures, self.0.config.connect_timeout()).await
    }

    fn durables(&self, feed: StreamName, name: &str) -> Vec<DurableConsumer> {
        let BrokerConnection { jetstream, link, .. } = &self.0.connected;
        let ack_wait = Duration::from_secs(self.0.config.ack_wait_seconds);
        let durable = |stream: String| {
            DurableConsumer::new(jetstream.clone(), link.clone(), stream, name.to_owned(), ack_wait)
        };
        feed.streams(self.0.config.event_shards).into_iter().map(durable).collect()
    }

    /// Answers control requests to `service`; replicas share them.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn serve(&self, service: &str) -> Result<ControlServer, BusError> {
        ControlServer::open(self.0.connected.client.clone(), service).await
    }

    /// Answers control requests that are for this `replica` of `service` alone.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn serve_replica(&self, service: &str, replica: &str) -> Result<ControlServer, BusError> {
        ControlServer::open_replica(self.0.connected.client.clone(), service, replica).await
    }

    /// Asks this `replica` of `service` to do `verb`.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub async fn request_replica<Q: Serialize, R: DeserializeOwned>(
        &self,
        (service, replica): (&str, &str),
        verb: &str,
        question: &Q,
        timeout: Duration,
    ) -> Result<R, ControlFailure> {
        let client = &self.0.connected.client;
        crate::control::request_replica(client, (service, replica), verb, question, timeout).await
    }

    /// Asks one replica of `service` to do `verb`.
    ///
    /// # Errors
    /// When nobody serves it, nobody answers in time, or it is refused.
    pub async fn request<Q: Serialize, R: DeserializeOwned>(
        &self,
        service: &str,
        verb: &str,
        question: &Q,
        timeout: Duration,
    ) -> Result<R, ControlFailure> {
        crate::control::request_any(&self.0.connected.client, service, verb, question, timeout).await
    }

    /// How many messages of `feed` the consumer `durable` (of whatever service) has not acknowledged.
    ///
    /// # Errors
    /// When there is no such consumer or the server does not answer.
    pub async fn lag(&self, feed: StreamName, durable: &str) -> Result<u64, BusError> {
        let mut total = 0;
        for stream in feed.streams(self.0.config.event_shards) {
            match crate::consumer::consumer_lag(&self.0.connected.jetstream, &stream, durable).await {
                Ok(lag) => {
                    telemetry::metrics::consumer_lag(&stream, durable, lag);
                    total += lag;
                }
                Err(error) => {
                    telemetry::metrics::consumer_lag_unknown(&stream, durable);
                    return Err(error);
                }
            }
        }
        Ok(total)
    }

    /// The hash of what the sender of an event about `key` said, as it is stored at `sequence`; nothing if it was stored
    /// without one, or is not stored any more.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn stored_content(&self, key: &str, sequence: u64) -> Result<StoredContent, BusError> {
        let stream = self.event_stream(key);
        crate::consumer::stored_content(&self.0.connected.jetstream, &stream, sequence).await
    }

    /// How far the consumers of `durable` are in each stream of `feed`.
    ///
    /// # Errors
    /// When a stream is missing or the server does not answer.
    pub async fn positions(
        &self,
        feed: StreamName,
        durable: &str,
    ) -> Result<Vec<crate::StreamPosition>, BusError> {
        let mut all = Vec::new();
        for stream in feed.streams(self.0.config.event_shards) {
            all.extend(
                crate::position::consumer_positions(&self.0.connected.jetstream, &stream, durable).await?,
            );
        }
        Ok(all)
    }

    /// Lets the consumer `durable` of `stream` begin again at `sequence`. Messages come again, past every de-duplication.
    ///
    /// # Errors
    /// When there is no such consumer or the server does not answer.
    pub async fn rewind(&self, stream: &str, durable: &str, sequence: u64) -> Result<(), BusError> {
        crate::position::rewind_consumer(&self.0.connected.jetstream, stream, durable, sequence).await
    }

    /// What `service` last left at the broker.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn mark(&self, service: &str) -> Result<crate::LeftMark, BusError> {
        crate::mark::load_mark(&self.0.connected.jetstream, self.0.config.replicas, service).await
    }

    /// Leaves a mark for the next start, unless a later one is there.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn leave_mark(&self, service: &str, mark: &crate::ServiceMark) -> Result<(), BusError> {
        crate::mark::leave_mark(&self.0.connected.jetstream, self.0.config.replicas, service, mark).await
    }

    /// What sources said, or would have said, that the gateway could not take; `now` in microseconds since the Unix epoch.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn source_problems(&self, now: i64) -> Result<crate::SourceProblems, BusError> {
        crate::problems::load(&self.0.connected.jetstream, self.0.config.replicas, now).await
    }

    /// Adds to it, together with whatever other replicas add; returns all of it.
    ///
    /// # Errors
    /// When the server does not answer, or others write all the time.
    pub async fn change_source_problems(
        &self,
        changes: &[crate::SourceProblemChange],
        now: i64,
    ) -> Result<crate::SourceProblems, BusError> {
        crate::problems::merge(&self.0.connected.jetstream, self.0.config.replicas, changes, now).await
    }

    /// The last backup of the installation, if one is known.
    ///
    /// # Errors
    /// When the server does not answer, or what was left cannot be read.
    pub async fn last_backup(&self) -> Result<Option<crate::BackupMark>, BusError> {
        crate::mark::last_backup(&self.0.connected.jetstream, self.0.config.replicas).await
    }

    /// Remembers the last backup of the installation.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn leave_backup(&self, mark: crate::BackupMark) -> Result<(), BusError> {
        crate::mark::leave_backup(&self.0.connected.jetstream, self.0.config.replicas, mark).await
    }

    /// For how many days consumed events are to be kept for a restore.
    pub fn backup_interval_days(&self) -> u16 {
        self.0.config.backup_interval_days
    }

    /// The installation that the broker belongs to: `fresh` from now on when it belonged to none.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn installation(&self, fresh: &str) -> Result<String, BusError> {
        crate::mark::installation_of(&self.0.connected.jetstream, self.0.config.replicas, fresh).await
    }

    /// Keeps the lag metric of a consumer up to date for as long as it is polled; what cannot be measured is absent.
    pub async fn watch_lag(self, feed: StreamName, durable: &'static str) {
        loop {
            tokio::time::sleep(LOOK_AT_LAG_EVERY).await;
            if let Err(error) = self.lag(feed, durable).await {
                tracing::debug!(durable, error = %error, "could not read the lag");
            }
        }
    }

    pub(crate) fn config(&self) -> &BusConfig {
        &self.0.config
    }

    pub(crate) fn client(&self) -> &async_nats::Client {
        &self.0.connected.client
    }

    pub(crate) fn jetstream(&self) -> &async_nats::jetstream::Context {
        &self.0.connected.jetstream
    }

    /// For how long nothing could be stored in `stream` although it was tried.
    pub(crate) fn failing_for(&self, stream: &str) -> Option<Duration> {
        self.0.publishers.get(stream)?.failing_for()
    }

    /// The stream that events about `key` lie in.
    pub fn event_stream(&self, key: &str) -> String {
        let shards = self.0.config.event_shards;
        StreamName::Events.streams(shards).swap_remove(usize::from(crate::feed::shard_of(key, shards)))
    }

    /// How much the streams of events may hold together.
    pub fn events_bytes_max(&self) -> u64 {
        let each = u64::try_from(self.0.config.max_bytes.events).unwrap_or(0);
        each * u64::from(self.0.config.event_shards)
    }

    /// How long a message may be, as the broker says.
    pub fn message_bytes_max(&self) -> usize {
        self.0.connected.client.max_payload()
    }

    /// Whether there is a connection now.
    pub fn connected(&self) -> bool {
        self.0.connected.link.is_up()
    }
}
