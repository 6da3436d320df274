//! The loop that brings the journal into the read model.

use std::time::Duration;

use bus::{Consumer, Delivery, Facts};
use store::{Store, StoreError};
use telemetry::{Latch, Shutdown};

use crate::projection::{self, Told};

/// Messages per batch, each with up to 200 facts.
const MESSAGES_MAX: usize = 64;
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// Runs until the shutdown begins; a batch that was begun is finished unless the shutdown is hard.
pub(crate) async fn run(
    mut journal: Consumer<Facts>,
    model: ReadModel,
    shutdown: Shutdown,
) -> Result<(), bus::BusError> {
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

/// Where facts go.
pub(crate) struct ReadModel {
    pub(crate) store: Store,
    pub(crate) database: Latch,
}

impl ReadModel {
    /// Facts are acknowledged only after the commit. When a stop comes before it, they are delivered again.
    async fn take(&self, batch: Vec<Delivery<Facts>>, shutdown: &Shutdown) {
        let told = told(&batch);
        if self.apply(&told, shutdown).await {
            futures_util::future::join_all(batch.into_iter().map(Delivery::ack)).await;
        }
    }

    /// Tries until it works; says whether it did.
    async fn apply(&self, told: &[Told], shutdown: &Shutdown) -> bool {
        let mut delay = RETRY_FIRST;
        loop {
            match projection::apply(&self.store, told).await {
                Ok(()) => {
                    self.database.open();
                    return true;
                }
                Err(error) => self.complain(&error),
            }
            tokio::select! {
                () = shutdown.soft.cancelled() => return false,
                () = tokio::time::sleep(delay) => delay = (delay * 2).min(RETRY_MAX),
            }
        }
    }

    fn complain(&self, error: &StoreError) {
        if error.is_conflict() {
            tracing::debug!(error = error as &dyn std::error::Error, "facts are written once more");
        } else {
            tracing::error!(error = error as &dyn std::error::Error, "facts cannot be written, trying again");
            self.database.close("facts cannot be written");
        }
    }
}

/// What cannot be read now can never be read: it is logged and left behind.
fn told(batch: &[Delivery<Facts>]) -> Vec<Told> {
    let mut told = Vec::new();
    for delivery in batch {
        match &delivery.body {
            Ok(facts) => told.extend(facts.0.iter().map(Told::by_its_author)),
            Err(error) => tracing::error!(
                error = error as &dyn std::error::Error,
                sequence = delivery.sequence,
                "a journal message cannot be read and is left out"
            ),
        }
    }
    told
}
