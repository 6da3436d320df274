//! Group commit: one task for each stream collects the messages of concurrent callers and commits them together.

mod attempt;
mod room;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::connect::BrokerConnection;
use crate::link::{BrokerLink, reconnect_delays};
use crate::outgoing::WireMessage;
use crate::{BusConfig, PublishError, StreamName};
use attempt::{PublishAttempt, StreamSender};
use room::StreamRoom;

/// The minimum size of an atomic batch. Fewer messages are sent one by one: an atomic batch costs 10-25 ms regardless of its size.
const ATOMIC_MESSAGES_MIN: usize = 32;
/// The server's limit for the number of messages in an atomic batch.
const ATOMIC_MESSAGES_MAX: usize = 1_000;
/// The limit for the number of bytes that one commit keeps in flight.
const ATOMIC_BYTES_MAX: usize = 4 << 20;
/// The number of single messages in flight. Unreplicated streams sync each message separately, so more in flight only adds latency.
const IN_FLIGHT_MAX: usize = 64;

/// The place at which a message is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedMessage {
    /// The sequence in the stream (for a duplicate: the sequence of the first message).
    pub sequence: u64,
    /// `true` if an earlier call had stored the message.
    pub duplicate: bool,
}

/// A message that waits to be committed.
#[derive(Debug)]
pub(crate) struct WaitingMessage {
    message: WireMessage,
    is_departure: bool,
    deadline: Instant,
    /// `true` if an earlier attempt of this publisher may have stored the message.
    may_be_stored: bool,
    answer: oneshot::Sender<Result<PublishedMessage, PublishError>>,
}

impl WaitingMessage {
    pub(crate) fn new(
        message: WireMessage,
        is_departure: bool,
        deadline: Instant,
    ) -> (Self, oneshot::Receiver<Result<PublishedMessage, PublishError>>) {
        let (answer, receiver) = oneshot::channel();
        (Self { message, is_departure, deadline, may_be_stored: false, answer }, receiver)
    }
}

/// The callers' side of a stream's publisher. The task ends when this value is dropped.
#[derive(Debug)]
pub(crate) struct StreamPublisher {
    stream: String,
    queue: mpsc::UnboundedSender<Vec<WaitingMessage>>,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
    room: Arc<StreamRoom>,
}

impl StreamPublisher {
    /// Starts the task for `stream`, a stream of `feed`.
    pub(crate) fn start(
        feed: StreamName,
        stream: &str,
        connected: &BrokerConnection,
        config: &BusConfig,
    ) -> Self {
        let BrokerConnection { client, jetstream, link } = connected;
        let (queue, arrivals) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let sender = StreamSender::new(stream.to_owned(), client.clone(), config.publish_timeout());
        let room = Arc::new(StreamRoom::new(stream, feed.reserves_room(), client.clone(), jetstream.clone()));
        let (waits, links) = (waiting.clone(), link.clone());
        let task = PublisherTask { arrivals, waiting: waits, link: links, sender, room: Arc::clone(&room) };
        tokio::spawn(task.run());
        Self { stream: stream.to_owned(), queue, waiting, waiting_max: config.queue_max, room }
    }

    /// Returns the time for which every attempt to store a message has failed.
    pub(crate) fn failing_for(&self) -> Option<Duration> {
        self.room.failing_for()
    }

    /// Queues all messages of one call, or none. A call may bring any number of messages if no others are waiting.
    pub(crate) fn enqueue(&self, group: Vec<WaitingMessage>) -> Result<(), PublishError> {
        let before = self.waiting.fetch_add(group.len(), Ordering::Relaxed);
        if before > 0 && before + group.len() > self.waiting_max {
            self.waiting.fetch_sub(group.len(), Ordering::Relaxed);
            return Err(PublishError::Overloaded { stream: self.stream.clone(), waiting: before });
        }
        self.queue.send(group).map_err(|_| PublishError::Stopped)
    }
}

/// The task that commits the messages of one stream.
struct PublisherTask {
    arrivals: mpsc::UnboundedReceiver<Vec<WaitingMessage>>,
    waiting: Arc<AtomicUsize>,
    link: BrokerLink,
    sender: StreamSender,
    room: Arc<StreamRoom>,
}

impl PublisherTask {
    async fn run(mut self) {
        let mut queue: VecDeque<WaitingMessage> = VecDeque::new();
        loop {
            if queue.is_empty() {
                match self.arrivals.recv().await {
                    Some(group) => queue.extend(group),
                    None => return,
                }
            }
            while let Ok(group) = self.arrivals.try_recv() {
                queue.extend(group);
            }
            let batch = take_batch(&mut queue);
            telemetry::metrics::publish_batch(self.sender.stream(), batch.len());
            self.commit(batch).await;
        }
    }

