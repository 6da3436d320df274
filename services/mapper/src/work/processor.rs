//! The batch processor: everything that processing a batch needs, and the order of its steps.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use lifecycle::{revision_clock, unix_micros};
use relay::{OutboxBatch, OutboxPublisher};
use retry::RetryLog;
use sea_orm::DatabaseTransaction;
use store::quarantine::QuarantinedItem;
use store::{BatchHalves, Store, StoreError, outbox};
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};

use super::{BatchInput, correlate, flatten, load, logins, refused, save, spread, surroundings};
use crate::policies::PolicySet;
use crate::quarantine;
use crate::rows::SaveError;
use crate::subjects::SeedMaker;
use crate::{SERVICE, now};

/// The maximum number of attempts for a batch while others write to the same subjects.
const TRIES_MAX: usize = 20;

/// The parts that processing a batch needs besides its inputs. The service builds them once, and its tasks share them.
#[derive(Clone)]
pub(crate) struct BatchProcessorParts {
    pub(crate) store: Store,
    pub(crate) relay: OutboxPublisher,
    /// The policies that this replica has adopted.
    pub(crate) policies: watch::Receiver<Arc<PolicySet>>,
    pub(crate) seeds: SeedMaker,
    /// Notified when rows were marked as stale.
    pub(crate) stale: Arc<Notify>,
    /// The number of items of the quarantine that were processed again.
    pub(crate) repairs: Arc<AtomicU64>,
}

/// Reasons for which a batch was not processed, although it was tried repeatedly.
#[derive(Debug)]
pub(crate) enum RepeatFailure {
    /// Others changed the same subjects first in every attempt.
    Overtaken,
    /// The batch triggers a bug.
    Panicked(String),
    /// The database failed.
    Store(StoreError),
}

impl BatchProcessorParts {
    /// Returns a processor that decides by the policies in force now.
    pub(crate) fn processor(&self) -> BatchProcessor<'_> {
        BatchProcessor { parts: self, policies: Arc::clone(&self.policies.borrow()), backfill: false }
    }

    /// Returns a processor for inputs that come from a policy change if `backfill` is `true`.
    pub(crate) fn processor_for(&self, backfill: bool) -> BatchProcessor<'_> {
        BatchProcessor { backfill, ..self.processor() }
    }

    /// Processes one batch for `purpose`, and repeats it while other writers win the race. The caller must send the returned
    /// outbox batch.
    ///
    /// # Errors
    /// Returns [`RepeatFailure`] if the database fails, or others were faster in every attempt.
    pub(crate) async fn process_repeatedly(
        &self,
        inputs: &[BatchInput],
        purpose: &'static str,
    ) -> Result<Option<OutboxBatch>, RepeatFailure> {
        let retries = RetryLog::new();
        for _ in 0..TRIES_MAX {
            match self.processor().process(inputs, now()).await {
                Ok(batch) => return Ok(batch),
                Err(error) if error.is_conflict() => retries.failed(purpose, &error),
                Err(SaveError::Store(error)) => return Err(RepeatFailure::Store(error)),
                Err(SaveError::Panicked(text)) => return Err(RepeatFailure::Panicked(text)),
                Err(SaveError::Overtaken) => {}
            }
        }
        Err(RepeatFailure::Overtaken)
    }
}

/// The result of a batch, within its transaction.
struct ProcessedBatch {
    batch: Option<OutboxBatch>,
    /// `true` if rows were marked as stale.
    has_stale: bool,
    /// Items that were set aside. They are logged once the transaction is committed.
    set_aside: Vec<QuarantinedItem>,
}

/// Processes batches by one state of the policies.
pub(crate) struct BatchProcessor<'a> {
    parts: &'a BatchProcessorParts,
    policies: Arc<PolicySet>,
    /// `true` if the inputs come from a policy change.
    backfill: bool,
}

