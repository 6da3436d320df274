//! The way from a committed transaction to the bus: what a transaction decided to publish lies in its outbox row until
//! JetStream has it, so a crash in between delays messages and never loses them.
//!
//! Publishing twice is possible and harmless: message ids and consumers are idempotent. Nothing here knows what the
//! messages say. To use it in another service: create its outbox in a migration, [`pack`] within the transaction,
//! [`Relay::send`] after the commit, and let [`Relay::run`] look after what was left behind. A service that may answer only
//! when JetStream has it uses [`pack_for`] and [`Relay::deliver`] instead.

use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, Outgoing, PublishError};
use sea_orm::DatabaseTransaction;
use store::{Store, StoreError, outbox};
use time::OffsetDateTime;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;

/// Messages of one committed transaction, and the outbox row that holds them until they are published.
#[derive(Debug)]
pub struct Parcel {
    id: String,
    messages: Vec<Outgoing>,
}

/// Stores `messages` in the outbox of `service` within `tx`; the parcel is to be sent after the commit. Nothing to say
/// needs no row.
///
/// # Errors
/// As the database reports them.
pub async fn pack(
    tx: &DatabaseTransaction,
    service: &str,
    messages: Vec<Outgoing>,
) -> Result<Option<Parcel>, StoreError> {
    put(tx, service, uuid::Uuid::now_v7().to_string(), messages).await
}

/// As [`pack`]; the row bears the name of its `subject`, so that [`left_of`] finds it.
///
/// # Errors
/// As the database reports them.
pub async fn pack_for(
    tx: &DatabaseTransaction,
    service: &str,
    subject: &str,
    messages: Vec<Outgoing>,
) -> Result<Option<Parcel>, StoreError> {
    put(tx, service, format!("{subject}/{}", uuid::Uuid::now_v7()), messages).await
}

/// What is not known to be published yet of `subject`.
///
/// # Errors
/// As the database reports them.
pub async fn left_of(
    connection: &impl sea_orm::ConnectionTrait,
    service: &str,
    subject: &str,
) -> Result<Vec<Parcel>, StoreError> {
    let rows = outbox::of_subject(connection, service, subject).await?;
    Ok(rows.into_iter().filter_map(|(id, json)| read(id, &json)).collect())
}

fn read(id: String, json: &str) -> Option<Parcel> {
    match serde_json::from_str(json) {
        Ok(messages) => Some(Parcel { id, messages }),
        Err(error) => {
            tracing::error!(outbox_row = %id, error = %error, "cannot read an outbox row");
            None
        }
    }
}

async fn put(
    tx: &DatabaseTransaction,
    service: &str,
    id: String,
    messages: Vec<Outgoing>,
) -> Result<Option<Parcel>, StoreError> {
    if messages.is_empty() {
        return Ok(None);
    }
    let json = serde_json::to_string(&messages).expect("messages are plain data");
    outbox::put(tx, service, &id, OffsetDateTime::now_utc(), json).await?;
    Ok(Some(Parcel { id, messages }))
}

/// A row this old belongs to nobody who is still about to publish it.
const STALE_AFTER: time::Duration = time::Duration::seconds(30);
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How many parcels are being published at once; beyond it, committing waits.
const PARCELS_MAX: usize = 16;

/// Publishes parcels in the background.
#[derive(Debug, Clone)]
pub struct Relay {
    service: &'static str,
    store: Store,
    bus: Bus,
    slots: Arc<Semaphore>,
    published: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    /// For the outbox of `service`.
    pub fn new(service: &'static str, store: Store, bus: Bus) -> Self {
        Self { service, store, bus, slots: Arc::new(Semaphore::new(PARCELS_MAX)), published: Arc::default() }
    }

    /// Publishes a committed parcel; waits only while too many are under way.
    pub async fn send(&self, parcel: Option<Parcel>) {
        let Some(parcel) = parcel else { return };
        let slot = Arc::clone(&self.slots).acquire_owned().await.expect("the semaphore is never closed");
        let relay = self.clone();
        tokio::spawn(async move {
            relay.publish(parcel.id, parcel.messages).await;
            drop(slot);
        });
    }

    /// Publishes committed parcels and waits until JetStream has all of them.
    ///
    /// # Errors
    /// When one message is not known to be stored. The rows stay, and are published again later.
    pub async fn deliver(&self, parcels: Vec<Parcel>) -> Result<(), PublishError> {
        let (ids, messages): (Vec<String>, Vec<Vec<Outgoing>>) =
            parcels.into_iter().map(|parcel| (parcel.id, parcel.messages)).unzip();
        if let Some(error) = self.bus.publish(messages.concat()).await.into_iter().find_map(Result::err) {
            return Err(error);
        }
        self.published.lock().await.extend(ids);
        Ok(())
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
    pub async fn take_published(&self) -> Vec<String> {
        std::mem::take(&mut *self.published.lock().await)
    }

    /// Publishes rows that a crash or an outage left behind, now and again, and deletes what is published, until
    /// `stop`; then waits for what is under way.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if let Err(error) = self.sweep(STALE_AFTER).await {
                tracing::warn!(error = %error, "could not work through the outbox");
            }
        }
        let _all_parcels = self.slots.acquire_many(u32::try_from(PARCELS_MAX).expect("a small number")).await;
        if let Err(error) = self.delete_published().await {
            tracing::warn!(error = %error, "could not clear the outbox");
        }
    }

    /// Publishes what the process before this one left behind. Call it before taking work, so that nothing older is
    /// still to be published when the service calls itself ready.
    ///
    /// # Errors
    /// As the database reports them.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        self.sweep(time::Duration::ZERO).await
    }

    async fn sweep(&self, older_than: time::Duration) -> Result<(), StoreError> {
        for (id, json) in
            outbox::stale(self.store.reader(), self.service, OffsetDateTime::now_utc() - older_than).await?
        {
            if let Some(Parcel { id, messages }) = read(id, &json) {
                self.publish(id, messages).await;
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
        outbox::delete(&tx, self.service, &ids).await?;
        tx.commit().await.map_err(StoreError::statement("clear the outbox"))
    }
}
