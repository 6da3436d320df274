//! Remarks about each target that need an operator's attention. They are shown with the target's status.

use lifecycle::{ReconcileState, Reconciliation, TargetRemark, TargetRemarkReason};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use store::StoreError;

use super::WriterControl;
use crate::delivery::address;
use crate::guard::touches;
use crate::rows::{control, reconcile, resource};
use crate::{micros, now};

/// The time for which a contradiction is shown, in microseconds.
const DISPROVED_SHOWN_MICROS: i64 = 7 * 86_400 * 1_000_000;

impl WriterControl {
    /// Collects the remarks about a target.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(super) async fn remarks(&self, target: &str) -> Result<Vec<TargetRemark>, StoreError> {
        let mut remarks: Vec<TargetRemark> = self.disproved(target).await?.into_iter().collect();
        let row = control::load_control(self.store.reader(), target).await?;
        remarks.extend(address::remark(&row));
        remarks.extend(touches::remarks(self.store.reader(), target).await?);
        let last = reconcile::load_reconciliation(self.store.reader(), target).await?;
        if let Some(report) = last.and_then(|row| row.report().ok()) {
            remarks.extend(failure(&report));
            remarks.extend(duplicates(&report));
        }
        Ok(remarks)
    }

    /// Reports accounts that were on when they were read, although the target had answered that they are off.
    async fn disproved(&self, target: &str) -> Result<Option<TargetRemark>, StoreError> {
        let since = micros(now()).saturating_sub(DISPROVED_SHOWN_MICROS);
        let count = resource::Entity::find()
            .filter(resource::Column::Target.eq(target))
            .filter(resource::Column::AnswerDisprovedAt.gt(since))
            .count(self.store.reader())
            .await
            .map_err(StoreError::statement("count accounts with disproved answers"))?;
        Ok((count > 0).then(|| TargetRemark {
            reason: TargetRemarkReason::AnswersDisproved,
            detail: format!(
                "{count} accounts were on when they were read after the target had answered that they are off: it answers one \
                 thing and shows another, or an administrator there switched them on again; answers about them prove nothing any more"
            ),
        }))
    }
}

fn failure(report: &Reconciliation) -> Option<TargetRemark> {
    let why = report.error.as_ref().filter(|_| report.state == ReconcileState::Failed)?;
    Some(TargetRemark {
        reason: TargetRemarkReason::ReconciliationFailed,
        detail: format!("the last reconciliation failed: {why}"),
    })
}

fn duplicates(report: &Reconciliation) -> Option<TargetRemark> {
    let count = report.counts.duplicates;
    (count > 0).then(|| TargetRemark {
        reason: TargetRemarkReason::Duplicates,
        detail: format!(
            "{count} accounts carry the externalId of a person who has another account: see `usher reconcile {} --dry-run`",
            report.target
        ),
    })
}
