//! Dangling references: managers and members of groups that name an account which the target does not have. Our own
//! references among them are corrected as drift; all of them are counted.

use std::collections::HashSet;

use lifecycle::{DifferenceKind, FoundDifference, ResourceKind};
use scim::ScimKind;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::{ReconcileHalt, ReconcileRun};
use crate::rows::resource;

/// The maximum number of references that are kept until everything was read.
const NAMED_MAX: usize = 100_000;

/// The listed ids, and the references to ids that were not listed so far.
#[derive(Debug, Default)]
pub(super) struct ReferenceInventory {
    /// `None` if another process began the reconciliation: then the listed users are unknown.
    users: Option<HashSet<String>>,
    groups: HashSet<String>,
    named: Vec<NamedReference>,
}

/// One reference to a resource at the target.
#[derive(Debug)]
struct NamedReference {
    kind: ResourceKind,
    subject: String,
    remote_id: Option<String>,
    /// The attribute that holds the reference.
    by: String,
    id: String,
}

impl ReferenceInventory {
    /// Starts the inventory when the reconciliation begins to read accounts.
    pub(super) fn begin(&mut self) {
        self.users = Some(HashSet::new());
    }

    /// Adds the ids of a page.
    pub(super) fn take<'i>(&mut self, kind: ScimKind, ids: impl Iterator<Item = &'i String>) {
        match (kind, &mut self.users) {
            (ScimKind::Group, _) => self.groups.extend(ids.cloned()),
            (ScimKind::User, Some(users)) => users.extend(ids.cloned()),
            (ScimKind::User, None) => {}
        }
    }

    /// Notes that `row` refers to `id` by an attribute.
    pub(super) fn name(&mut self, row: &resource::Model, by: &str, id: &str) {
        let Some(users) = &self.users else { return };
        // Accounts come before groups, so all accounts were listed by then.
        let is_listed = row.kind() == ResourceKind::Group && users.contains(id);
        if is_listed || self.named.len() >= NAMED_MAX {
            return;
        }
        self.named.push(NamedReference {
            kind: row.kind(),
            subject: row.subject.clone(),
            remote_id: row.remote_id.clone(),
            by: by.to_owned(),
            id: id.to_owned(),
        });
    }

    /// Returns the references to ids that were not listed at all.
    fn dangling(&mut self) -> Vec<NamedReference> {
        let users = self.users.take().unwrap_or_default();
        let is_listed = |named: &NamedReference| users.contains(&named.id) || self.groups.contains(&named.id);
        std::mem::take(&mut self.named).into_iter().filter(|named| !is_listed(named)).collect()
    }
}

impl ReconcileRun {
    /// Counts dangling references once everything was read. They cannot be determined at a target that does not list
    /// accounts that are off.
    pub(super) async fn count_dangling(&mut self) -> Result<(), ReconcileHalt> {
        let mut dangling = self.listed.dangling();
        if self.target.client.profile().hides_disabled {
            return Ok(());
        }
        let ids: Vec<String> = dangling.iter().map(|named| named.id.clone()).collect();
        for ids in ids.chunks(ROWS_PER_STATEMENT_MAX) {
            let linked: Vec<Option<String>> = resource::Entity::find()
                .select_only()
                .column(resource::Column::RemoteId)
                .filter(resource::Column::Target.eq(&self.target.name))
                .filter(resource::Column::RemoteId.is_in(ids))
                .into_tuple()
                .all(self.target.store.reader())
                .await
                .map_err(StoreError::statement("read what is linked"))?;
            let linked: HashSet<String> = linked.into_iter().flatten().collect();
            dangling.retain(|named| !linked.contains(&named.id));
        }
        for NamedReference { kind, subject, remote_id, by, id } in dangling {
            self.report.counts.dangling += 1;
            self.note(FoundDifference {
                difference: DifferenceKind::Dangling,
                kind,
                subject: Some(subject),
                remote_id,
                what: vec![format!("{by} names {id}")],
            });
        }
        Ok(())
    }
}
