//! What is known of a group and of who is in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Attributes, Event, EventKind, Register, Version};

/// The merged state of a group, without its members.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupState {
    attributes: BTreeMap<String, Register<Value>>,
    exists: Register<bool>,
    /// Statements of the whole membership: an edge that is older than the one in force is not a member.
    member_lists: Register<()>,
}

impl GroupState {
    /// Merges one event about this group; see [`crate::Identity::merge`] for `now`.
    pub fn merge(&mut self, event: &Event, sequence: u64, now: i64) {
        let version = Version::of(event, sequence);
        match event.kind {
            EventKind::GroupUpserted => {
                self.exists.say(version, true, now);
                for (name, value) in &event.attributes {
                    self.attributes.entry(name.clone()).or_default().say(version, value.clone(), now);
                }
                if event.members.is_some() {
                    self.member_lists.say(version, (), now);
                }
            }
            EventKind::GroupDeleted => self.exists.say(version, false, now),
            _ => {}
        }
    }

    /// Whether the group exists at `now` (microseconds).
    pub fn exists_at(&self, now: i64) -> bool {
        self.exists.at(now).is_some_and(|s| s.value)
    }

    /// Whether the group was there and was deleted; a group of which only members are known is not gone.
    pub fn gone_at(&self, now: i64) -> bool {
        self.exists.at(now).is_some_and(|s| !s.value)
    }

    /// Attributes with a value at `now` (microseconds).
    pub fn attributes_at(&self, now: i64) -> Attributes {
        self.attributes
            .iter()
            .filter_map(|(name, register)| {
                let value = &register.at(now)?.value;
                (!value.is_null()).then(|| (name.clone(), value.clone()))
            })
            .collect()
    }

    /// The statement of the whole membership that is in force at `now` (microseconds).
    pub fn member_floor_at(&self, now: i64) -> Option<Version> {
        self.member_lists.at(now).map(|s| s.version)
    }

    /// When something that is already known takes effect after `now` (microseconds).
    pub fn next_due(&self, now: i64) -> Option<i64> {
        let attributes = self.attributes.values().filter_map(|r| r.next_due(now)).min();
        [attributes, self.exists.next_due(now), self.member_lists.next_due(now)].into_iter().flatten().min()
    }
}

/// The merged state of one membership.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EdgeState(Register<bool>);

impl EdgeState {
    /// States that the member is (`present`) or is not in the group; see [`crate::Identity::merge`] for `now`.
    pub fn say(&mut self, version: Version, present: bool, now: i64) {
        self.0.say(version, present, now);
    }

    /// Whether the person is a member at `now`, given the group's [`GroupState::member_floor_at`].
    pub fn present_at(&self, floor: Option<Version>, now: i64) -> bool {
        self.0.at(now).is_some_and(|s| s.value && floor.is_none_or(|floor| s.version >= floor))
    }

    /// When something that is already known takes effect after `now` (microseconds).
    pub fn next_due(&self, now: i64) -> Option<i64> {
        self.0.next_due(now)
    }
}
