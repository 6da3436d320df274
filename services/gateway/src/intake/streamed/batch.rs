//! Passes events in batches from a blocking reader to the asynchronous publisher.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use crate::intake::limits::json_bytes;
use crate::intake::received::ReceivedEvent;

/// The maximum number of events that are stored together.
pub(crate) const BATCH_MAX: usize = 1_000;
/// The maximum length of a batch's events as they are stored, in bytes. The last event may exceed it.
pub(crate) const BATCH_BYTES_MAX: usize = 4 << 20;
/// The maximum number of batches that wait to be stored, in addition to the one that is being filled and the one that is being stored.
pub(crate) const BATCHES_WAITING_MAX: usize = 1;

/// Events that are stored together. They count as buffered until the batch is dropped.
pub(crate) struct EventBatch {
    pub(crate) events: Vec<ReceivedEvent>,
    /// The length of its events as they are stored, in bytes.
    bytes: usize,
    /// The number of its events. It stays after the events are taken out.
    counted: usize,
    buffered: Arc<BufferedEvents>,
}

impl Drop for EventBatch {
    fn drop(&mut self) {
        self.buffered.events.sub(self.counted);
        self.buffered.bytes.sub(self.bytes);
    }
}

/// The number of buffered events and bytes.
#[derive(Debug, Default)]
pub(crate) struct BufferedEvents {
    events: BufferGauge,
    bytes: BufferGauge,
}

impl BufferedEvents {
    /// Returns the maximum number of events that were buffered at the same time.
    pub(crate) fn events_max(&self) -> usize {
        self.events.max.load(Ordering::Relaxed)
    }

    /// Returns the maximum number of buffered bytes of events as they are stored.
    #[cfg(test)]
    pub(crate) fn bytes_max(&self) -> usize {
        self.bytes.max.load(Ordering::Relaxed)
    }
}

/// The current and the maximum value of an amount.
#[derive(Debug, Default)]
struct BufferGauge {
    now: AtomicUsize,
    max: AtomicUsize,
}

impl BufferGauge {
    fn add(&self, amount: usize) {
        let now = self.now.fetch_add(amount, Ordering::Relaxed) + amount;
        self.max.fetch_max(now, Ordering::Relaxed);
    }

    fn sub(&self, amount: usize) {
        self.now.fetch_sub(amount, Ordering::Relaxed);
    }
}

/// The error that the receiver of the batches is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReceiverGone;

/// Collects events into batches and sends them; blocks while too many batches wait.
pub(crate) struct BatchWriter {
    /// The batch that is being filled.
    current: EventBatch,
    full: mpsc::Sender<EventBatch>,
    buffered: Arc<BufferedEvents>,
}

impl BatchWriter {
    /// Creates both ends.
    pub(crate) fn new(buffered: Arc<BufferedEvents>) -> (Self, mpsc::Receiver<EventBatch>) {
        let (full, incoming) = mpsc::channel(BATCHES_WAITING_MAX);
        (Self { current: empty_batch(&buffered), full, buffered }, incoming)
    }

    /// Adds one event, and sends the batch if it is full.
    ///
    /// # Errors
    /// Returns an error if the receiver is gone.
    pub(crate) fn push(&mut self, received: ReceivedEvent) -> Result<(), ReceiverGone> {
        let bytes = json_bytes(&received.event);
        self.buffered.events.add(1);
        self.buffered.bytes.add(bytes);
        self.current.counted += 1;
        self.current.bytes += bytes;
        self.current.events.push(received);
        let is_full = self.current.counted >= BATCH_MAX || self.current.bytes >= BATCH_BYTES_MAX;
        if is_full { self.flush() } else { Ok(()) }
    }

    /// Sends the events that are collected so far.
    ///
    /// # Errors
    /// Returns an error if the receiver is gone.
    pub(crate) fn flush(&mut self) -> Result<(), ReceiverGone> {
        if self.current.counted == 0 {
            return Ok(());
        }
        let batch = std::mem::replace(&mut self.current, empty_batch(&self.buffered));
        self.full.blocking_send(batch).map_err(|_| ReceiverGone)
    }
}

fn empty_batch(buffered: &Arc<BufferedEvents>) -> EventBatch {
    EventBatch { events: Vec::new(), bytes: 0, counted: 0, buffered: Arc::clone(buffered) }
}
