//! The client of a target as the rest of the writer sees it: anything may be read, and nothing can be changed without the
//! clearance of the never list.

use scim::{
    CreatedResource, FoundResource, ListedPage, PageStart, PatchOp, ResourceSearch, ScimClient, ScimKind,
    ScimReply, TargetProfile,
};
use serde_json::Value;

use crate::guard::never::ChangeClearance;
use lifecycle::AttributeMap;

/// The client of one target.
#[derive(Debug)]
pub(crate) struct TargetClient(ScimClient);

impl TargetClient {
    pub(crate) fn new(client: ScimClient) -> Self {
        Self(client)
    }

    pub(crate) fn profile(&self) -> &TargetProfile {
        self.0.profile()
    }

    /// See [`ScimClient::show`].
    pub(crate) fn show(
        &self,
        method: &str,
        kind: ScimKind,
        id: Option<&str>,
        body: Option<&Value>,
    ) -> (String, Option<Value>) {
        self.0.show(method, kind, id, body)
    }

    /// See [`ScimClient::find`].
    pub(crate) async fn find(
        &self,
        kind: ScimKind,
        path: &str,
        value: &str,
    ) -> ScimReply<Vec<FoundResource>> {
        self.0.find(kind, path, value).await
    }

    /// See [`ScimClient::find_next`].
    pub(crate) async fn find_next(
        &self,
        search: &mut ResourceSearch,
    ) -> ScimReply<Option<Vec<FoundResource>>> {
        self.0.find_next(search).await
    }

    /// See [`ScimClient::get`].
    pub(crate) async fn get(&self, kind: ScimKind, id: &str) -> ScimReply<FoundResource> {
        self.0.get(kind, id).await
    }

    /// See [`ScimClient::list`].
    pub(crate) async fn list(
        &self,
        kind: ScimKind,
        start: Option<&PageStart>,
        before: u64,
    ) -> ScimReply<ListedPage> {
        self.0.list(kind, start, before).await
    }

    /// See [`ScimClient::members`].
    pub(crate) async fn members(&self, id: &str) -> ScimReply<Option<Vec<String>>> {
        self.0.members(id).await
    }

    /// See [`ScimClient::is_member`].
    pub(crate) async fn is_member(&self, id: &str, member: &str) -> Option<ScimReply<bool>> {
        self.0.is_member(id, member).await
    }

    /// Creates a resource.
    pub(super) async fn create(
        &self,
        _cleared: &ChangeClearance,
        kind: ScimKind,
        attributes: &AttributeMap,
    ) -> ScimReply<CreatedResource> {
        self.0.create(kind, attributes).await
    }

    /// Changes a resource by these operations.
    pub(super) async fn patch(
        &self,
        _cleared: &ChangeClearance,
        (kind, id): (ScimKind, &str),
        ops: &[PatchOp],
    ) -> ScimReply<Option<FoundResource>> {
        self.0.patch(kind, id, ops).await
    }

    /// Replaces a resource.
    pub(super) async fn replace(
        &self,
        _cleared: &ChangeClearance,
        (kind, id): (ScimKind, &str),
        resource: &Value,
        version: Option<&str>,
    ) -> ScimReply<Option<FoundResource>> {
        self.0.replace(kind, id, resource, version).await
    }

    /// Deletes a resource.
    pub(super) async fn delete(
        &self,
        _cleared: &ChangeClearance,
        (kind, id): (ScimKind, &str),
    ) -> ScimReply<()> {
        self.0.delete(kind, id).await
    }
}
