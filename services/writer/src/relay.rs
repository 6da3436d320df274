//! Publishes what transactions left in the outbox, and removes it when the bus has it.

use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, Outgoing};
use store::{Store, StoreError, outbox};
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::facts::{Parcel, SERVICE};
use crate::now;

/// A row this old belongs to nobody who is still about to publish it.
const STALE_AFTER: time::Duration = time::Duration::seconds(30);
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How many parcels are being published at once; beyond it, committing waits.
const PARCELS_MAX: usize = 16;

/// Publishes parcels in the background.
#[derive(Debug, Clone)]
pub(crate) struct Relay {
    store: Store,
    bus: Bus,
    slots: Arc<Semaphore>,
    published: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    pub(crate) fn new(store: Store, bus: Bus) -> Self {
        Self { store, bus, slots: Arc::new(Semaphore::new(PARCELS_MAX)), published: Arc::default() }
    }

    /// Publishes a committed parcel; waits only while too many are under way.
    pub(crate) async fn send(&self, parcel: Option<Parcel>) {
        let Some(parcel) = parcel else { return };
        let slot = Arc::clone(&self.slots).acquire_owned().await.expect("the semaphore is never closed");
        let relay = self.clone();
        tokio::spawn(async move {
            relay.publish(parcel.id, parcel.messages).await;
            drop(slot);
        });
    }

    async fn publish(&self, id: String, messages: Vec<Outgoing>) {
        let failed = self.bus.publish(messages).await.into_iter().filter_map(Result::err).next();
        match failed {
            None => self.published.lock().await.push(id),
            // The row stays and is published again.
            Some(error) => tracing::warn!(outbox_row = %id, error = %error, "could not publish facts yet"),
        }
    }

    /// Ids of rows whose messages are published: to be deleted by the next transaction.
    pub(crate) async fn take_published(&self) -> Vec<String> {
        std::mem::take(&mut *self.published.lock().await)
    }

    /// Publishes rows that a crash or an outage left behind, at once and then now and again, and deletes what is
    /// published, until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut older_than = time::Duration::ZERO;
        loop {
            if let Err(error) = self.sweep(older_than).await {
                tracing::warn!(error = %error, "could not work through the outbox");
            }
            older_than = STALE_AFTER;
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        let _all_parcels = self.slots.acquire_many(u32::try_from(PARCELS_MAX).expect("a small number")).await;
        if let Err(error) = self.delete_published().await {
            tracing::warn!(error = %error, "could not clear the outbox");
        }
    }

    async fn sweep(&self, older_than: time::Duration) -> Result<(), StoreError> {
        for (id, json) in outbox::stale(self.store.reader(), SERVICE, now() - older_than).await? {
            match serde_json::from_str::<Vec<Outgoing>>(&json) {
                Ok(messages) => self.publish(id, messages).await,
                Err(error) => tracing::error!(outbox_row = %id, error = %error, "cannot read an outbox row"),
            }
        }
        self.delete_published().await
    }

    async fn delete_published(&self) -> Result<(), StoreError> {
        let ids = self.take_published().await;
        if ids.is_empty() {
            return Ok(());
        }
        let tx = self.store.begin().await?;
        outbox::delete(&tx, SERVICE, &ids).await?;
        tx.commit().await.map_err(StoreError::statement("clear the outbox"))
    }
}
