//! PUT and PATCH: change a resource.

use lifecycle::EventKind;
use scim_service::{PatchedResource, Precondition, ResourceTree, ResourceType};
use sea_orm::{ActiveModelTrait, DatabaseTransaction, IntoActiveModel};
use store::StoreError;

use super::{
    ProviderSession, ResourceEdit, WriteEnding, WriteFailure, WriteResult, check_version, external_id,
    name_of, name_taken, tree_json,
};
use crate::SERVICE;
use crate::idp::events::{EmploymentChange, ResourceEventDraft};
use crate::idp::mapping::group_attributes;
use crate::idp::members;
use crate::idp::rows::resource;

impl ProviderSession<'_> {
    /// Updates the resource in the transaction.
    pub(super) async fn update_in(
        &self,
        tx: &DatabaseTransaction,
        kind: ResourceType,
        id: &str,
        only: Option<&Precondition>,
        edit: ResourceEdit<'_>,
    ) -> Result<WriteResult, WriteFailure> {
        let Some(row) = self.locked(tx, kind, id).await? else {
            return Ok(WriteResult { ending: WriteEnding::Missing, parcels: Vec::new(), events: 0 });
        };
        check_version(&row, only)?;
        // A client that sends the id has received it.
        let row = resource::Model { answer_due_at: None, ..row };
        let current = row.tree()?;
        let patched = match edit {
            ResourceEdit::Replace(body) => scim_service::replace_resource(kind, &current, body)?,
            ResourceEdit::Patch(body) => scim_service::patch_resource(kind, &current, body)?,
        };
        self.change(tx, row, &patched, None).await
    }

    /// Applies `patched` to the resource. `answer_due_at` is set if the change is a repeated creation.
    pub(super) async fn change(
        &self,
        tx: &DatabaseTransaction,
        row: resource::Model,
        patched: &PatchedResource,
        answer_due_at: Option<i64>,
    ) -> Result<WriteResult, WriteFailure> {
        let kind = row.kind();
        let before = row.tree()?;
        let left = relay::left_of(tx, SERVICE, &row.id).await?;
        let settling =
            members::settle_members(tx, self.provider.name(), Some(&row.id), &patched.members).await?;
        let is_same = before == patched.attributes;
        if is_same && settling.is_empty() && answer_due_at.is_none() {
            return Ok(WriteResult { ending: WriteEnding::Changed(row), parcels: left, events: 0 });
        }
        let name = name_of(kind, &patched.attributes);
        if name != row.name && self.holder(tx, kind, resource::Column::Name, &name).await?.is_some() {
            return Err(name_taken(kind).into());
        }
        let was = row.employed;
        if kind == ResourceType::User
            && before.contains_key("active")
            && !patched.attributes.contains_key("active")
        {
            self.note_active_taken_away();
        }
        let row = self.after(row, name, &patched.attributes, answer_due_at);
        let failed = StoreError::statement("change a resource");
        let all = row.clone().into_active_model().reset_all();
        all.update(tx).await.map_err(failed)?;
        members::write_members(tx, &row.id, &settling).await?;
        let mut draft = self.draft(&row.id, row.version, row.changed_at);
        if !is_same {
            self.say_attributes(tx, &mut draft, &row, was, &before, &patched.attributes).await?;
        }
        let keys =
            |members: Vec<members::KeyedMember>| members.into_iter().map(|member| member.key).collect();
        draft.members(EventKind::GroupMemberAdded, &row.key, keys(settling.added));
        draft.members(EventKind::GroupMemberRemoved, &row.key, keys(settling.removed));
        let (parcels, events) = self.pack(tx, left, draft).await?;
        Ok(WriteResult { ending: WriteEnding::Changed(row), parcels, events })
    }

    /// Returns the row with its new content. The key stays the same: a person with a new name is the same person.
    fn after(
        &self,
        row: resource::Model,
        name: String,
        tree: &ResourceTree,
        answer_due_at: Option<i64>,
    ) -> resource::Model {
        let employed = tree.get("active").and_then(serde_json::Value::as_bool).unwrap_or(row.employed);
        resource::Model {
            name,
            external_id: external_id(tree),
            attributes: tree_json(tree),
            employed,
            version: row.version + 1,
            changed_at: self.state.clock.next(row.changed_at),
            answer_due_at: answer_due_at.or(row.answer_due_at),
            ..row
        }
    }

    /// Adds the event with the changed attributes of a person or group.
    async fn say_attributes(
        &self,
        tx: &DatabaseTransaction,
        draft: &mut ResourceEventDraft<'_>,
        row: &resource::Model,
        was: bool,
        before: &ResourceTree,
        after: &ResourceTree,
    ) -> Result<(), WriteFailure> {
        match row.kind() {
            ResourceType::User => {
                let earlier = self.mapped(tx, &row.key, before, row.changed_at).await?;
                let attributes = self.mapped(tx, &row.key, after, row.changed_at).await?;
                draft.person(
                    &row.key,
                    EmploymentChange::Known { was, is: row.employed },
                    attributes,
                    &earlier,
                );
            }
            ResourceType::Group => {
                draft.group(&row.key, false, group_attributes(after), &group_attributes(before));
            }
        }
        Ok(())
    }
}
