//! Whether what a comparison did not see is believed to be gone.

use sea_orm::{PaginatorTrait, QueryFilter};
use store::StoreError;

use super::{ReconcileHalt, ReconcileRun};

/// So many may be gone from a target without a question, and beyond them this part of all that is linked.
const GONE_MAX: u64 = 10;
const GONE_PERCENT_MAX: u64 = 20;

impl ReconcileRun {
    /// A token of another tenant sees another directory: to create everybody there is no repair.
    ///
    /// # Errors
    /// When far more are gone than go by accident, and no operator confirmed it.
    pub(super) async fn gone_can_be_believed(&self) -> Result<(), ReconcileHalt> {
        if self.report.dry_run || self.report.allow_gone {
            return Ok(());
        }
        let failed = StoreError::statement("count what was not seen");
        let reader = self.target.store.reader();
        let gone = self.linked_at_rest().filter(self.unseen()).count(reader).await.map_err(&failed)?;
        let linked = self.linked_at_rest().count(reader).await.map_err(&failed)?;
        if gone <= GONE_MAX || gone * 100 <= linked * GONE_PERCENT_MAX {
            return Ok(());
        }
        let target = &self.target.name;
        Err(ReconcileHalt::Failed(format!(
            "{gone} of {linked} linked accounts and groups are not there any more, which is believed only of {GONE_PERCENT_MAX} %; \
             nothing of it was queued. Look whether the credential is that of the right tenant; if they are really gone: usher \
             reconcile {target} --allow-gone"
        )))
    }

    /// Where the address changed: it is right if most of what is linked is there.
    ///
    /// # Errors
    /// When it is not, and no operator confirmed it.
    pub(super) async fn confirm_address(&self) -> Result<(), ReconcileHalt> {
        let Some(why) = self.target.address.doubt().filter(|_| !self.report.dry_run) else { return Ok(()) };
        let failed = StoreError::statement("count what was not seen");
        let reader = self.target.store.reader();
        let gone = self.linked_at_rest().filter(self.unseen()).count(reader).await.map_err(&failed)?;
        let linked = self.linked_at_rest().count(reader).await.map_err(&failed)?;
        if gone * 2 >= linked && linked > 0 && !self.report.allow_gone {
            let what = format!("{gone} of {linked} linked accounts and groups are not there: {why}");
            return Err(ReconcileHalt::Failed(what));
        }
        Ok(self.target.address.confirm(&self.target.store, &self.target.name).await?)
    }
}
