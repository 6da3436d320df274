//! What a call asks our own database: links, values and the guard's permission.

use scim::{FoundResource, ScimKind};
use store::StoreError;
use telemetry::chain;

use super::{CallStop, CallSubject, TargetCall};
use crate::guard::never::NeverList;
use crate::guard::permission::{self, ReservedPermission};
use crate::guard::restored;
use crate::rows::access::AccessChange;
use crate::rows::claims::ValueClaim;
use crate::rows::{claims, control, linked_subject};

impl TargetCall {
    /// Returns the other person or group that this resource is linked to, as far as our own links and the work under way know.
    ///
    /// # Errors
    /// [`CallStop::Deferred`] if the database fails.
    pub(crate) async fn linked_to_another(&self, remote_id: &str) -> Result<Option<String>, CallStop> {
        let CallSubject { kind, subject, .. } = &self.about;
        if let Some(other) = self.target.claims.holder(*kind, remote_id).filter(|holder| holder != subject) {
            return Ok(Some(other));
        }
        let found =
            linked_subject(self.target.store.reader(), &self.target.name, *kind, remote_id, subject).await;
        found.map_err(|error| {
            tracing::warn!(target_name = %self.target.name, error = chain(&error), "could not look at the links");
            CallStop::Deferred
        })
    }

    /// Claims the resource for this subject before the first request to it. Returns the other person or group that has
    /// it, or is about to have it.
    ///
    /// # Errors
    /// [`CallStop::Deferred`] if the database fails.
    pub(crate) async fn claim(&self, remote_id: &str) -> Result<Option<String>, CallStop> {
        let key = (self.about.kind, self.about.subject.clone());
        // The order matters: a claim is released only when its link is stored.
        match self.target.claims.claim(&key, remote_id) {
            Some(other) => Ok(Some(other)),
            None => self.linked_to_another(remote_id).await,
        }
    }

    /// Returns the other person or group of ours that has this value, as far as our own rows know.
    ///
    /// # Errors
    /// [`CallStop::Deferred`] if the database fails.
    pub(crate) async fn holder_of(&self, claim: &ValueClaim) -> Result<Option<String>, CallStop> {
        let CallSubject { kind, subject, .. } = &self.about;
        let target = &self.target;
        let found = claims::claim_holder(target.store.reader(), &target.name, *kind, claim, subject).await;
        found.map_err(|error| {
            tracing::warn!(target_name = %target.name, error = chain(&error), "could not look who has a value");
            CallStop::Deferred
        })
    }

    /// Returns whether the access of this person comes from a restored state, and no source has confirmed it since.
    ///
    /// # Errors
    /// [`CallStop::Deferred`] if the database fails.
    pub(crate) async fn is_withheld(&self) -> Result<bool, CallStop> {
        let key = (self.about.kind, self.about.subject.clone());
        let target = &self.target;
        let found = restored::withholds_access(target.store.reader(), &target.name, &key).await;
        found.map_err(|error| {
            tracing::warn!(target_name = %target.name, error = chain(&error), "could not see whether access was restored");
            CallStop::Deferred
        })
    }

    /// Asks the guard for a change of access that only the target's answer revealed. Returns the reason if the guard refuses it.
    ///
    /// # Errors
    /// [`CallStop::Deferred`] if the database fails, or if the row has changed meanwhile.
    pub(crate) async fn ask_permission(&self, change: AccessChange) -> Result<Option<String>, CallStop> {
        match self.reserve(change).await {
            Ok(ReservedPermission::Given) => Ok(None),
            Ok(ReservedPermission::Refused(reason)) => Ok(Some(reason)),
            Ok(ReservedPermission::Overtaken) => Err(CallStop::Deferred),
            Err(error) => {
                tracing::warn!(target_name = %self.target.name, error = chain(&error), "could not add up changes of access");
                Err(CallStop::Deferred)
            }
        }
    }

    /// Reserves the guard's permission in a transaction of its own.
    async fn reserve(&self, change: AccessChange) -> Result<ReservedPermission, StoreError> {
        let tx = self.target.store.begin().await?;
        let key = (self.about.kind, self.about.subject.clone());
        let reserved =
            permission::reserve_permission(&tx, &self.target.lease, &self.target.name, &key, change).await?;
        tx.commit().await.map_err(StoreError::statement("reserve a change of access"))?;
        Ok(reserved)
    }

    /// Returns the reason why the account must not be linked: the policy's rule for orphans excepts its name.
    ///
    /// # Errors
    /// [`CallStop::Deferred`] if the database fails.
    pub(crate) async fn excepted(
        &self,
        kind: ScimKind,
        found: &FoundResource,
    ) -> Result<Option<String>, CallStop> {
        if kind != ScimKind::User {
            return Ok(None);
        }
        let shown = scim::observe_resource(&found.attributes, &[NeverList::name_path(kind).to_owned()]);
        let Some(name) = NeverList::name_in(kind, &shown) else { return Ok(None) };
        let control = control::load_control(self.target.store.reader(), &self.target.name).await;
        let control = control.map_err(|error| {
            tracing::warn!(target_name = %self.target.name, error = chain(&error), "could not look at the rules for orphans");
            CallStop::Deferred
        })?;
        Ok(control.rules().orphans.excepts(name).then(|| {
            format!(
                "account {} ({name:?}) is an exception of the policy (`orphans.except`): it is not linked",
                found.id
            )
        }))
    }
}
