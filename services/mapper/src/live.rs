//! Live events: batches from EVENTS, merged and acknowledged.

use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, Consumer, Delivery, Feed};
use lifecycle::{Event, unix_micros};
use relay::Relay;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use store::{Store, StoreError};
use telemetry::{Latch, Shutdown};
use tokio::sync::{Notify, watch};

use crate::app::RunError;
use crate::now;
use crate::policies::PolicySet;
use crate::rows::poison;
use crate::subjects::Seeds;
use crate::work::{Desk, Input};

const BATCH_MAX: usize = 256;
const DURABLE: &str = "mapper";
const RETRY_MIN: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// The only reader of EVENTS.
pub(crate) struct Live {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) relay: Relay,
    pub(crate) policies: watch::Receiver<Arc<PolicySet>>,
    pub(crate) seeds: Seeds,
    pub(crate) stale: Arc<Notify>,
}

impl Live {
    /// Merges events until shutdown.
    ///
    /// # Errors
    /// When EVENTS cannot be read at all.
    pub(crate) async fn run(self, ready: Latch, shutdown: Shutdown) -> Result<(), RunError> {
        let mut consumer: Consumer<Event> =
            self.bus.consume(Feed::Events, DURABLE).await.map_err(|source| RunError::Consume { source })?;
        ready.open();
        loop {
            let batch = tokio::select! {
                () = shutdown.soft.cancelled() => return Ok(()),
                batch = consumer.next_batch(BATCH_MAX) => batch.map_err(|source| RunError::Consume { source })?,
            };
            if !self.take(&batch, &shutdown).await {
                return Ok(()); // not acknowledged: delivered again to whoever comes next
            }
            for delivery in batch {
                delivery.ack().await;
            }
        }
    }

    /// `false` when a hard shutdown came first.
    async fn take(&self, batch: &[Delivery<Event>], shutdown: &Shutdown) -> bool {
        let span = tracing::info_span!("mapper.batch", events = batch.len());
        let mut inputs = Vec::with_capacity(batch.len());
        for delivery in batch {
            match &delivery.body {
                Ok(event) => {
                    if let Some(trace) = delivery.trace {
                        telemetry::link(&span, trace);
                    }
                    let event = Box::new(event.clone());
                    inputs.push(Input::Event { event, sequence: delivery.sequence, trace: delivery.trace });
                }
                Err(error) => {
                    tracing::error!(error = %error, "cannot read an event: recorded and passed over");
                    telemetry::metrics::merged("unreadable", 1);
                    let mut pause = RETRY_MIN;
                    while let Err(error) = self.record_poison(&error.to_string()).await {
                        tracing::warn!(error = %error, "could not record it yet");
                        tokio::select! {
                            () = shutdown.hard.cancelled() => return false,
                            () = tokio::time::sleep(pause) => pause = (pause * 2).min(RETRY_MAX),
                        }
                    }
                }
            }
        }
        let mut pause = RETRY_MIN;
        loop {
            let policies = Arc::clone(&self.policies.borrow());
            let desk = Desk {
                store: &self.store,
                relay: &self.relay,
                policies: &policies,
                backfill: false,
                seeds: &self.seeds,
                stale: &self.stale,
            };
            match desk.process(&inputs, now()).await {
                Ok(parcel) => {
                    self.relay.send(parcel).await;
                    return true;
                }
                Err(error) => {
                    tracing::debug!(error = %error, conflict = error.is_conflict(), "batch is done again");
                    if !error.is_conflict() {
                        tracing::warn!(error = %error, "could not store a batch yet");
                    }
                }
            }
            tokio::select! {
                () = shutdown.hard.cancelled() => return false,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(RETRY_MAX),
            }
        }
    }

    async fn record_poison(&self, error: &str) -> Result<(), StoreError> {
        let tx = self.store.begin().await?;
        let row =
            poison::Model { message: error.to_owned(), error: error.to_owned(), at: unix_micros(now()) };
        poison::Entity::insert_many([row.into_active_model().reset_all()])
            .on_conflict(OnConflict::column(poison::Column::Message).do_nothing().to_owned())
            .exec_without_returning(&tx)
            .await
            .map_err(StoreError::statement("record an unreadable event"))?;
        tx.commit().await.map_err(StoreError::statement("record an unreadable event"))
    }
}
