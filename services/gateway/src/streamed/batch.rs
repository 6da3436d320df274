//! Events on their way from a reader, which blocks, to the broker, which is awaited.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use crate::limits::json_bytes;
use crate::received::ReceivedEvent;

/// Events that are stored together, as one group.
pub(crate) const BATCH_MAX: usize = 1_000;
/// How long the events of a batch may be together, as they are stored; the last one may exceed it.
pub(crate) const BATCH_BYTES_MAX: usize = 4 << 20;
/// Batches that wait to be stored, besides the one that is being made and the one that is being stored.
pub(crate) const BATCHES_WAITING_MAX: usize = 1;

/// Events that are stored together; counted until it is dropped.
pub(crate) struct EventBatch {
    pub(crate) events: Vec<ReceivedEvent>,
    bytes: usize,
    counted: usize,
    buffered: Arc<BufferedEvents>,
}

impl Drop for EventBatch {
    fn drop(&mut self) {
        self.buffered.events.sub(self.counted);
        self.buffered.bytes.sub(self.bytes);
    }
}

/// How much is in memory.
#[derive(Debug, Default)]
pub(crate) struct BufferedEvents {
    events: BufferGauge,
    bytes: BufferGauge,
}

impl BufferedEvents {
    /// Most events at the same time.
    pub(crate) fn events_max(&self) -> usize {
        self.events.max.load(Ordering::Relaxed)
    }

    /// Most bytes of events, as they are stored, at the same time.
    #[cfg(test)]
    pub(crate) fn bytes_max(&self) -> usize {
        self.bytes.max.load(Ordering::Relaxed)
    }
}

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

/// Nobody takes what is read any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReceiverGone;

/// Puts events into batches and hands them over; blocks while too many wait.
pub(crate) struct BatchWriter {
    current: EventBatch,
    full: mpsc::Sender<EventBatch>,
    buffered: Arc<BufferedEvents>,
}

impl BatchWriter {
    /// Both ends.
    pub(crate) fn new(buffered: Arc<BufferedEvents>) -> (Self, mpsc::Receiver<EventBatch>) {
        let (full, incoming) = mpsc::channel(BATCHES_WAITING_MAX);
        (Self { current: empty_batch(&buffered), full, buffered }, incoming)
    }

    /// Adds one event.
    ///
    /// # Errors
    /// When nobody takes batches any more.
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

    /// Hands over what there is.
    ///
    /// # Errors
    /// When nobody takes batches any more.
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
