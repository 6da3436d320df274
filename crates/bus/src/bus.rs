//! The public entry point of the crate: the connection to the broker.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::OperatorVerb;
use serde::de::DeserializeOwned;
use telemetry::chain;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::connect::{BrokerConnection, connect_broker};
use crate::consumer::{Consumer, DurableConsumer, StoredContent};
use crate::control::{ControlFailure, ControlServer};
use crate::publisher::{PublishedMessage, StreamPublisher, WaitingMessage};
use crate::{BusConfig, BusError, DurableName, OutgoingMessage, PublishError, StreamName};

/// The interval at which [`Bus::watch_lag`] measures the lag of a consumer.
const LOOK_AT_LAG_EVERY: Duration = Duration::from_secs(5);

/// A connection to the broker; cheap to clone.
#[derive(Clone)]
pub struct Bus(Arc<BusInner>);

/// The shared state behind all clones of a [`Bus`].
struct BusInner {
    connected: BrokerConnection,
    config: BusConfig,
    /// The publisher of each stream, by the stream's name.
    publishers: HashMap<String, StreamPublisher>,
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("url", &self.0.config.shown_url()).finish_non_exhaustive()
    }
}

/// The source of the result for one message of a [`Bus::publish`] call.
enum AcknowledgementSlot {
    Known(Result<PublishedMessage, PublishError>),
    Coming(oneshot::Receiver<Result<PublishedMessage, PublishError>>),
    /// The message has the same id as an earlier message of the call; this is the earlier one's index.
    SameAs(usize),
}

impl Bus {
    /// Connects under `name`. Retries with back-off for at most the configured time. Checks that the server is recent
    /// enough and, if its monitoring port can be reached, that it syncs before it acknowledges.
    ///
    /// # Errors
    /// Returns an error if no suitable server answers in time, or if the server refuses the credentials.
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

    /// Publishes `messages`. Returns when each is durably stored or has failed; the results are in the order of the messages.
    ///
    /// Messages of concurrent callers are committed together. Each message is retried with the same id until the
    /// publish timeout, so a lost acknowledgement does not store it twice. If two messages in one call have the same
    /// id, the second is a duplicate of the first. Dropping the future does not cancel the messages.
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

    /// Opens the durable consumer `durable` of `feed`. If it does not exist, creates it at the beginning of the feed.
    /// All replicas of a service open the same consumer and share its messages.
    ///
    /// # Errors
    /// Returns an error if the stream is missing or the server refuses.
    pub async fn consume<T: DeserializeOwned>(
        &self,
        feed: StreamName,
        durable: &str,
    ) -> Result<Consumer<T>, BusError> {
        Consumer::open(self.durables(feed, durable).into_iter(), self.0.config.connect_timeout()).await
    }

    /// Opens the durable consumer of `feed` that reads only departures, so that they are read before the messages ahead
    /// of them. The consumer that reads everything receives them as well.
    ///
    /// # Errors
    /// Returns an error if the stream is missing, the server refuses, or the feed has no departures.
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

    pub(crate) fn durables(&self, feed: StreamName, name: &str) -> Vec<DurableConsumer> {
        let BrokerConnection { jetstream, link, .. } = &self.0.connected;
        let ack_wait = Duration::from_secs(self.0.config.ack_wait_seconds);
        let durable = |stream: String| {
            DurableConsumer::new(jetstream.clone(), link.clone(), stream, name.to_owned(), ack_wait)
        };
        feed.streams(self.0.config.event_shards).into_iter().map(durable).collect()
    }

    /// Serves control requests to `service`. Its replicas share the requests.
    ///
    /// # Errors
    /// Returns an error if the connection is closed.
    pub async fn serve(&self, service: &str) -> Result<ControlServer, BusError> {
        ControlServer::open(self.0.connected.client.clone(), service).await
    }

    /// Serves control requests that are addressed to this `replica` of `service` only.
    ///
    /// # Errors
    /// Returns an error if the connection is closed.
    pub async fn serve_replica(&self, service: &str, replica: &str) -> Result<ControlServer, BusError> {
        ControlServer::open_replica(self.0.connected.client.clone(), service, replica).await
    }

    /// Asks any replica of the service of the verb `V`.
    ///
    /// # Errors
    /// Returns an error if no replica serves it, no replica answers in time, or the request is refused.
    pub async fn ask<V: OperatorVerb>(
        &self,
        question: &V::Request,
        timeout: Duration,
    ) -> Result<V::Reply, ControlFailure> {
        crate::control::ask_any::<V>(&self.0.connected.client, question, timeout).await
    }

    /// Asks the given `replica` of the service of the verb `V`.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::ask`].
    pub async fn ask_replica<V: OperatorVerb>(
        &self,
        replica: &str,
        question: &V::Request,
        timeout: Duration,
    ) -> Result<V::Reply, ControlFailure> {
        crate::control::ask_replica::<V>(&self.0.connected.client, replica, question, timeout).await
    }

    /// Returns the number of messages of `feed` that the consumer `durable` (of any service) has not acknowledged.
    ///
    /// # Errors
    /// Returns an error if there is no such consumer or the server does not answer.
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

    /// Returns the content hash of the event about `key` that is stored at `sequence`. The result also tells whether
    /// the event was stored without a hash or is no longer stored.
    ///
    /// # Errors
    /// Returns an error if the server does not answer.
    pub async fn stored_content(&self, key: &str, sequence: u64) -> Result<StoredContent, BusError> {
        let stream = self.event_stream(key);
        crate::consumer::stored_content(&self.0.connected.jetstream, &stream, sequence).await
    }

