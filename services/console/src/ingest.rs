//! The loop that writes the journal into the read model.

use std::time::Duration;

use bus::{Consumer, DecodeReason, Delivery, FactBatch};
use retry::{RetryDelays, RetryLog};
use store::quarantine::{QuarantineReason, QuarantinedItem};
use store::{BatchHalves, Store, StoreError};
use telemetry::{ReadinessLatch, Shutdown, chain};

use crate::projection::{self, ReportedFact};
use crate::quarantine;

/// Messages per batch, each with up to 200 facts.
const MESSAGES_MAX: usize = 64;
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// Runs until the shutdown begins. A started batch is finished unless the shutdown is hard.
pub(crate) async fn run_ingest(
    mut journal: Consumer<FactBatch>,
    model: ReadModelWriter,
    shutdown: Shutdown,
) -> Result<(), bus::BusError> {
    if let Err(error) = quarantine::read_again(&model.store).await {
        tracing::warn!(error = chain(&error), "could not look at what is set aside");
    }
    loop {
        let batch = tokio::select! {
            () = shutdown.soft.cancelled() => break,
            batch = journal.next_batch(MESSAGES_MAX) => batch?,
        };
        tokio::select! {
            () = shutdown.hard.cancelled() => return Ok(()),
            () = model.take(batch, &shutdown) => {}
        }
    }
    journal.close().await;
    Ok(())
}

/// Writes facts into the read model.
pub(crate) struct ReadModelWriter {
    pub(crate) store: Store,
    pub(crate) database: ReadinessLatch,
    /// How often work was done again.
    pub(crate) retries: RetryLog,
}

/// The shutdown began before the batch was written; its facts are redelivered.
struct IngestStopped;

impl ReadModelWriter {
    /// Writes a batch and acknowledges its facts after the commit. If the shutdown comes first, they are redelivered.
    async fn take(&self, batch: Vec<Delivery<FactBatch>>, shutdown: &Shutdown) {
        if self.work_through(&batch, shutdown).await.is_ok() {
            futures_util::future::join_all(batch.into_iter().map(Delivery::ack)).await;
        }
    }

    /// Writes the batch. A refused fact is found by bisection and set aside, and the rest is written.
    async fn work_through(
        &self,
        batch: &[Delivery<FactBatch>],
        shutdown: &Shutdown,
    ) -> Result<(), IngestStopped> {
        let mut told = Vec::new();
        for delivery in batch {
            match &delivery.body {
                Ok(facts) => told.extend(facts.0.iter().map(ReportedFact::by_its_author)),
                Err(error) => self.set_aside(&unreadable_item(delivery, &error.reason), shutdown).await?,
            }
        }
        let mut parts = BatchHalves::of(told.len());
        let mut delays = RetryDelays::new(RETRY_FIRST, RETRY_MAX);
        while let Some(part) = parts.next_part() {
            match projection::apply_batch(&self.store, &told[part.clone()]).await {
                Ok(()) => {
                    self.database.open();
                    self.retries.succeeded();
                    delays.reset();
                }
                Err(error) if error.is_refusal() => {
                    let Some(culprit) = parts.refused(part) else { continue };
                    self.set_aside(&quarantine::not_stored(&told[culprit], &error), shutdown).await?;
                }
                Err(error) => {
                    self.note_failure(&error);
                    parts.again(part);
                    wait_before_retry(&mut delays, shutdown).await?;
                }
            }
        }
        Ok(())
    }

    async fn set_aside(&self, item: &QuarantinedItem, shutdown: &Shutdown) -> Result<(), IngestStopped> {
        let mut delays = RetryDelays::new(RETRY_FIRST, RETRY_MAX);
        while let Err(error) = quarantine::set_aside(&self.store, item).await {
            self.note_failure(&error);
            wait_before_retry(&mut delays, shutdown).await?;
        }
        Ok(())
    }

    fn note_failure(&self, error: &StoreError) {
        self.retries.failed("facts", error);
        if !error.is_conflict() {
            self.database.close("facts cannot be written");
        }
    }
}

async fn wait_before_retry(delays: &mut RetryDelays, shutdown: &Shutdown) -> Result<(), IngestStopped> {
    tokio::select! {
        () = shutdown.soft.cancelled() => return Err(IngestStopped),
        () = tokio::time::sleep(delays.next_delay()) => {}
    }
    Ok(())
}

fn unreadable_item(delivery: &Delivery<FactBatch>, reason: &DecodeReason) -> QuarantinedItem {
    let kind = match reason {
        DecodeReason::Version(_) => QuarantineReason::NewerVersion,
        DecodeReason::Syntax { .. } | DecodeReason::Shape { .. } => QuarantineReason::Unreadable,
    };
    let mut item =
        QuarantinedItem::message(delivery.stream(), delivery.sequence, kind, quarantine::now_micros());
    item.cause = reason.to_string();
    item.payload = delivery.payload.to_vec();
    item
}
