//! The first reconciliation of a target after a long stop.
//!
//! Copies of all databases and streams from one moment look like a service that was stopped since then. Before anything
//! but switch-offs goes out, the target is therefore compared once, and nothing is changed. If it has changed in the
//! meantime ([`crate::reconcile::NewerAtTarget`]), everything was restored: changes that give access are paused as after
//! `usher restore`. Otherwise the stored state is still valid, and everything continues.

use std::sync::Arc;

use recovery::StaleRecords;
use relay::OutboxPublisher;
use store::{Store, StoreError};
use telemetry::chain;
use tokio::sync::Notify;

use crate::delivery::call::OwnedTarget;
use crate::guard::restored::{self, in_words, what_to_do};
use crate::ownership::verification::VerificationGate;
use crate::reconcile::{self, NewerAtTarget, ReconciliationOutcome};
use crate::rows::facts::TransactionFacts;
use crate::rows::{reconcile as comparisons, verification};

/// Stores that only switch-offs go out at `targets` until they were compared.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn doubt_targets(
    store: &Store,
    targets: impl Iterator<Item = &String>,
    stale: &StaleRecords,
) -> Result<(), StoreError> {
    tracing::warn!(found = stale.why, "each target is looked at before anything but switching off goes out");
    let tx = store.begin().await?;
    for target in targets {
        let why = format!("{}; the target is compared before anything but switching off goes out", stale.why);
        verification::set_stale(&tx, target, Some((stale.since, &why))).await?;
    }
    tx.commit().await.map_err(StoreError::statement("keep that targets may have gone on"))
}

/// A target that may have changed without this writer.
pub(crate) struct StaleTarget {
    pub(crate) target: Arc<OwnedTarget>,
    pub(crate) wake_up: Arc<Notify>,
    pub(crate) gate: Arc<VerificationGate>,
    pub(crate) relay: OutboxPublisher,
    /// The time since which it may have changed; microseconds since the Unix epoch, 0 if unknown.
    pub(crate) since: i64,
}

impl StaleTarget {
    /// Reconciles the target without changes and settles the consequences. An interrupted reconciliation begins again.
    pub(crate) async fn look(self) {
        if let Err(error) = self.begin().await {
            tracing::warn!(target_name = %self.target.name, error = chain(&error), "could not begin to look at the target");
            return;
        }
        let newer = NewerAtTarget::than(self.since);
        let compared =
            reconcile::go_on(Arc::clone(&self.target), Arc::clone(&self.wake_up), Some(newer)).await;
        let Some(compared) = compared else { return };
        if let Err(error) = self.settle(compared).await {
            tracing::warn!(target_name = %self.target.name, error = chain(&error), "could not keep what the target showed");
            return;
        }
        self.gate.was_looked_at();
        self.wake_up.notify_one();
    }

    /// Begins a new reconciliation. One that was under way used stored state that may be older than the target.
    async fn begin(&self) -> Result<(), StoreError> {
        let tx = self.target.store.begin().await?;
        comparisons::save_reconciliation(
            &tx,
            reconcile::new_reconciliation(&self.target.name, true, None, "usher"),
        )
        .await?;
        tx.commit().await.map_err(StoreError::statement("begin to look at a target"))
    }

    /// Pauses changes that give access if the target has changed, and stores that it was compared.
    async fn settle(&self, compared: ReconciliationOutcome) -> Result<(), StoreError> {
        let (name, since) = (&self.target.name, self.since);
        let since = if since > 0 { in_words(since) } else { "an unknown time".to_owned() };
        let why = match compared {
            ReconciliationOutcome::Completely(Some(newer)) if newer.is_something() => Some(format!(
                "the target has changed since the stored state of {since}: {newer}; everything seems to be restored from \
                 copies of that time: {}",
                what_to_do(name)
            )),
            ReconciliationOutcome::Completely(_) => None,
            ReconciliationOutcome::Failed(error) => Some(format!(
                "the writer was last alive at {since}, and whether the target has gone on since could not be seen ({error}): {}",
                what_to_do(name)
            )),
        };
        let at = self.target.store.now().await?;
        let tx = self.target.store.begin().await?;
        if !self.target.lease.in_force(&tx).await? {
            return Ok(());
        }
        let mut news = TransactionFacts::default();
        if let Some(why) = &why {
            tracing::error!(target_name = %name, why, "what gives access is paused");
            restored::pause(&tx, name, why, at, &mut news).await?;
            // The mapper learns of the restore by a verification: it then sends what sources say again.
            verification::need_verification(&tx, name, at, why).await?;
        }
        verification::set_stale(&tx, name, None).await?;
        let parcel = news.store(&tx).await?;
        tx.commit().await.map_err(StoreError::statement("keep what a target showed"))?;
        self.relay.send(parcel).await;
        Ok(())
    }
}