    /// Returns the position of the consumers of `durable` in each stream of `feed`.
    ///
    /// # Errors
    /// Returns an error if a stream is missing or the server does not answer.
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

    /// Rewinds the consumer `durable` of `stream` to `sequence`. Messages are delivered again; de-duplication does not apply to them.
    ///
    /// # Errors
    /// Returns an error if there is no such consumer or the server does not answer.
    pub async fn rewind(&self, stream: &str, durable: &str, sequence: u64) -> Result<(), BusError> {
        crate::position::rewind_consumer(&self.0.connected.jetstream, stream, durable, sequence).await
    }

    /// Returns the mark that `service` last left at the broker.
    ///
    /// # Errors
    /// Returns an error if the server does not answer.
    pub async fn mark(&self, service: &str) -> Result<crate::LeftMark, BusError> {
        crate::mark::load_mark(&self.0.connected.jetstream, self.0.config.replicas, service).await
    }

    /// Leaves a mark for the next start, unless a later mark exists.
    ///
    /// # Errors
    /// Returns an error if the server does not answer.
    pub async fn leave_mark(&self, service: &str, mark: &crate::ServiceMark) -> Result<(), BusError> {
        crate::mark::leave_mark(&self.0.connected.jetstream, self.0.config.replicas, service, mark).await
    }

    /// Returns the messages and lists of sources that the gateway could not accept. `now` is in microseconds since the Unix epoch.
    ///
    /// # Errors
    /// Returns an error if the server does not answer.
    pub async fn source_problems(&self, now: i64) -> Result<crate::SourceProblems, BusError> {
        crate::problems::load(&self.0.connected.jetstream, self.0.config.replicas, now).await
    }

    /// Merges `changes` into the source problems, together with the changes of other replicas. Returns the merged problems.
    ///
    /// # Errors
    /// Returns an error if the server does not answer, or if other replicas keep writing at the same time.
    pub async fn change_source_problems(
        &self,
        changes: &[crate::SourceProblemChange],
        now: i64,
    ) -> Result<crate::SourceProblems, BusError> {
        crate::problems::merge(&self.0.connected.jetstream, self.0.config.replicas, changes, now).await
    }

    /// Returns the last backup of the installation, if one is known.
    ///
    /// # Errors
    /// Returns an error if the server does not answer, or if the stored mark cannot be read.
    pub async fn last_backup(&self) -> Result<Option<crate::BackupMark>, BusError> {
        crate::mark::last_backup(&self.0.connected.jetstream, self.0.config.replicas).await
    }

    /// Stores the time of the last backup of the installation.
    ///
    /// # Errors
    /// Returns an error if the server does not answer.
    pub async fn leave_backup(&self, mark: crate::BackupMark) -> Result<(), BusError> {
        crate::mark::leave_backup(&self.0.connected.jetstream, self.0.config.replicas, mark).await
    }

    /// Returns the number of days for which consumed events must be kept for a restore.
    pub fn backup_interval_days(&self) -> u16 {
        self.0.config.backup_interval_days
    }

    /// Returns the installation that the broker belongs to. If it belongs to none, it belongs to `fresh` from now on.
    ///
    /// # Errors
    /// Returns an error if the server does not answer.
    pub async fn installation(&self, fresh: &str) -> Result<String, BusError> {
        crate::mark::installation_of(&self.0.connected.jetstream, self.0.config.replicas, fresh).await
    }

    /// Keeps the lag metric of a consumer up to date while it is polled. A lag that cannot be measured is absent.
    pub async fn watch_lag(self, feed: StreamName, durable: &'static str) {
        loop {
            tokio::time::sleep(LOOK_AT_LAG_EVERY).await;
            if let Err(error) = self.lag(feed, durable).await {
                tracing::debug!(durable, error = chain(&error), "could not read the lag");
            }
        }
    }

    /// Returns the configuration of the connection.
    pub(crate) fn config(&self) -> &BusConfig {
        &self.0.config
    }

    /// Returns the NATS client.
    pub(crate) fn client(&self) -> &async_nats::Client {
        &self.0.connected.client
    }

    /// Returns the JetStream context.
    pub(crate) fn jetstream(&self) -> &async_nats::jetstream::Context {
        &self.0.connected.jetstream
    }

    /// Returns the time for which every attempt to store a message in `stream` has failed.
    pub(crate) fn failing_for(&self, stream: &str) -> Option<Duration> {
        self.0.publishers.get(stream)?.failing_for()
    }

    /// Returns the name of the stream that stores events about `key`.
    pub fn event_stream(&self, key: &str) -> String {
        let shards = self.0.config.event_shards;
        StreamName::Events.streams(shards).swap_remove(usize::from(crate::feed::shard_of(key, shards)))
    }

    /// Returns the number of bytes that all event streams may hold together.
    pub fn events_bytes_max(&self) -> u64 {
        let each = u64::try_from(self.0.config.max_bytes.events).unwrap_or(0);
        each * u64::from(self.0.config.event_shards)
    }

    /// Returns the maximum size of a message in bytes, as the broker reports it.
    pub fn message_bytes_max(&self) -> usize {
        self.0.connected.client.max_payload()
    }

    /// Returns whether there is a connection now.
    pub fn connected(&self) -> bool {
        self.0.connected.link.is_up()
    }
}
