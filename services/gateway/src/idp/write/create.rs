//! POST: creates a resource.

use lifecycle::{AttributeMap, EventKind};
use scim_service::{PatchedResource, ResourceType};
use sea_orm::{ActiveModelTrait, DatabaseTransaction, IntoActiveModel};
use store::StoreError;

use super::{
    ANSWER_MICROS_MAX, ProviderSession, WriteEnding, WriteFailure, WriteResult, external_id, name_of,
    name_taken, tree_json,
};
use crate::idp::events::EmploymentChange;
use crate::idp::mapping::group_attributes;
use crate::idp::members;
use crate::idp::rows::resource;

impl ProviderSession<'_> {
    /// Creates the resource in the transaction.
    pub(super) async fn create_in(
        &self,
        tx: &DatabaseTransaction,
        kind: ResourceType,
        patched: &PatchedResource,
    ) -> Result<WriteResult, WriteFailure> {
        let tree = &patched.attributes;
        let (name, at) = (name_of(kind, tree), self.state.clock.next(0));
        if let Some(known) = self.holder(tx, kind, resource::Column::Name, &name).await? {
            return self.again(tx, kind, &known.id, patched, at).await;
        }
        let id = uuid::Uuid::now_v7().to_string();
        let key = self.provider.mapping.key(kind, &id, tree)?;
        if self.holder(tx, kind, resource::Column::Key, &key).await?.is_some() {
            let detail = "another resource has the value that is the key of this one";
            return Err(scim_service::ScimServiceError::uniqueness(detail).into());
        }
        let row = resource::Model {
            source: self.provider.name().to_owned(),
            kind: kind.name().to_owned(),
            key,
            name,
            external_id: external_id(tree),
            attributes: tree_json(tree),
            employed: tree.get("active").is_none_or(|active| active == true),
            version: 1,
            created_at: at,
            // The members are added after the event that the group has none.
            changed_at: if kind == ResourceType::Group { self.state.clock.next(at) } else { at },
            answer_due_at: Some(at + ANSWER_MICROS_MAX),
            id,
        };
        self.insert(tx, row, patched).await
    }

    /// Handles a name that exists: the same creation again, or a conflict.
    async fn again(
        &self,
        tx: &DatabaseTransaction,
        kind: ResourceType,
        id: &str,
        patched: &PatchedResource,
        at: i64,
    ) -> Result<WriteResult, WriteFailure> {
        // A concurrent repetition waits here, and then finds that the first request is being answered.
        let Some(known) = self.locked(tx, kind, id).await? else { return Err(name_taken(kind).into()) };
        let is_unanswered = known.answer_due_at.is_some_and(|due| due <= at);
        if !is_unanswered || known.external_id != external_id(&patched.attributes) {
            return Err(name_taken(kind).into());
        }
        let done = self.change(tx, known, patched, Some(at + ANSWER_MICROS_MAX)).await?;
        let ending = match done.ending {
            WriteEnding::Changed(row) => WriteEnding::Created(row),
            ending => ending,
        };
        Ok(WriteResult { ending, ..done })
    }

    /// Inserts the resource and its members, and stores the events in the outbox.
    async fn insert(
        &self,
        tx: &DatabaseTransaction,
        row: resource::Model,
        patched: &PatchedResource,
    ) -> Result<WriteResult, WriteFailure> {
        let settling = members::settle_members(tx, self.provider.name(), None, &patched.members).await?;
        let failed = StoreError::statement("create a resource");
        row.clone().into_active_model().insert(tx).await.map_err(failed)?;
        members::write_members(tx, &row.id, &settling).await?;
        let mut draft = self.draft(&row.id, row.version, row.created_at);
        match row.kind() {
            ResourceType::User => {
                let attributes = self.mapped(tx, &row.key, &patched.attributes, row.changed_at).await?;
                let employment = EmploymentChange::New { employed: row.employed };
                draft.person(&row.key, employment, attributes, &AttributeMap::new());
            }
            ResourceType::Group => {
                draft.group(&row.key, true, group_attributes(&patched.attributes), &AttributeMap::new());
                draft.at = row.changed_at;
                let keys = settling.added.into_iter().map(|member| member.key).collect();
                draft.members(EventKind::GroupMemberAdded, &row.key, keys);
            }
        }
        let (parcels, events) = self.pack(tx, Vec::new(), draft).await?;
        Ok(WriteResult { ending: WriteEnding::Created(row), parcels, events })
    }
}
