//! Refuses a new link to an account or group that another subject has, in the transaction that would store it.

use std::collections::HashMap;

use lifecycle::{AttributeMap, ResourceKind};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use crate::converge::outcome::{ConvergeOutcome, ConvergeProgress, WorkedResource};
use crate::delivery::links::linked_already;
use crate::rows::orphan;
use crate::rows::resource;

/// The subjects that have the ids which one transaction would link.
pub(super) struct LinkHolders(HashMap<String, String>);

impl LinkHolders {
    /// Reads the current holders of the ids that this work would link.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(super) async fn load(
        tx: &DatabaseTransaction,
        target: &str,
        kind: ResourceKind,
        worked: &[&WorkedResource],
    ) -> Result<Self, StoreError> {
        let mut ids: Vec<&String> =
            worked.iter().filter_map(|worked| worked.progress.remote_id.as_ref()).collect();
        ids.sort();
        ids.dedup();
        let mut holders = HashMap::new();
        for ids in ids.chunks(ROWS_PER_STATEMENT_MAX) {
            let rows = resource::Entity::find()
                .filter(resource::Column::Target.eq(target))
                .filter(resource::Column::Kind.eq(kind.as_str()))
                .filter(resource::Column::RemoteId.is_in(ids.iter().copied()))
                .filter(resource::Column::Subject.not_like(format!("{}%", orphan::PREFIX)))
                .all(tx)
                .await
                .map_err(StoreError::statement("look at the links"))?;
            holders.extend(rows.into_iter().filter_map(|row| Some((row.remote_id?, row.subject))));
        }
        Ok(Self(holders))
    }

    /// Takes the link of `worked`. Returns the result to store instead if another subject has the account.
    pub(super) fn take(&mut self, worked: &WorkedResource) -> Option<WorkedResource> {
        let id = worked.progress.remote_id.as_ref()?;
        let holder = self.0.entry(id.clone()).or_insert_with(|| worked.row.subject.clone());
        (*holder != worked.row.subject).then(|| refused(worked, id, holder))
    }
}

/// Turns the result into a conflict: the state of the account belongs to another subject.
fn refused(worked: &WorkedResource, id: &str, holder: &str) -> WorkedResource {
    tracing::warn!(target_name = %worked.row.target, subject = %worked.row.subject, holder, remote_id = id, "one account was found for two: the link is refused");
    WorkedResource {
        row: worked.row.clone(),
        progress: ConvergeProgress {
            remote_id: None,
            applied: AttributeMap::new(),
            in_doubt: false,
            off: None,
            was_on: true, // earlier evidence is about another subject's account
            origin: None,
            unseen: None,
            delete_after: None,
            ..worked.progress.clone()
        },
        outcome: ConvergeOutcome::Conflict { found: linked_already(id, holder) },
        facts: worked.facts.clone(),
        failed: worked.failed.clone(),
        references: worked.references.clone(),
    }
}
