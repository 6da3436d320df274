//! Turns notices from their stream into rows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bus::{Consumer, Delivery};
use lifecycle::ThinNotice;
use store::Store;
use telemetry::chain;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::record::FetchPlan;
use super::wanted::WantedTable;

/// The maximum number of notices that become rows in one transaction.
const BATCH_MAX: usize = 500;
/// The pause after a failure of the database.
const PAUSE: Duration = Duration::from_secs(1);

/// Creates the rows of all sources.
#[derive(Debug)]
pub(crate) struct NoticeIntake {
    table: WantedTable,
    notices: Consumer<ThinNotice>,
    /// By source: the delay of a first notice, and the wake-up of its fetcher.
    sources: HashMap<String, (Duration, Arc<Notify>)>,
}

impl NoticeIntake {
    pub(crate) fn new(store: Store, notices: Consumer<ThinNotice>, plans: &[Arc<FetchPlan>]) -> Self {
        let source = |plan: &Arc<FetchPlan>| (plan.source.clone(), (plan.delay, Arc::clone(&plan.wake_up)));
        Self { table: WantedTable(store), notices, sources: plans.iter().map(source).collect() }
    }

    /// Reads notices until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let batch = tokio::select! {
                () = stop.cancelled() => break,
                batch = self.notices.next_batch(BATCH_MAX) => batch,
            };
            match batch {
                Ok(batch) => self.keep(batch).await,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "notices cannot be read");
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                }
            }
        }
        self.notices.close().await;
    }

    /// Stores a batch. Its notices are acknowledged only after their rows are committed.
    async fn keep(&mut self, batch: Vec<Delivery<ThinNotice>>) {
        let readable = batch.iter().filter_map(|delivery| match &delivery.body {
            Ok(notice) => Some((notice.clone(), delivery.trace)),
            Err(error) => {
                tracing::error!(error = chain(error), "a notice cannot be read and is passed over");
                None
            }
        });
        let notices: Vec<_> = readable.collect();
        let delay = |source: &str| self.sources.get(source).map(|(delay, _)| *delay).unwrap_or_default();
        let mut woken: Vec<&Arc<Notify>> = Vec::new();
        for (notice, _) in &notices {
            match self.sources.get(&notice.source) {
                Some((_, wake_up)) if !woken.iter().any(|one| Arc::ptr_eq(one, wake_up)) => {
                    woken.push(wake_up)
                }
                _ => {}
            }
        }
        match self.table.want(notices, delay).await {
            Ok(()) => {
                for delivery in batch {
                    delivery.ack().await;
                }
                woken.into_iter().for_each(|wake_up| wake_up.notify_one());
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "wanted records could not be noted yet");
                tokio::time::sleep(PAUSE).await;
                for delivery in batch {
                    delivery.nak().await;
                }
            }
        }
    }
}
