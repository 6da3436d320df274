//! DELETE: deletes a resource.

use lifecycle::EventKind;
use scim_service::{Precondition, ResourceType};
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, IntoActiveModel};
use store::StoreError;

use super::{ProviderSession, WriteEnding, WriteFailure, WriteResult, check_version};
use crate::SERVICE;
use crate::idp::members;
use crate::idp::rows::resource;

impl ProviderSession<'_> {
    /// Deletes the resource and its memberships in the transaction.
    pub(super) async fn delete_in(
        &self,
        tx: &DatabaseTransaction,
        kind: ResourceType,
        id: &str,
        only: Option<&Precondition>,
    ) -> Result<WriteResult, WriteFailure> {
        let left = relay::left_of(tx, SERVICE, id).await?;
        let Some(row) = self.locked(tx, kind, id).await? else {
            return Ok(WriteResult { ending: WriteEnding::Missing, parcels: left, events: 0 });
        };
        check_version(&row, only)?;
        let groups = members::groups_of(tx, id).await?;
        let mut draft = self.draft(id, row.version + 1, self.state.clock.next(row.changed_at));
        for group in groups {
            // Otherwise a person who comes back under the same key would be in their old groups again.
            if let Some(group) = self.touch(tx, &group).await? {
                draft.at = draft.at.max(group.changed_at);
                draft.members(EventKind::GroupMemberRemoved, &group.key, vec![row.key.clone()]);
            }
        }
        let gone = match kind {
            ResourceType::User => EventKind::WorkerDeleted,
            ResourceType::Group => EventKind::GroupDeleted,
        };
        draft.gone(gone, &row.key);
        members::forget_memberships(tx, id).await?;
        let failed = StoreError::statement("delete a resource");
        resource::Entity::delete_by_id(id).exec(tx).await.map_err(failed)?;
        let (parcels, events) = self.pack(tx, left, draft).await?;
        Ok(WriteResult { ending: WriteEnding::Deleted, parcels, events })
    }

    /// Gives a new version to a group that loses a member.
    async fn touch(
        &self,
        tx: &DatabaseTransaction,
        group: &str,
    ) -> Result<Option<resource::Model>, StoreError> {
        let Some(row) = self.locked(tx, ResourceType::Group, group).await? else { return Ok(None) };
        let changed_at = self.state.clock.next(row.changed_at);
        let row = resource::Model { version: row.version + 1, changed_at, ..row };
        let failed = StoreError::statement("change a group");
        row.clone().into_active_model().reset_all().update(tx).await.map_err(failed)?;
        Ok(Some(row))
    }
}
