//! Live events: batches from the EVENTS stream, merged and acknowledged.

use std::time::Duration;

use bus::{Bus, Consumer, Delivery, StreamName};
use futures_util::FutureExt as _;
use lifecycle::{Event, EventKind, StatementDating};
use retry::{RetryDelays, RetryLog};
use store::BatchHalves;
use store::quarantine::QuarantinedItem;
use telemetry::{ReadinessLatch, Shutdown, chain};
use time::OffsetDateTime;

use crate::error::MapperRunError;
use crate::now;
use crate::quarantine;
use crate::quarantine_retry;
use crate::repeated;
use crate::rows::SaveError;
use crate::tombstones::TombstoneFile;
use crate::work::{BatchInput, BatchProcessorParts};

/// The maximum number of events per batch.
const BATCH_MAX: usize = 256;
/// The name of the durable consumer of EVENTS.
const DURABLE: &str = "mapper";
/// The first pause before a failed batch is retried. It doubles with each failure.
const RETRY_MIN: Duration = Duration::from_millis(20);
/// The maximum pause before a failed batch is retried.
const RETRY_MAX: Duration = Duration::from_secs(2);

/// A hard shutdown interrupted the work: unacknowledged messages are delivered again.
struct LiveStopped;

/// Reads EVENTS. It is the only reader of the stream.
pub(crate) struct EventProcessor {
    pub(crate) parts: BatchProcessorParts,
    pub(crate) bus: Bus,
    pub(crate) tombstones: Option<TombstoneFile>,
    /// How often work was done again.
    pub(crate) retries: RetryLog,
}

impl EventProcessor {
    /// Merges events until shutdown.
    ///
    /// # Errors
    /// Returns an error if EVENTS cannot be read at all.
    pub(crate) async fn run(
        mut self,
        ready: ReadinessLatch,
        shutdown: Shutdown,
    ) -> Result<(), MapperRunError> {
        let mut tombstones = self.tombstones.take();
        if let Some(tombstones) = &mut tombstones
            && self.erase_again(tombstones, &shutdown).await.is_err()
        {
            return Ok(());
        }
        let mut consumer: Consumer<Event> = self
            .bus
            .consume(StreamName::Events, DURABLE)
            .await
            .map_err(|source| MapperRunError::Consume { source })?;
        if let Err(error) = quarantine_retry::read_again(&self.parts.processor()).await {
            tracing::warn!(error = chain(&error), "could not look at what is set aside");
        }
        let mut departures: Consumer<Event> = self
            .bus
            .consume_departures(StreamName::Events)
            .await
            .map_err(|source| MapperRunError::Consume { source })?;
        let mut departures = DepartureLane { consumer: &mut departures, shutdown: &shutdown };
        ready.open();
        loop {
            // Departures are delivered a second time with everything else. They are duplicates then.
            let batch = tokio::select! {
                biased;
                () = shutdown.soft.cancelled() => return Ok(()),
                batch = departures.consumer.next_batch(BATCH_MAX) => batch,
                batch = consumer.next_batch(BATCH_MAX) => batch,
            };
            let batch = batch.map_err(|source| MapperRunError::Consume { source })?;
            if self.take(&batch, &mut departures).await.is_err() {
                return Ok(());
            }
            if let Some(tombstones) = &mut tombstones
                && let Err(error) = tombstones.keep(batch.iter().filter_map(|one| one.body.as_ref().ok()))
            {
                telemetry::metrics::tombstone_failed();
                tracing::error!(
                    error = chain(&error),
                    "who was erased could not be noted: a restored database would not know it"
                );
            }
            for delivery in batch {
                delivery.ack().await;
            }
        }
    }

