//! Sinks for batches of events.

use std::sync::Arc;
use std::time::Duration;

use edge::Problem;
use lifecycle::TraceContext;

use crate::intake::received::ReceivedEvent;
use crate::intake::state::IntakeState;
use crate::intake::storage::{AcceptedEvent, store_events};
use crate::intake::streamed::repeated;

/// The time for which an upload in progress waits for the mapper to catch up before it is refused.
const LAG_PATIENCE: Duration = Duration::from_secs(60);
/// The interval at which the mapper's lag is checked meanwhile.
const LOOK_AT_LAG_EVERY: Duration = Duration::from_millis(250);

/// The result of a batch whose events are all stored.
pub(crate) struct StoredBatch {
    /// One entry for each event that was stored in full, in order.
    pub(crate) accepted: Vec<AcceptedEvent>,
    /// The number of unchanged rows. Only their keys and hashes were stored.
    pub(crate) unchanged: u64,
}

impl StoredBatch {
    /// Builds the result as if no event had been stored before.
    #[cfg(test)]
    pub(crate) fn new(batch: &[ReceivedEvent]) -> Self {
        let accepted = |one: &ReceivedEvent| AcceptedEvent {
            id: one.event.id.clone(),
            source_event_id: one.event.source_event_id.clone(),
            duplicate: false,
        };
        Self { accepted: batch.iter().map(accepted).collect(), unchanged: 0 }
    }

    /// Returns the number of events, including unchanged rows.
    pub(crate) fn events(&self) -> u64 {
        self.accepted.len() as u64 + self.unchanged
    }

    /// Returns the number of events that were stored before.
    pub(crate) fn duplicates(&self) -> u64 {
        self.accepted.iter().filter(|event| event.duplicate).count() as u64
    }
}

/// Stores batches of events.
pub(crate) trait BatchSink: Send {
    /// Stores all events of a batch.
    ///
    /// # Errors
    /// Returns an error if some events are not known to be stored.
    fn store(
        &mut self,
        batch: Vec<ReceivedEvent>,
    ) -> impl Future<Output = Result<StoredBatch, Problem>> + Send;
}

/// The sink that publishes to the broker.
pub(crate) struct ToBroker {
    pub(crate) intake: Arc<IntakeState>,
    pub(crate) trace: TraceContext,
}

impl BatchSink for ToBroker {
    async fn store(&mut self, batch: Vec<ReceivedEvent>) -> Result<StoredBatch, Problem> {
        let begun = tokio::time::Instant::now();
        while let Err(behind) = self.intake.pressure.check_lag() {
            if begun.elapsed() > LAG_PATIENCE {
                return Err(behind);
            }
            tokio::time::sleep(LOOK_AT_LAG_EVERY).await;
        }
        let repeated::BatchParts { events, named, unchanged } =
            repeated::take_apart(&self.intake.bus, batch).await;
        let stored = store_events(&self.intake, events, Vec::new(), self.trace, false).await?;
        let mut accepted = stored.accepted;
        accepted.truncate(accepted.len() - named);
        Ok(StoredBatch { accepted, unchanged })
    }
}
