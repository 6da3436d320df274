//! Where batches go.

use std::sync::Arc;
use std::time::Duration;

use edge::Problem;
use lifecycle::TraceContext;

use crate::http::AppState;
use crate::intake::{self, AcceptedEvent};
use crate::received::ReceivedEvent;
use crate::streamed::repeated;

/// How long what is in the middle waits for the mapper to catch up before it is refused.
const LAG_PATIENCE: Duration = Duration::from_secs(60);
/// How often it looks whether it has.
const LOOK_AT_LAG_EVERY: Duration = Duration::from_millis(250);

/// What became of a batch: every event of it is stored.
pub(crate) struct StoredBatch {
    /// One for each that was stored as it is, in their order.
    pub(crate) accepted: Vec<AcceptedEvent>,
    /// Rows that say what they said before, and were only named.
    pub(crate) unchanged: u64,
}

impl StoredBatch {
    /// As if none of them had been stored before.
    #[cfg(test)]
    pub(crate) fn new(batch: &[ReceivedEvent]) -> Self {
        let accepted = |one: &ReceivedEvent| AcceptedEvent {
            id: one.event.id.clone(),
            source_event_id: one.event.source_event_id.clone(),
            duplicate: false,
        };
        Self { accepted: batch.iter().map(accepted).collect(), unchanged: 0 }
    }

    /// How many there are.
    pub(crate) fn events(&self) -> u64 {
        self.accepted.len() as u64 + self.unchanged
    }

    /// How many of them were stored before.
    pub(crate) fn duplicates(&self) -> u64 {
        self.accepted.iter().filter(|event| event.duplicate).count() as u64
    }
}

/// Takes batches.
pub(crate) trait BatchSink: Send {
    /// Stores all of a batch.
    ///
    /// # Errors
    /// When not all of it is known to be stored.
    fn store(
        &mut self,
        batch: Vec<ReceivedEvent>,
    ) -> impl Future<Output = Result<StoredBatch, Problem>> + Send;
}

/// The broker.
pub(crate) struct ToBroker {
    pub(crate) gate: Arc<AppState>,
    pub(crate) trace: TraceContext,
}

impl BatchSink for ToBroker {
    async fn store(&mut self, batch: Vec<ReceivedEvent>) -> Result<StoredBatch, Problem> {
        let begun = tokio::time::Instant::now();
        while let Err(behind) = self.gate.pressure.check_lag() {
            if begun.elapsed() > LAG_PATIENCE {
                return Err(behind);
            }
            tokio::time::sleep(LOOK_AT_LAG_EVERY).await;
        }
        let repeated::BatchParts { events, named, unchanged } =
            repeated::take_apart(&self.gate.bus, batch).await;
        let stored = intake::store_events(&self.gate, events, Vec::new(), self.trace, false).await?;
        let mut accepted = stored.accepted;
        accepted.truncate(accepted.len() - named);
        Ok(StoredBatch { accepted, unchanged })
    }
}