    async fn commit(&self, batch: Vec<WaitingMessage>) {
        let batch = self.with_room(batch).await;
        let batch =
            if batch.len() < ATOMIC_MESSAGES_MIN { batch } else { self.commit_atomically(batch).await };
        stream::iter(batch).for_each_concurrent(IN_FLIGHT_MAX, |waiting| self.commit_one(waiting)).await;
    }

    /// Returns the messages that fit into the stream and refuses the rest. Reserved room is used only for departures.
    async fn with_room(&self, batch: Vec<WaitingMessage>) -> Vec<WaitingMessage> {
        let others = batch.iter().filter(|waiting| !waiting.is_departure);
        let bytes: usize = others.map(|waiting| waiting.message.size()).sum();
        if bytes == 0 || self.room.has(bytes).await {
            return batch;
        }
        let mut free = self.room.free_for_others();
        let mut kept = Vec::new();
        for waiting in batch {
            let size = waiting.message.size() as u64;
            if waiting.is_departure {
                kept.push(waiting);
            } else if size <= free {
                free -= size;
                kept.push(waiting);
            } else {
                self.answer(waiting, Err(PublishError::Full { stream: self.sender.stream().to_owned() }));
            }
        }
        kept
    }

    /// Commits all of `batch` or nothing. Returns the messages that must be sent one by one: the batch was refused
    /// (some messages are duplicates, or not all fit), or its outcome is unknown.
    async fn commit_atomically(&self, mut batch: Vec<WaitingMessage>) -> Vec<WaitingMessage> {
        let Some(deadline) = batch.iter().map(|waiting| waiting.deadline).min() else { return batch };
        if !self.link.up_by(deadline).await {
            return batch;
        }
        let messages = batch.iter().map(|waiting| &waiting.message);
        match self.sender.send_batch(messages, deadline, &self.link).await {
            PublishAttempt::Stored { sequence: last, .. } => {
                let first = (last + 1).saturating_sub(batch.len() as u64);
                for (sequence, waiting) in (first..).zip(batch) {
                    self.answer(waiting, Ok(PublishedMessage { sequence, duplicate: false }));
                }
                return Vec::new();
            }
            PublishAttempt::Unknown => batch.iter_mut().for_each(|waiting| waiting.may_be_stored = true),
            PublishAttempt::Refused(_) | PublishAttempt::Unavailable => {}
        }
        batch
    }

    /// Sends one message until there is an answer or its deadline has passed.
    async fn commit_one(&self, mut waiting: WaitingMessage) {
        let mut delays = reconnect_delays();
        let result = loop {
            if !self.link.up_by(waiting.deadline).await || Instant::now() >= waiting.deadline {
                break Err(PublishError::Timeout { may_be_stored: waiting.may_be_stored });
            }
            match self.sender.send(&waiting.message, waiting.deadline, &self.link).await {
                PublishAttempt::Stored { sequence, duplicate } => {
                    let duplicate = duplicate && !waiting.may_be_stored;
                    break Ok(PublishedMessage { sequence, duplicate });
                }
                PublishAttempt::Refused(PublishError::Full { .. }) if self.room.may_come().await => {}
                PublishAttempt::Refused(error) => break Err(error),
                PublishAttempt::Unknown => {
                    waiting.may_be_stored = true;
                    self.room.note_failure();
                }
                PublishAttempt::Unavailable => self.room.note_failure(),
            }
            let pause_until = (Instant::now() + delays.next_delay()).min(waiting.deadline);
            tokio::time::sleep_until(pause_until).await;
        };
        self.answer(waiting, result);
    }

    fn answer(&self, waiting: WaitingMessage, result: Result<PublishedMessage, PublishError>) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        if result.is_ok() {
            self.room.note_stored(waiting.message.size());
        }
        // The receiver is gone if the caller has stopped waiting. The message is stored all the same.
        let _ = waiting.answer.send(result);
    }
}

/// Takes the messages that fit into one atomic batch from the front; at least one message.
fn take_batch(queue: &mut VecDeque<WaitingMessage>) -> Vec<WaitingMessage> {
    let mut bytes = 0;
    let mut count = 0;
    for waiting in queue.iter().take(ATOMIC_MESSAGES_MAX) {
        bytes += waiting.message.size();
        if count > 0 && bytes > ATOMIC_BYTES_MAX {
            break;
        }
        count += 1;
    }
    queue.drain(..count).collect()
}
