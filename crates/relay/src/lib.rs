//! The way from a committed transaction to the bus: what a transaction decided to publish lies in its outbox rows until
//! JetStream has it, so a crash in between delays messages and never loses them.
//!
//! Commands and facts lie in rows of their own and are published by sweeps of their own, the most urgent lane first: a
//! full JOURNAL keeps no command back. What the broker can never take is set aside ([`OutboxPublisher::set_aside`]): listed with its
//! cause, counted, and in nothing's way. While JOURNAL is full, facts wait up to a bound; beyond it the oldest are
//! dropped, and how many is kept in a row of its own.
//!
//! Publishing twice is possible and harmless: message ids and consumers are idempotent. Nothing here knows what the
//! messages say. To use it in another service: create its outbox in a migration, [`store_batch`] within the transaction,
//! [`OutboxPublisher::send`] after the commit, and let [`OutboxPublisher::run`] look after what was left behind. A service that may answer only
//! when JetStream has it uses [`pack_for`] and [`OutboxPublisher::deliver`] instead.

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
use telemetry::ReadinessLatch;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;

use outcome::RowOutcome;
use parcel::RowMessages;
pub use parcel::{OutboxBatch, left_of, pack_for, store_batch};
pub use report::UnpublishedMessage;

/// A row this old is not about to be published by another replica.
const STALE_AFTER: time::Duration = time::Duration::seconds(30);
/// Between two sweeps, and between two looks at how much waits.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// The same while something is known to wait.
const SWEEP_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How many parcels are being published at once; beyond it, committing waits.
const PARCELS_MAX: usize = 16;
/// How many bytes of facts wait for JOURNAL at most.
const FACTS_BYTES_MAX: i64 = 256 << 20;

/// What came of giving up a message.
#[derive(Debug)]
pub enum DiscardedMessage {
    /// It is given up; this is what is left.
    Done(lifecycle::OutboxReply),
    /// No such message is set aside.
    NotFound,
    /// It takes access away: it stays until it gets through.
    TakesAccessAway,
}

/// Publishes parcels in the background.
#[derive(Debug, Clone)]
pub struct OutboxPublisher {
    service: &'static str,
    store: Store,
    bus: Bus,
    slots: Arc<Semaphore>,
    published: Arc<Mutex<Vec<String>>>,
    /// Rows that are being published by this process.
    under_way: Arc<Locked<HashSet<String>>>,
    /// Something could not be published: look again soon.
    is_behind: Arc<AtomicBool>,
    facts_bytes_max: i64,
}

impl OutboxPublisher {
    /// For the outbox of `service`.
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

    /// Publishes a committed parcel; waits only while too many are under way.
    pub async fn send(&self, parcel: Option<OutboxBatch>) {
        let Some(parcel) = parcel else { return };
        let slot = Arc::clone(&self.slots).acquire_owned().await.expect("the semaphore is never closed");
        let relay = self.clone();
        // From now on: a sweep that comes before the task must not publish the rows as well.
        for batch in &parcel.batches {
            self.under_way().insert(batch.id.clone());
        }
        tokio::spawn(async move {
            let sent = parcel.batches.into_iter().map(|batch| relay.publish(batch));
            futures_util::future::join_all(sent).await;
            drop(slot);
        });
    }

    /// Publishes committed parcels and waits until JetStream has all of them.
    ///
    /// # Errors
    /// When one message is not known to be stored. The rows stay, and are published again later.
    pub async fn deliver(&self, parcels: Vec<OutboxBatch>) -> Result<(), PublishError> {
        let batches = parcels.into_iter().flat_map(|parcel| parcel.batches).map(|batch| self.publish(batch));
        for outcome in futures_util::future::join_all(batches).await {
            if let RowOutcome::Left(error) | RowOutcome::SetAside(error) = outcome {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Publishes the messages of one row, and keeps in the row exactly what is still to be published.
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

    /// How long a message may be, as the broker says.
    pub fn message_bytes_max(&self) -> usize {
        self.bus.message_bytes_max()
    }

    /// Ids of rows whose messages are published: to be deleted by the next transaction.
    pub async fn take_published(&self) -> Vec<String> {
        std::mem::take(&mut *self.published.lock().await)
    }

    /// Publishes rows that a crash or an outage left behind, now and again, and deletes what is published, until
    /// `stop`; then waits for what is under way. `latch` is closed while commands have waited for too long.
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
                tracing::warn!(error = &error as &dyn std::error::Error, "could not work through the outbox");
            }
            if measured.elapsed() >= SWEEP_EVERY || is_behind {
                measured = tokio::time::Instant::now();
                self.measure(&latch).await;
            }
        }
        let _all_parcels = self.slots.acquire_many(u32::try_from(PARCELS_MAX).expect("a small number")).await;
        if let Err(error) = self.delete_published().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "could not clear the outbox");
        }
    }

    /// Publishes what the process before this one left behind, all of it unless the broker refuses more. Call it before
    /// taking work, so that nothing older is still to be published when the service calls itself ready.
    ///
    /// # Errors
    /// As the database reports them.
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
