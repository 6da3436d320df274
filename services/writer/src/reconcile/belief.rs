//! Decides whether resources that a reconciliation did not see are believed to be gone.

use sea_orm::{PaginatorTrait, QueryFilter};
use store::StoreError;

use super::{ReconcileHalt, ReconcileRun};

/// The number of resources that may be gone from a target without confirmation, and the percentage of all linked
/// resources beyond it.
const GONE_MAX: u64 = 10;
const GONE_PERCENT_MAX: u64 = 20;

impl ReconcileRun {
    /// Checks that the number of missing resources is plausible. A token of another tenant sees another directory, and
    /// creating all people there would repair nothing.
    ///
    /// # Errors
    /// If far more are gone than go by accident, and no operator confirmed it.
    pub(super) async fn gone_can_be_believed(&self) -> Result<(), ReconcileHalt> {
        if self.report.dry_run {
            return Ok(());
        }
        let failed = StoreError::statement("count what was not seen");
        let reader = self.target.store.reader();
        let gone = self.linked_at_rest().filter(self.unseen()).count(reader).await.map_err(&failed)?;
        let linked = self.linked_at_rest().count(reader).await.map_err(&failed)?;
        if gone <= GONE_MAX || gone * 100 <= linked * GONE_PERCENT_MAX || self.is_allowed(gone) {
            return Ok(());
        }
        let target = &self.target.name;
        let allowed = match self.report.gone_max {
            Some(max) => format!("; {max} were allowed"),
            None => String::new(),
        };
        Err(ReconcileHalt::Failed(format!(
            "{gone} of {linked} linked accounts and groups are not there any more, more than the {GONE_PERCENT_MAX} % that are believed{allowed}; \
             none of them was queued. Check that the credential is that of the right tenant; if they are really gone: usher \
             reconcile {target} --allow-gone {gone}"
        )))
    }

    /// Returns whether an operator who knew the number allowed that so many are gone.
    fn is_allowed(&self, gone: u64) -> bool {
        self.report.gone_max.is_some_and(|max| gone <= max)
    }

    /// Confirms a changed address if most of the linked resources are there.
    ///
    /// # Errors
    /// If they are not, and no operator confirmed it.
    pub(super) async fn confirm_address(&self) -> Result<(), ReconcileHalt> {
        let Some(why) = self.target.address.doubt().filter(|_| !self.report.dry_run) else { return Ok(()) };
        let failed = StoreError::statement("count what was not seen");
        let reader = self.target.store.reader();
        let gone = self.linked_at_rest().filter(self.unseen()).count(reader).await.map_err(&failed)?;
        let linked = self.linked_at_rest().count(reader).await.map_err(&failed)?;
        if gone * 2 >= linked && linked > 0 && !self.is_allowed(gone) {
            let what = format!("{gone} of {linked} linked accounts and groups are not there: {why}");
            return Err(ReconcileHalt::Failed(what));
        }
        Ok(self.target.address.confirm(&self.target.store, &self.target.name).await?)
    }
}
