//! Verbs `reconcile` and `reconciliation`: starts the reconciliation of a whole target, and reports its progress.

use lifecycle::{ControlError, ReconcileRequest, ReconcileState, Reconciliation, ReconciliationRequest};
use store::StoreError;

use super::{WriterControl, database_refusal, refuse_with};
use crate::reconcile::new_reconciliation;
use crate::rows::reconcile;

impl WriterControl {
    /// Starts, joins or cancels a reconciliation.
    ///
    /// # Errors
    /// If the target is not configured, or if there is nothing to cancel.
    pub(super) async fn reconcile(&self, request: ReconcileRequest) -> Result<Reconciliation, ControlError> {
        self.configured(&request.target)?;
        let row = self.set_reconcile(&request).await.map_err(|error| database_refusal(&error))?;
        if let Some(wake_up) = self.wake_ups.get(&request.target) {
            wake_up.notify_one();
        }
        let row = row
            .ok_or_else(|| refuse_with(format!("no reconciliation of `{}` is under way", request.target)))?;
        row.report().map_err(|error| refuse_with(format!("cannot read the reconciliation: {error}")))
    }

    /// Begins a reconciliation, joins the one that is under way, or cancels it.
    async fn set_reconcile(
        &self,
        request: &ReconcileRequest,
    ) -> Result<Option<reconcile::Model>, StoreError> {
        let tx = self.store.begin().await?;
        let running =
            reconcile::load_reconciliation(&tx, &request.target).await?.filter(reconcile::Model::is_running);
        let row = match running {
            Some(row) if request.cancel => {
                Some(reconcile::Model { state: ReconcileState::Cancelled.as_str().to_owned(), ..row })
            }
            None if request.cancel => None,
            Some(row) => return Ok(Some(row)),
            None => Some(new_reconciliation(
                &request.target,
                request.dry_run,
                request.gone_max,
                &request.actor.who,
            )),
        };
        if let Some(row) = &row {
            reconcile::save_reconciliation(&tx, row.clone()).await?;
        }
        tx.commit().await.map_err(StoreError::statement("begin a reconciliation"))?;
        Ok(row)
    }

    /// Returns the report of the last reconciliation.
    ///
    /// # Errors
    /// If the target is not configured, or if it was never reconciled.
    pub(super) async fn reconciliation(
        &self,
        request: ReconciliationRequest,
    ) -> Result<Reconciliation, ControlError> {
        self.configured(&request.target)?;
        let row = reconcile::load_reconciliation(self.store.reader(), &request.target)
            .await
            .map_err(|error| database_refusal(&error))?;
        let never = || {
            refuse_with(format!(
                "`{}` was never reconciled: run `usher reconcile {}`",
                request.target, request.target
            ))
        };
        let row = row.ok_or_else(never)?;
        row.report().map_err(|error| refuse_with(format!("cannot read the reconciliation: {error}")))
    }
}