impl BatchProcessor<'_> {
    /// Returns the database.
    pub(crate) fn store(&self) -> &Store {
        &self.parts.store
    }

    /// Starts the evaluation of rows that were marked as stale.
    pub(crate) fn notify_stale(&self) {
        self.parts.stale.notify_one();
    }

    /// Notes that an item of the quarantine was processed again, so that what was skipped because of it is processed too.
    pub(crate) fn note_repair(&self) {
        self.parts.repairs.fetch_add(1, Ordering::Relaxed);
        self.notify_stale();
    }

    /// Returns the publisher of outbox batches.
    pub(crate) fn relay(&self) -> &OutboxPublisher {
        &self.parts.relay
    }

    /// Processes one batch. The caller must send the returned outbox batch.
    ///
    /// # Errors
    /// Returns [`SaveError`]; after a conflict the batch should be processed again.
    pub(crate) async fn process(
        &self,
        inputs: &[BatchInput],
        now: OffsetDateTime,
    ) -> Result<Option<OutboxBatch>, SaveError> {
        let clock = revision_clock(self.parts.store.now().await?, unix_micros(now));
        let tx = self.parts.store.begin().await?;
        // An event that triggers a bug must not stop all others: the caller finds it by bisection.
        let done = AssertUnwindSafe(self.process_in(&tx, inputs, (now, clock))).catch_unwind().await;
        let ProcessedBatch { batch, has_stale, set_aside } =
            done.unwrap_or_else(|panic| Err(SaveError::Panicked(panic_text(&*panic))))?;
        outbox::delete_rows(&tx, SERVICE, &self.parts.relay.take_published().await).await?;
        tx.commit().await.map_err(StoreError::statement("commit a batch"))?;
        if has_stale {
            self.parts.stale.notify_one();
        }
        set_aside.iter().for_each(quarantine::log_item);
        Ok(batch)
    }

    /// Processes the batch. Refused inputs are found by bisection and set aside, and the rest is processed. Returns the
    /// indexes of the refused inputs.
    ///
    /// # Errors
    /// Returns [`SaveError`] for any other failure; the remaining inputs must be processed again.
    pub(crate) async fn process_apart(&self, inputs: &[BatchInput]) -> Result<Vec<usize>, SaveError> {
        let mut apart = Vec::new();
        let mut parts = BatchHalves::of(inputs.len());
        while let Some(part) = parts.next_part() {
            match self.process(&inputs[part.clone()], now()).await {
                Ok(batch) => self.parts.relay.send(batch).await,
                Err(error) if error.is_refusal() => {
                    let Some(culprit) = parts.refused(part) else { continue };
                    let item = refused::refused_input(&inputs[culprit], &error);
                    quarantine::set_aside(&self.parts.store, &item).await?;
                    apart.push(culprit);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(apart)
    }

    /// Processes the batch within the transaction: load, merge, correlate, spread, decide, save. The order of the steps matters.
    async fn process_in(
        &self,
        tx: &DatabaseTransaction,
        inputs: &[BatchInput],
        times: (OffsetDateTime, i64),
    ) -> Result<ProcessedBatch, SaveError> {
        let mut work = load::load_work(tx, &self.policies, &self.parts.seeds, inputs, times).await?;
        work.message_bytes_max = self.parts.relay.message_bytes_max();
        work.merge(inputs, self.backfill);
        work.rank_sources();
        correlate::correlate_records(tx, &mut work).await?;
        load::load_edges(tx, &mut work, inputs).await?;
        work.merge_edges(inputs, self.backfill)?;
        spread::spread_changes(tx, &mut work).await?;
        let around = surroundings::read_surroundings(tx, &mut work).await?;
        flatten::flatten_memberships(tx, &mut work, &around).await?;
        work.decide_groups(&around);
        let appeared = work.appeared.keys().map(|(_, group)| group.clone()).collect();
        load::all_edges(tx, &mut work, &appeared).await?;
        surroundings::classify_members(tx, &mut work).await?;
        work.emit_edges();
        logins::hold(tx, &mut work, &around).await?;
        work.decide_people(&around);
        logins::remember(tx, &mut work, &around).await?;
        work.send_the_rest_again();
        let marks = std::mem::take(&mut work.stale);
        let (feeds, now) = (std::mem::take(&mut work.feeds), work.micros());
        let mut set_aside: Vec<QuarantinedItem> = std::mem::take(&mut work.reused).into_values().collect();
        for item in &set_aside {
            store::quarantine::put_item(tx, SERVICE, item).await?;
        }
        set_aside.extend(std::mem::take(&mut work.unreadable).list_within(tx).await?);
        let batch = save::save_work(tx, work).await?;
        for mark in &marks {
            mark.write(tx).await?;
        }
        feeds.save(tx, now).await?;
        Ok(ProcessedBatch { batch, has_stale: !marks.is_empty(), set_aside })
    }
}

/// Returns the message of a panic.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
