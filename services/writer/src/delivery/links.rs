//! Claims on accounts and groups: each one at a target belongs to one person or group.
//!
//! A call claims an id in memory before it sends a request to that account, so that two calls that find the same account
//! at the same moment do not both change it. The transaction that stores a link checks again (`results::claims`), and a
//! unique index backs both.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use lifecycle::ResourceKind;

use crate::rows::ResourceKey;

/// The ids at one target that calls under way are linking, with their subjects, until the links are stored.
#[derive(Debug, Default)]
pub(crate) struct LinkClaims(Mutex<HashMap<(ResourceKind, String), String>>);

impl LinkClaims {
    /// Claims an id for a subject. Returns the other subject that has claimed it, if there is one.
    pub(crate) fn claim(&self, (kind, subject): &ResourceKey, remote_id: &str) -> Option<String> {
        let mut claims = self.claims();
        let holder = claims.entry((*kind, remote_id.to_owned())).or_insert_with(|| subject.clone());
        (holder != subject).then(|| holder.clone())
    }

    /// Returns the subject that has claimed an id.
    pub(crate) fn holder(&self, kind: ResourceKind, remote_id: &str) -> Option<String> {
        self.claims().get(&(kind, remote_id.to_owned())).cloned()
    }

    /// Releases the claims of this subject, once its links are stored or refused.
    pub(crate) fn release(&self, (kind, subject): &ResourceKey) {
        self.claims().retain(|(claimed, _), holder| claimed != kind || holder != subject);
    }

    fn claims(&self) -> MutexGuard<'_, HashMap<(ResourceKind, String), String>> {
        self.0.lock().expect("nothing panics while holding it")
    }
}

/// Describes a resource that is linked to another person or group.
pub(crate) fn linked_already(remote_id: &str, other: &str) -> String {
    format!("resource {remote_id} is linked to {other} already")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_claimed_by_one_subject_until_that_is_released() {
        let claims = LinkClaims::default();
        let key = |subject: &str| (ResourceKind::User, subject.to_owned());
        assert_eq!(claims.claim(&key("E-1"), "42"), None);
        assert_eq!(claims.claim(&key("E-1"), "42"), None, "its own claim is no obstacle");
        assert_eq!(claims.claim(&key("E-2"), "42").as_deref(), Some("E-1"));
        assert_eq!(
            claims.claim(&(ResourceKind::Group, "G-1".to_owned()), "42"),
            None,
            "groups have ids of their own"
        );
        claims.release(&key("E-1"));
        assert_eq!(claims.claim(&key("E-2"), "42"), None);
    }
}
