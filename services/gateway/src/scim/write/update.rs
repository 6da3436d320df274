//! PUT and PATCH.

use lifecycle::EventKind;
use scim_service::{Kind, Patched, Precondition, Tree};
use sea_orm::{ActiveModelTrait, DatabaseTransaction, IntoActiveModel};
use store::StoreError;

use super::{Done, Edit, Ending, Failure, Session, check_version, external_id, json, name_of, taken};
use crate::SERVICE;
use crate::scim::events::{Draft, Employment};
use crate::scim::mapping::group_attributes;
use crate::scim::members;
use crate::scim::rows::resource;

impl Session<'_> {
    pub(super) async fn update_in(
        &self,
        tx: &DatabaseTransaction,
        kind: Kind,
        id: &str,
        only: Option<&Precondition>,
        edit: Edit<'_>,
    ) -> Result<Done, Failure> {
        let Some(row) = self.locked(tx, kind, id).await? else {
            return Ok(Done { ending: Ending::Missing, parcels: Vec::new(), events: 0 });
        };
        check_version(&row, only)?;
        // Whoever names the id knows it.
        let row = resource::Model { answer_due_at: None, ..row };
        let current = row.tree()?;
        let patched = match edit {
            Edit::Replace(body) => scim_service::replace(kind, &current, body)?,
            Edit::Patch(body) => scim_service::patch(kind, &current, body)?,
        };
        self.change(tx, row, &patched, None).await
    }

    /// Makes the resource what `patched` says. `answer_due_at` is set where the change is a creation that is repeated.
    pub(super) async fn change(
        &self,
        tx: &DatabaseTransaction,
        row: resource::Model,
        patched: &Patched,
        answer_due_at: Option<i64>,
    ) -> Result<Done, Failure> {
        let kind = row.kind();
        let before = row.tree()?;
        let left = relay::left_of(tx, SERVICE, &row.id).await?;
        let settling = members::settle(tx, self.provider.name(), Some(&row.id), &patched.members).await?;
        let is_same = before == patched.attributes;
        if is_same && settling.is_empty() && answer_due_at.is_none() {
            return Ok(Done { ending: Ending::Changed(row), parcels: left, events: 0 });
        }
        let name = name_of(kind, &patched.attributes);
        if name != row.name && self.holder(tx, kind, resource::Column::Name, &name).await?.is_some() {
            return Err(taken(kind).into());
        }
        let was = row.employed;
        if kind == Kind::User && before.contains_key("active") && !patched.attributes.contains_key("active") {
            self.note_active_taken_away();
        }
        let row = self.after(row, name, &patched.attributes, answer_due_at);
        let failed = StoreError::statement("change a resource");
        let all = row.clone().into_active_model().reset_all();
        all.update(tx).await.map_err(failed)?;
        members::write(tx, &row.id, &settling).await?;
        let mut draft = self.draft(&row.id, row.version, row.changed_at);
        if !is_same {
            self.say_attributes(tx, &mut draft, &row, was, &before, &patched.attributes).await?;
        }
        let keys = |members: Vec<members::Known>| members.into_iter().map(|member| member.key).collect();
        draft.members(EventKind::GroupMemberAdded, &row.key, keys(settling.added));
        draft.members(EventKind::GroupMemberRemoved, &row.key, keys(settling.removed));
        let (parcels, events) = self.pack(tx, left, draft).await?;
        Ok(Done { ending: Ending::Changed(row), parcels, events })
    }

    /// The row with what is new. The key stays: a person who gets another name is the same person.
    fn after(
        &self,
        row: resource::Model,
        name: String,
        tree: &Tree,
        answer_due_at: Option<i64>,
    ) -> resource::Model {
        let employed = tree.get("active").and_then(serde_json::Value::as_bool).unwrap_or(row.employed);
        resource::Model {
            name,
            external_id: external_id(tree),
            attributes: json(tree),
            employed,
            version: row.version + 1,
            changed_at: self.door.clock.next(row.changed_at),
            answer_due_at: answer_due_at.or(row.answer_due_at),
            ..row
        }
    }

    async fn say_attributes(
        &self,
        tx: &DatabaseTransaction,
        draft: &mut Draft<'_>,
        row: &resource::Model,
        was: bool,
        before: &Tree,
        after: &Tree,
    ) -> Result<(), Failure> {
        match row.kind() {
            Kind::User => {
                let earlier = self.mapped(tx, &row.key, before, row.changed_at).await?;
                let attributes = self.mapped(tx, &row.key, after, row.changed_at).await?;
                draft.person(&row.key, Employment::Known { was, is: row.employed }, attributes, &earlier);
            }
            Kind::Group => {
                draft.group(&row.key, false, group_attributes(after), &group_attributes(before));
            }
        }
        Ok(())
    }
}
