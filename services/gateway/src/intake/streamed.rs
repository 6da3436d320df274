//! Streams input that does not fit into memory: a body becomes a reader, the reader's output becomes batches of events, and the
//! batches go to the broker one after the other. Each stage has a bounded buffer in front of it, so that the sender waits for the
//! storage.

mod batch;
pub(crate) mod pipe;
mod repeated;
mod sink;

#[cfg(test)]
pub(crate) use batch::{BATCH_BYTES_MAX, BATCH_MAX, BATCHES_WAITING_MAX};
pub(crate) use batch::{BatchWriter, BufferedEvents, ReceiverGone};
#[cfg(test)]
pub(crate) use sink::StoredBatch;
pub(crate) use sink::{BatchSink, ToBroker};
