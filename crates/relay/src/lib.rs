//! The path from a committed transaction to the bus. The messages that a transaction must publish stay in its outbox
//! rows until JetStream has stored them, so a crash in between delays messages but never loses them.
//!
//! Commands and facts are in separate rows and are published by separate sweeps, the most urgent lane first: a full
//! JOURNAL does not delay commands. Messages that the broker can never accept are set aside
//! ([`OutboxPublisher::set_aside`]): they are listed with their cause, counted, and block nothing. While JOURNAL is
//! full, facts wait up to a bound. Beyond it the oldest are dropped, and a separate row keeps their number.
//!
//! A message can be published twice, which is harmless: message ids and consumers are idempotent. This crate does not know the meaning of
//! the messages. To use it in another service: create its outbox in a migration, call [`store_batch`] within the transaction and
//! [`OutboxPublisher::send`] after the commit, and let [`OutboxPublisher::run`] publish the rows that were left behind. A service that may
//! answer only after JetStream has the messages uses [`pack_for`] and [`OutboxPublisher::deliver`] instead.

mod loss;
mod outcome;
mod parcel;
mod report;
mod sweep;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as Locked, PoisonError};
use std::time::Duration;

use bus::{Bus, PublishError};
use store::{Store, StoreError, outbox};
use telemetry::{ReadinessLatch, chain};
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;

use outcome::RowOutcome;
use parcel::RowMessages;
pub use parcel::{OutboxBatch, left_of, pack_for, store_batch};
pub use report::UnpublishedMessage;

/// The age above which no other replica is expected to be publishing a row.
const STALE_AFTER: time::Duration = time::Duration::seconds(30);
/// The interval between two sweeps, and between two measurements of the backlog.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// The interval between two sweeps while rows are known to wait.
const SWEEP_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The maximum number of outbox batches that are published at once. Beyond it, commits wait.
const PARCELS_MAX: usize = 16;
/// The maximum size of the facts that wait for JOURNAL, in bytes.
const FACTS_BYTES_MAX: i64 = 256 << 20;

/// The result of discarding a message.
#[derive(Debug)]
pub enum DiscardedMessage {
    /// The message is discarded; the value is the remaining outbox.
    Done(lifecycle::OutboxReply),
    /// No such message is set aside.
    NotFound,
    /// The message removes access, so it stays until it is published.
    TakesAccessAway,
}

/// The outbox publisher: publishes outbox batches in the background.
#[derive(Debug, Clone)]
pub struct OutboxPublisher {
    service: &'static str,
    store: Store,
    bus: Bus,
    slots: Arc<Semaphore>,
    published: Arc<Mutex<Vec<String>>>,
    /// The ids of the rows that this process is publishing.
    under_way: Arc<Locked<HashSet<String>>>,
    /// `true` if a message could not be published, so that the next sweep starts soon.
    is_behind: Arc<AtomicBool>,
    facts_bytes_max: i64,
}

impl OutboxPublisher {
    /// Returns a publisher for the outbox of `service`.
    pub fn new(service: &'static str, store: Store, bus: Bus) -> Self {
        Self {
            service,
            store,
            bus,
            slots: Arc::new(Semaphore::new(PARCELS_MAX)),
            published: Arc::default(),
            under_way: Arc::default(),
            is_behind: Arc::default(),
            facts_bytes_max: FACTS_BYTES_MAX,
        }
    }

    /// Publishes a committed outbox batch. Waits only while too many batches are being published.
    pub async fn send(&self, parcel: Option<OutboxBatch>) {
        let Some(parcel) = parcel else { return };
        let slot = Arc::clone(&self.slots).acquire_owned().await.expect("the semaphore is never closed");
        let relay = self.clone();
        // Mark the rows now: a sweep that starts before the task must not publish them as well.
        for batch in &parcel.batches {
            self.under_way().insert(batch.id.clone());
        }
        tokio::spawn(async move {
            let sent = parcel.batches.into_iter().map(|batch| relay.publish(batch));
            futures_util::future::join_all(sent).await;
            drop(slot);
        });
    }

    /// Publishes committed outbox batches and waits until JetStream has stored all of them.
    ///
    /// # Errors
    /// Returns an error if one message is not known to be stored. The rows stay and are published again later.
    pub async fn deliver(&self, parcels: Vec<OutboxBatch>) -> Result<(), PublishError> {
        let batches = parcels.into_iter().flat_map(|parcel| parcel.batches).map(|batch| self.publish(batch));
        for outcome in futures_util::future::join_all(batches).await {
            if let RowOutcome::Left(error) | RowOutcome::SetAside(error) = outcome {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Publishes the messages of one row. Keeps in the row exactly the messages that must still be published.
    async fn publish(&self, batch: RowMessages) -> RowOutcome {
        let RowMessages { id, lane, messages } = batch;
        self.under_way().insert(id.clone());
        let results = self.bus.publish(messages).await;
        let outcome = self.settle(&id, lane, &results).await;
        self.under_way().remove(&id);
        if matches!(outcome, RowOutcome::Left(_)) {
            self.is_behind.store(true, Ordering::Relaxed);
        }
        outcome
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the maximum size of a message in bytes, as the broker reports it.
    pub fn message_bytes_max(&self) -> usize {
        self.bus.message_bytes_max()
    }

    /// Takes the ids of the rows whose messages are published. The next transaction must delete the rows.
    pub async fn take_published(&self) -> Vec<String> {
        std::mem::take(&mut *self.published.lock().await)
    }

    /// Publishes rows that a crash or an outage left behind, at intervals, and deletes published rows, until `stop`.
    /// Then waits for batches that are being published. `latch` is closed while commands have waited for too long.
    pub async fn run(self, latch: ReadinessLatch, stop: CancellationToken) {
        let mut measured = tokio::time::Instant::now();
        self.measure(&latch).await;
        loop {
            let is_behind = self.is_behind.swap(false, Ordering::Relaxed);
            let pause = if is_behind { SWEEP_AGAIN_AFTER } else { SWEEP_EVERY };
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
            let older_than = if is_behind { time::Duration::ZERO } else { STALE_AFTER };
            if let Err(error) = self.sweep(older_than).await {
                self.is_behind.store(true, Ordering::Relaxed);
                tracing::warn!(error = chain(&error), "could not work through the outbox");
            }
            if measured.elapsed() >= SWEEP_EVERY || is_behind {
                measured = tokio::time::Instant::now();
                self.measure(&latch).await;
            }
        }
        let _all_parcels = self.slots.acquire_many(u32::try_from(PARCELS_MAX).expect("a small number")).await;
        if let Err(error) = self.delete_published().await {
            tracing::warn!(error = chain(&error), "could not clear the outbox");
        }
    }

    /// Publishes the rows that the previous process left behind: all of them, unless the broker refuses more. Call it before the service
    /// takes work, so that no older message is unpublished when the service reports that it is ready.
    ///
    /// # Errors
    /// Returns the error that the database reports.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        self.sweep(time::Duration::ZERO).await
    }

    async fn delete_published(&self) -> Result<(), StoreError> {
        let ids = self.take_published().await;
        if ids.is_empty() {
            return Ok(());
        }
        let tx = self.store.begin().await?;
        outbox::delete_rows(&tx, self.service, &ids).await?;
        tx.commit().await.map_err(StoreError::statement("clear the outbox"))
    }
}
