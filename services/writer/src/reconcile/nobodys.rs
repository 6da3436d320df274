//! Accounts of nobody: told of, and put into the queue where the policy says that something becomes of them.

use lifecycle::{Difference, Found, ResourceKind};
use scim::Found as Seen;
use store::StoreError;

use super::Run;
use crate::orphans;
use crate::rows::{control, resource};

/// What may become of them in this comparison.
pub(super) struct Nobodys {
    rules: control::Rules,
    /// People who should have an account and have none.
    without_account: u64,
}

impl Run {
    pub(super) async fn nobodys(&self) -> Result<Nobodys, StoreError> {
        let reader = self.target.store.reader();
        let rules = control::load(reader, &self.target.name).await?.rules();
        let without_account = orphans::without_account(reader, &self.target.name).await?;
        Ok(Nobodys { rules, without_account })
    }

    /// Tells of an account that is linked to nobody, and returns the row by which it is taken away, if it is.
    pub(super) fn nobodys_account(
        &mut self,
        nobodys: &Nobodys,
        seen: &Seen,
        before: Option<&resource::Model>,
    ) -> Option<resource::Model> {
        let row = orphans::row(&self.target.name, &nobodys.rules.orphans, seen, before, self.row.started_at);
        let what = match &row {
            None => Vec::new(),
            Some(_) if nobodys.without_account > 0 => vec![
                "left alone while somebody who should have an account has none: it may be theirs".to_owned(),
            ],
            Some(_) => vec!["the policy takes it away".to_owned()],
        };
        self.report.counts.orphans += 1;
        self.note(Found {
            difference: Difference::Orphan,
            kind: ResourceKind::User,
            subject: None,
            remote_id: Some(seen.id.clone()),
            what,
        });
        row.filter(|_| nobodys.without_account == 0)
    }
}
