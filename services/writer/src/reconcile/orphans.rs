//! Handles orphans: reports them, and queues those for which the policy defines an action.

use lifecycle::{DifferenceKind, FoundDifference, ResourceKind};
use scim::{FoundResource, ScimKind};
use store::StoreError;

use super::{ReconcileHalt, ReconcileRun};
use crate::guard::orphans;
use crate::guard::other_accounts::{self, ORPHANS_MAX};
use crate::rows::{control, orphan, resource};

/// The decisions about orphans in this reconciliation.
pub(super) struct OrphanDecisions {
    rules: control::OrphanRules,
    /// The number of people who should have an account and have none.
    without_account: u64,
}

impl ReconcileRun {
    /// Loads the rules for orphans, and the number of people without an account.
    pub(super) async fn orphan_decisions(&self) -> Result<OrphanDecisions, StoreError> {
        let reader = self.target.store.reader();
        let rules = control::load_control(reader, &self.target.name).await?.rules();
        let without_account = orphans::without_account(reader, &self.target.name).await?;
        Ok(OrphanDecisions { rules, without_account })
    }

    /// Reports an orphan, and returns the row by which its access is taken away, if the policy says so.
    pub(super) fn orphan_account(
        &mut self,
        decisions: &OrphanDecisions,
        seen: &FoundResource,
        before: Option<&resource::Model>,
    ) -> Option<resource::Model> {
        let row = orphans::orphan_row(
            &self.target.name,
            &decisions.rules.orphans,
            seen,
            before,
            self.row.started_at,
        );
        let never = self.target.never.judge(self.target.client.profile(), ScimKind::User, seen);
        let row = row.filter(|_| never.is_none());
        let what = match &row {
            None => never.into_iter().collect(),
            Some(_) if decisions.without_account > 0 => vec![
                "left alone while a person who should have an account has none: it may be theirs".to_owned(),
            ],
            Some(_) => vec!["the policy takes it away".to_owned()],
        };
        self.report.counts.orphans += 1;
        self.note(FoundDifference {
            difference: DifferenceKind::Orphan,
            kind: ResourceKind::User,
            subject: None,
            remote_id: Some(seen.id.clone()),
            what,
        });
        row.filter(|_| decisions.without_account == 0)
    }

    /// Adds an orphan to those that are stored with their names, as long as there is room.
    pub(super) fn keep_orphan(&self, seen: &FoundResource, kept: &mut Vec<orphan::Model>) {
        if self.orphans_seen() <= ORPHANS_MAX {
            kept.push(other_accounts::row(&self.target.name, seen, self.row.started_at));
        }
    }

    /// Ends the sweep after all users were read: forgets orphans that were not among them.
    pub(super) async fn end_users(&self) -> Result<(), ReconcileHalt> {
        let is_incomplete = self.orphans_seen() > ORPHANS_MAX;
        let tx = self.begin().await?;
        other_accounts::end_sweep(&tx, &self.target.name, self.row.started_at, is_incomplete).await?;
        Ok(self.commit(tx).await?)
    }

    fn orphans_seen(&self) -> u64 {
        self.report.counts.orphans + self.report.counts.duplicates
    }
}
