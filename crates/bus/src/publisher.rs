//! Group commit: one task for each stream collects what concurrent callers bring and commits it together.

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
use crate::link::{BrokerLink, ReconnectBackoff};
use crate::outgoing::WireMessage;
use crate::{BusConfig, PublishError, StreamName};
use attempt::{PublishAttempt, StreamSender};
use room::StreamRoom;

/// Fewer messages than this are sent one by one: an atomic batch costs 10-25 ms whatever its size.
const ATOMIC_MESSAGES_MIN: usize = 32;
/// The server's limit for an atomic batch.
const ATOMIC_MESSAGES_MAX: usize = 1_000;
/// Bounds what one commit keeps in flight.
const ATOMIC_BYTES_MAX: usize = 4 << 20;
/// Unreplicated streams sync each message on its own: more in flight only adds to the latency.
const IN_FLIGHT_MAX: usize = 64;

/// Where a message is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedMessage {
    /// Its sequence in the stream (for a duplicate: that of the first).
    pub sequence: u64,
    /// Whether it had been stored before, by another call.
    pub duplicate: bool,
}

/// A message that waits to be committed.
#[derive(Debug)]
pub(crate) struct WaitingMessage {
    message: WireMessage,
    is_departure: bool,
    deadline: Instant,
    /// An earlier try of ours may have stored it.
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

/// The callers' side of a stream's publisher. The task ends when this is dropped.
#[derive(Debug)]
pub(crate) struct StreamPublisher {
    stream: String,
    queue: mpsc::UnboundedSender<Vec<WaitingMessage>>,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
    room: Arc<StreamRoom>,
}

impl StreamPublisher {
    /// Starts the task for `stream`, which is of `feed`.
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

    /// For how long nothing could be stored although it was tried.
    pub(crate) fn failing_for(&self) -> Option<Duration> {
        self.room.failing_for()
    }

    /// Queues the messages of one call, all or none. A call that finds nobody waiting may bring any number.
    pub(crate) fn enqueue(&self, group: Vec<WaitingMessage>) -> Result<(), PublishError> {
        let before = self.waiting.fetch_add(group.len(), Ordering::Relaxed);
        if before > 0 && before + group.len() > self.waiting_max {
            self.waiting.fetch_sub(group.len(), Ordering::Relaxed);
            return Err(PublishError::Overloaded { stream: self.stream.clone(), waiting: before });
        }
        self.queue.send(group).map_err(|_| PublishError::Stopped)
    }
}

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

    /// What there is room for; the rest is refused. What is kept for departures is for departures.
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

    /// Commits all of `batch` or nothing; returns what has to be sent one by one because it was refused (then some
    /// are duplicates, or there is not room for all) or because nobody knows.
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

    /// Sends one message until there is an answer or its time is over.
    async fn commit_one(&self, mut waiting: WaitingMessage) {
        let mut pauses = ReconnectBackoff::default();
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
            let pause_until = (Instant::now() + pauses.next()).min(waiting.deadline);
            tokio::time::sleep_until(pause_until).await;
        };
        self.answer(waiting, result);
    }

    fn answer(&self, waiting: WaitingMessage, result: Result<PublishedMessage, PublishError>) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        if result.is_ok() {
            self.room.note_stored(waiting.message.size());
        }
        // Nobody listens when the caller has gone; the message is stored all the same.
        let _ = waiting.answer.send(result);
    }
}

/// Takes what fits into one atomic batch from the front; at least one message.
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