    /// Erases people who were erased after the database's backup was taken, before anything else is merged.
    async fn erase_again(
        &self,
        tombstones: &mut TombstoneFile,
        shutdown: &Shutdown,
    ) -> Result<(), LiveStopped> {
        let mut delays = RetryDelays::new(RETRY_MIN, RETRY_MAX);
        let missing = loop {
            match tombstones.missing(&self.parts.store).await {
                Ok(missing) => break missing,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "could not look who was erased yet");
                    wait_before_retry(&mut delays, shutdown).await?;
                }
            }
        };
        for event in &missing {
            let event = Box::new(event.clone());
            let input = BatchInput::Event { event, sequence: 0, trace: None, content: None, repeated: false };
            while let Err(error) = self.process(std::slice::from_ref(&input)).await {
                self.retries.failed("erasures after a restore", &error);
                if error.is_refusal() {
                    telemetry::metrics::tombstone_failed();
                    break;
                }
                wait_before_retry(&mut delays, shutdown).await?;
            }
        }
        if !missing.is_empty() {
            tracing::warn!(
                people = missing.len(),
                "people who had been erased were known again: they are erased again"
            );
        }
        Ok(())
    }

    /// Processes the batch in portions. A message that names many rows of a full feed is a portion of its own, and departures that
    /// arrived meanwhile go first.
    async fn take(
        &self,
        batch: &[Delivery<Event>],
        departures: &mut DepartureLane<'_>,
    ) -> Result<(), LiveStopped> {
        for portion in batch.chunk_by(|one, next| !names_rows(one) && !names_rows(next)) {
            departures.overtake(self).await?;
            self.take_portion(portion, departures.shutdown).await?;
        }
        Ok(())
    }

    /// Processes a portion of a batch. Unreadable messages are set aside.
    async fn take_portion(&self, batch: &[Delivery<Event>], shutdown: &Shutdown) -> Result<(), LiveStopped> {
        let span = tracing::info_span!("mapper.batch", events = batch.len());
        let mut inputs = Vec::with_capacity(batch.len());
        let mut origins = Vec::with_capacity(batch.len());
        for delivery in batch {
            match &delivery.body {
                Ok(event) => {
                    if let Some(cause) = quarantine::unreadable_part(event) {
                        telemetry::metrics::count_merged("unreadable", 1);
                        let item = quarantine::unreadable_event(delivery, event, cause);
                        self.set_aside(&item, shutdown).await?;
                        continue;
                    }
                    if let Some(trace) = delivery.trace {
                        telemetry::link_span(&span, trace);
                    }
                    let of_delivery = self.inputs(delivery, event, shutdown).await?;
                    origins.extend(std::iter::repeat_n(delivery, of_delivery.len()));
                    inputs.extend(of_delivery);
                }
                Err(error) => {
                    telemetry::metrics::count_merged("unreadable", 1);
                    self.set_aside(&quarantine::unreadable_message(delivery, &error.reason), shutdown)
                        .await?;
                }
            }
        }
        self.work_through(&inputs, &origins, shutdown).await
    }

    /// Returns the inputs of a message: the event itself, or the rows that it names.
    async fn inputs(
        &self,
        delivery: &Delivery<Event>,
        event: &Event,
        shutdown: &Shutdown,
    ) -> Result<Vec<BatchInput>, LiveStopped> {
        let event = arrived_event(event.clone(), now());
        let (sequence, trace) = (delivery.sequence, delivery.trace);
        if event.kind != EventKind::FeedRows {
            let (event, content) = (Box::new(event), delivery.content.clone());
            return Ok(vec![BatchInput::Event { event, sequence, trace, content, repeated: false }]);
        }
        let mut delays = RetryDelays::new(RETRY_MIN, RETRY_MAX);
        loop {
            match repeated::repeated_inputs(&self.parts.store, &event, sequence, trace).await {
                Ok(inputs) => return Ok(inputs),
                Err(error) => {
                    tracing::warn!(error = chain(&error), "could not read rows of a feed yet");
                    wait_before_retry(&mut delays, shutdown).await?;
                }
            }
        }
    }

    /// Processes the batch. A refused input is found by bisection and set aside; the rest is processed.
    async fn work_through(
        &self,
        inputs: &[BatchInput],
        origins: &[&Delivery<Event>],
        shutdown: &Shutdown,
    ) -> Result<(), LiveStopped> {
        let mut parts = BatchHalves::of(inputs.len());
        let mut delays = RetryDelays::new(RETRY_MIN, RETRY_MAX);
        while let Some(part) = parts.next_part() {
            match self.process(&inputs[part.clone()]).await {
                Ok(()) => {
                    delays.reset();
                    self.retries.succeeded();
                }
                Err(error) if error.is_refusal() => {
                    let Some(culprit) = parts.refused(part) else { continue };
                    if let BatchInput::Event { event, .. } | BatchInput::Rows { event, .. } = &inputs[culprit]
                    {
                        let item = quarantine::not_stored(origins[culprit], event, &error);
                        self.set_aside(&item, shutdown).await?;
                    }
                }
                Err(error) => {
                    self.retries.failed("a batch of events", &error);
                    parts.again(part);
                    wait_before_retry(&mut delays, shutdown).await?;
                }
            }
        }
        Ok(())
    }

    /// Processes inputs as one batch, and sends its outbox batch.
    async fn process(&self, inputs: &[BatchInput]) -> Result<(), SaveError> {
        let batch = self.parts.processor().process(inputs, now()).await?;
        self.parts.relay.send(batch).await;
        Ok(())
    }

    /// Sets an item aside, and retries until that succeeds or a hard shutdown interrupts it.
    async fn set_aside(&self, item: &QuarantinedItem, shutdown: &Shutdown) -> Result<(), LiveStopped> {
        let mut delays = RetryDelays::new(RETRY_MIN, RETRY_MAX);
        while let Err(error) = quarantine::set_aside(&self.parts.store, item).await {
            tracing::warn!(error = chain(&error), "could not set an event aside yet");
            wait_before_retry(&mut delays, shutdown).await?;
        }
        Ok(())
    }
}

/// The lane of departures. It is read between the portions of a batch.
struct DepartureLane<'a> {
    consumer: &'a mut Consumer<Event>,
    shutdown: &'a Shutdown,
}

impl DepartureLane<'_> {
    /// Merges the departures that have arrived already.
    async fn overtake(&mut self, live: &EventProcessor) -> Result<(), LiveStopped> {
        while let Some(Ok(batch)) = self.consumer.next_batch(BATCH_MAX).now_or_never() {
            live.take_portion(&batch, self.shutdown).await?;
            for delivery in batch {
                delivery.ack().await;
            }
        }
        Ok(())
    }
}

/// Returns whether a message stands for many rows.
fn names_rows(delivery: &Delivery<Event>) -> bool {
    delivery.body.as_ref().is_ok_and(|event| event.kind == EventKind::FeedRows)
}

/// Limits the event's times to the database's clock: a gateway whose clock is ahead must not delay everything until then. An
/// effective date that the source named explicitly is kept.
fn arrived_event(mut event: Event, now: OffsetDateTime) -> Event {
    if event.time > now {
        if event.dating() != StatementDating::Explicit || event.effective_at == event.time {
            event.effective_at = event.effective_at.min(now);
        }
        event.time = now;
    }
    event.accepted_at = event.accepted_at.min(now);
    event
}

/// Waits before the next attempt. A hard shutdown ends the wait with an error.
async fn wait_before_retry(delays: &mut RetryDelays, shutdown: &Shutdown) -> Result<(), LiveStopped> {
    tokio::select! {
        () = shutdown.hard.cancelled() => return Err(LiveStopped),
        () = tokio::time::sleep(delays.next_delay()) => {}
    }
    Ok(())
}
