//! The changes that a call sends. Each is cleared by the never list first, by what the target shows.

use lifecycle::AttributeMap;
use scim::{CreatedResource, FoundResource, PatchOp, ScimKind};
use serde_json::Value;

use super::{CallStop, TargetCall};
use crate::delivery::operation::ScimOperation;
use crate::guard::never::{ChangeClearance, NeverList};

impl TargetCall {
    /// Creates a resource.
    ///
    /// # Errors
    /// [`CallStop::Never`] if the never list concerns its name; otherwise as [`TargetCall::send`].
    pub(crate) async fn create(
        &mut self,
        kind: ScimKind,
        attributes: &AttributeMap,
    ) -> Result<CreatedResource, CallStop> {
        let name = NeverList::name_in(kind, attributes);
        let cleared = self.target.never.clear_create(kind, name).map_err(CallStop::Never)?;
        self.send(ScimOperation::Create, async |client| client.create(&cleared, kind, attributes).await).await
    }

    /// Changes a resource by these operations.
    ///
    /// # Errors
    /// [`CallStop::Never`] if the never list concerns the resource; otherwise as [`TargetCall::send`].
    pub(crate) async fn patch(
        &mut self,
        operation: ScimOperation,
        (kind, id): (ScimKind, &str),
        ops: &[PatchOp],
    ) -> Result<Option<FoundResource>, CallStop> {
        let cleared = self.clear(kind, id).await?;
        self.send(operation, async |client| client.patch(&cleared, (kind, id), ops).await).await
    }

    /// Replaces a resource.
    ///
    /// # Errors
    /// [`CallStop::Never`] if the never list concerns the resource; otherwise as [`TargetCall::send`].
    pub(crate) async fn replace(
        &mut self,
        operation: ScimOperation,
        (kind, id): (ScimKind, &str),
        resource: &Value,
        version: Option<&str>,
    ) -> Result<Option<FoundResource>, CallStop> {
        let cleared = self.clear(kind, id).await?;
        self.send(operation, async |client| client.replace(&cleared, (kind, id), resource, version).await)
            .await
    }

    /// Deletes a resource.
    ///
    /// # Errors
    /// [`CallStop::Never`] if the never list concerns the resource; otherwise as [`TargetCall::send`].
    pub(crate) async fn delete(&mut self, kind: ScimKind, id: &str) -> Result<(), CallStop> {
        let cleared = self.clear(kind, id).await?;
        self.send(ScimOperation::Delete, async |client| client.delete(&cleared, (kind, id)).await).await
    }

    /// Checks that the never list concerns none of the members of a change, as far as their ids tell.
    ///
    /// # Errors
    /// [`CallStop::Never`] if it concerns one of them.
    pub(crate) fn clear_members<'m>(
        &self,
        mut ids: impl Iterator<Item = &'m String>,
    ) -> Result<(), CallStop> {
        let concern = |id: &String| {
            let kinds = [ScimKind::User, ScimKind::Group];
            kinds.into_iter().find_map(|kind| self.target.never.concern(kind, id, None))
        };
        ids.find_map(concern).map_or(Ok(()), |why| Err(CallStop::Never(why)))
    }

    /// Notes a resource that the target has shown, and returns the reason if the never list concerns it.
    pub(crate) fn note_shown(&mut self, kind: ScimKind, found: &FoundResource) -> Option<String> {
        if !self.shown.contains(&(kind, found.id.clone())) {
            self.shown.push((kind, found.id.clone()));
        }
        self.target.never.judge(self.target.client.profile(), kind, found)
    }

    /// Asks the never list for the permission to change a resource. It is read first if the list may concern it by a value
    /// that is not known.
    async fn clear(&mut self, kind: ScimKind, id: &str) -> Result<ChangeClearance, CallStop> {
        let known = self.about.known.as_ref().filter(|known| known.kind == kind && known.id == id);
        let name = known.map(|known| known.name.clone());
        let is_shown = self.shown.iter().any(|(shown, shown_id)| *shown == kind && shown_id == id);
        if !is_shown && self.target.never.needs_reading(kind, name.is_some()) {
            let body_bytes = std::mem::take(&mut self.body_bytes);
            let found = self.send(ScimOperation::Read, async |client| client.get(kind, id).await).await?;
            self.body_bytes = body_bytes;
            self.note_shown(kind, &found);
        }
        self.target.never.clear_change(kind, id, name.as_deref()).map_err(CallStop::Never)
    }
}
