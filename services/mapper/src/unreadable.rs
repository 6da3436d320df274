//! Stored states that cannot be read. Only this service writes them, so a newer version wrote one, or it is damaged.
//!
//! Code that reads one state returns the error, and the input at fault is set aside. Code that reads many goes on without
//! it, but never in silence: it collects what it met here, and each state is listed in the quarantine, once. It is processed
//! again at the next start, and when an operator retries it.

use std::collections::BTreeMap;

use sea_orm::ConnectionTrait;
use serde::de::DeserializeOwned;
use store::quarantine::{self, QuarantineReason, QuarantinedItem, stored_id};
use store::{Store, StoreError};
use telemetry::chain_text;

use crate::quarantine::log_item;
use crate::rows::decode_state;
use crate::{SERVICE, now};

/// The kind of a stored state, as the quarantine names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StateKind {
    Person,
    Group,
    /// A person or group in a group, by the keys of group and member.
    Membership,
    /// A record of a source, by source and key.
    Record,
    /// The state that was last requested of a target, by target and key of the person or group.
    DesiredUser,
    DesiredGroup,
    /// A run of a full feed.
    FeedRun,
    /// A key that signs evidence, by the name of its setting.
    EvidenceKey,
}

impl StateKind {
    const ALL: [Self; 8] = [
        Self::Person,
        Self::Group,
        Self::Membership,
        Self::Record,
        Self::DesiredUser,
        Self::DesiredGroup,
        Self::FeedRun,
        Self::EvidenceKey,
    ];

    /// Returns the name in ids of the quarantine.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Group => "group",
            Self::Membership => "membership",
            Self::Record => "record",
            Self::DesiredUser => "desired_user",
            Self::DesiredGroup => "desired_group",
            Self::FeedRun => "feed_run",
            Self::EvidenceKey => "evidence_key",
        }
    }

    /// Returns whether a departure may be in a state of this kind, and in nothing else that is listed.
    fn may_hold_departure(self) -> bool {
        matches!(self, Self::Membership | Self::FeedRun)
    }

    /// Returns the kind with this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Builds the quarantine item of a stored state. The last part of its key is the subject.
pub(crate) fn state_item(kind: StateKind, key: &[&str], cause: String) -> QuarantinedItem {
    let name = kind.as_str();
    let reason = QuarantineReason::StateUnreadable;
    let mut item = QuarantinedItem::message(name, 0, reason, lifecycle::unix_micros(now()));
    item.id = format!("{name}/{}", joined_key(key));
    item.subject = key.last().copied().unwrap_or_default().to_owned();
    (item.kind, item.cause) = (name.to_owned(), cause);
    item.is_departure = kind.may_hold_departure();
    item.payload = serde_json::to_vec(key).expect("texts are always JSON");
    item
}

/// Returns the parts of a key as one text. Colons within all parts but the last are escaped, so that no two keys have the
/// same text.
fn joined_key(key: &[&str]) -> String {
    let Some((last, before)) = key.split_last() else { return String::new() };
    let mut text = String::new();
    for part in before {
        text.push_str(&part.replace('%', "%25").replace(':', "%3A"));
        text.push(':');
    }
    text + last
}

/// Returns the key of the stored state that an item stands for, in `N` parts. `None` for an item of an older version.
pub(crate) fn state_key<const N: usize>(item: &QuarantinedItem) -> Option<[String; N]> {
    let parts: Vec<String> = serde_json::from_slice(&item.payload).ok()?;
    parts.try_into().ok()
}

/// States that could not be read.
#[derive(Debug, Default)]
pub(crate) struct UnreadableStates {
    items: BTreeMap<String, QuarantinedItem>,
}

impl UnreadableStates {
    /// Decodes a state. One that cannot be read is collected.
    pub(crate) fn decode<T: DeserializeOwned>(
        &mut self,
        kind: StateKind,
        json: &str,
        key: &str,
    ) -> Option<T> {
        match decode_state(json, key) {
            Ok(state) => Some(state),
            Err(error) => {
                self.note(kind, &[key], &error);
                None
            }
        }
    }

    /// Collects a state that could not be read because of `error`.
    pub(crate) fn note(&mut self, kind: StateKind, key: &[&str], error: &StoreError) {
        let item = state_item(kind, key, chain_text(error));
        self.items.insert(stored_id(&item.id), item);
    }

    /// Adds what another part of the work met.
    pub(crate) fn append(&mut self, other: Self) {
        self.items.extend(other.items);
    }

    /// Returns the number of states.
    pub(crate) fn count(&self) -> u64 {
        self.items.len() as u64
    }

    /// Lists each state in the quarantine, unless it is listed already.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn list(self, store: &Store) -> Result<(), StoreError> {
        if self.items.is_empty() {
            return Ok(());
        }
        let tx = store.begin().await?;
        let listed = self.list_within(&tx).await?;
        tx.commit().await.map_err(StoreError::statement("list a state that cannot be read"))?;
        listed.iter().for_each(log_item);
        Ok(())
    }

    /// Lists each state within a transaction, and returns those that were not listed yet. The caller logs them once the
    /// transaction is committed.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn list_within(
        self,
        connection: &impl ConnectionTrait,
    ) -> Result<Vec<QuarantinedItem>, StoreError> {
        let mut listed = Vec::new();
        for (id, item) in self.items {
            if quarantine::get_item(connection, SERVICE, &id).await?.is_none() {
                quarantine::put_item(connection, SERVICE, &item).await?;
                listed.push(item);
            }
        }
        Ok(listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_with_different_keys_have_different_items() {
        let keys: [&[&str]; 5] =
            [&["a:b", "c"], &["a", "b:c"], &["a%3Ab", "c"], &["a", "b%3Ac"], &["a", "bc"]];
        let ids: std::collections::BTreeSet<String> =
            keys.iter().map(|key| state_item(StateKind::Membership, key, String::new()).id).collect();
        assert_eq!(ids.len(), keys.len(), "{ids:?}");
        assert_eq!(state_item(StateKind::Person, &["a:b"], String::new()).id, "person/a:b");
    }

    #[test]
    fn each_kind_is_found_by_its_name() {
        for kind in StateKind::ALL {
            assert_eq!(StateKind::from_name(kind.as_str()), Some(kind));
        }
        assert_eq!(StateKind::from_name("EVENTS"), None);
    }
}
