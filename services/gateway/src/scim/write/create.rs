//! POST.

use lifecycle::{Attributes, EventKind};
use scim_service::{Kind, Patched};
use sea_orm::{ActiveModelTrait, DatabaseTransaction, IntoActiveModel};
use store::StoreError;

use super::{ANSWER_MICROS_MAX, Done, Ending, Failure, Session, external_id, json, name_of, taken};
use crate::scim::events::Employment;
use crate::scim::mapping::group_attributes;
use crate::scim::members;
use crate::scim::rows::resource;

impl Session<'_> {
    pub(super) async fn create_in(
        &self,
        tx: &DatabaseTransaction,
        kind: Kind,
        patched: &Patched,
    ) -> Result<Done, Failure> {
        let tree = &patched.attributes;
        let (name, at) = (name_of(kind, tree), self.door.clock.next(0));
        if let Some(known) = self.holder(tx, kind, resource::Column::Name, &name).await? {
            return self.again(tx, kind, &known.id, patched, at).await;
        }
        let id = uuid::Uuid::now_v7().to_string();
        let key = self.provider.mapping.key(kind, &id, tree)?;
        if self.holder(tx, kind, resource::Column::Key, &key).await?.is_some() {
            let detail = "another resource has the value that is the key of this one";
            return Err(scim_service::ScimError::uniqueness(detail).into());
        }
        let row = resource::Model {
            source: self.provider.name().to_owned(),
            kind: kind.name().to_owned(),
            key,
            name,
            external_id: external_id(tree),
            attributes: json(tree),
            employed: tree.get("active").is_none_or(|active| active == true),
            version: 1,
            created_at: at,
            // Members come after the statement that there were none.
            changed_at: if kind == Kind::Group { self.door.clock.next(at) } else { at },
            answer_due_at: Some(at + ANSWER_MICROS_MAX),
            id,
        };
        self.insert(tx, row, patched).await
    }

    /// There is one of this name: the same creation again, or a conflict.
    async fn again(
        &self,
        tx: &DatabaseTransaction,
        kind: Kind,
        id: &str,
        patched: &Patched,
        at: i64,
    ) -> Result<Done, Failure> {
        // Whoever repeats it at the same time waits here, and finds that it is being answered.
        let Some(known) = self.locked(tx, kind, id).await? else { return Err(taken(kind).into()) };
        let is_unanswered = known.answer_due_at.is_some_and(|due| due <= at);
        if !is_unanswered || known.external_id != external_id(&patched.attributes) {
            return Err(taken(kind).into());
        }
        let done = self.change(tx, known, patched, Some(at + ANSWER_MICROS_MAX)).await?;
        let ending = match done.ending {
            Ending::Changed(row) => Ending::Created(row),
            ending => ending,
        };
        Ok(Done { ending, ..done })
    }

    async fn insert(
        &self,
        tx: &DatabaseTransaction,
        row: resource::Model,
        patched: &Patched,
    ) -> Result<Done, Failure> {
        let settling = members::settle(tx, self.provider.name(), None, &patched.members).await?;
        let failed = StoreError::statement("create a resource");
        row.clone().into_active_model().insert(tx).await.map_err(failed)?;
        members::write(tx, &row.id, &settling).await?;
        let mut draft = self.draft(&row.id, row.version, row.created_at);
        match row.kind() {
            Kind::User => {
                let attributes = self.mapped(tx, &row.key, &patched.attributes, row.changed_at).await?;
                let employment = Employment::New { employed: row.employed };
                draft.person(&row.key, employment, attributes, &Attributes::new());
            }
            Kind::Group => {
                draft.group(&row.key, true, group_attributes(&patched.attributes), &Attributes::new());
                draft.at = row.changed_at;
                let keys = settling.added.into_iter().map(|member| member.key).collect();
                draft.members(EventKind::GroupMemberAdded, &row.key, keys);
            }
        }
        let (parcels, events) = self.pack(tx, Vec::new(), draft).await?;
        Ok(Done { ending: Ending::Created(row), parcels, events })
    }
}
