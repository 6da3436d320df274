//! Where batches go.

use std::sync::Arc;
use std::time::Duration;

use edge::Problem;
use lifecycle::TraceContext;

use crate::http::Gate;
use crate::intake::{self, AcceptedEvent};
use crate::received::Received;

/// How long what is in the middle waits for the mapper to catch up before it is refused.
const LAG_PATIENCE: Duration = Duration::from_secs(60);
/// How often it looks whether it has.
const LOOK_AT_LAG_EVERY: Duration = Duration::from_millis(250);

/// What became of a batch: every event of it is stored. One for each, in its order.
pub(crate) struct Stored(pub(crate) Vec<AcceptedEvent>);

impl Stored {
    /// As if none of them had been stored before.
    #[cfg(test)]
    pub(crate) fn new(batch: &[Received]) -> Self {
        let accepted = |one: &Received| AcceptedEvent {
            id: one.event.id.clone(),
            source_event_id: one.event.source_event_id.clone(),
            duplicate: false,
        };
        Self(batch.iter().map(accepted).collect())
    }

    /// How many there are.
    pub(crate) fn events(&self) -> u64 {
        self.0.len() as u64
    }

    /// How many of them were stored before.
    pub(crate) fn duplicates(&self) -> u64 {
        self.0.iter().filter(|event| event.duplicate).count() as u64
    }
}

/// Takes batches.
pub(crate) trait Sink: Send {
    /// Stores all of a batch.
    ///
    /// # Errors
    /// When not all of it is known to be stored.
    fn store(&mut self, batch: Vec<Received>) -> impl Future<Output = Result<Stored, Problem>> + Send;
}

/// The broker.
pub(crate) struct ToBroker {
    pub(crate) gate: Arc<Gate>,
    pub(crate) trace: TraceContext,
}

impl Sink for ToBroker {
    async fn store(&mut self, batch: Vec<Received>) -> Result<Stored, Problem> {
        let begun = tokio::time::Instant::now();
        while let Err(behind) = self.gate.pressure.check_lag() {
            if begun.elapsed() > LAG_PATIENCE {
                return Err(behind);
            }
            tokio::time::sleep(LOOK_AT_LAG_EVERY).await;
        }
        Ok(Stored(intake::store(&self.gate.bus, batch, Vec::new(), self.trace, false).await?.accepted))
    }
}
