//! The merged state of groups and of their memberships.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::limits::RefusedPart;
use crate::register::{RegisterStatement, StatementIntake, StatementProvenance};
use crate::{AttributeMap, Event, EventKind, Register};

/// The merged state of a group, without its members.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupState {
    attributes: BTreeMap<String, Register<Value>>,
    exists: Register<bool>,
    /// Statements of the whole membership: a membership statement that is older than the one in force does not count.
    member_lists: Register<()>,
}

impl GroupState {
    /// Merges one event about this group; see [`crate::PersonRecord::merge`] for `now`. Returns the parts that were
    /// refused.
    pub fn merge(&mut self, event: &Event, sequence: u64, now: i64) -> Vec<RefusedPart> {
        let from = StatementProvenance::of(event, sequence);
        let mut refused = Vec::new();
        let mut note = |intake: StatementIntake, what: RefusedPart| {
            if intake == StatementIntake::Refused {
                refused.push(what);
            }
        };
        match event.kind {
            EventKind::GroupUpserted => {
                note(self.exists.say(from, true, now), RefusedPart::Existence);
                for (name, value) in &event.attributes {
                    let register = self.attributes.entry(name.clone()).or_default();
                    note(register.say(from, value.clone(), now), RefusedPart::FutureValue(name.clone()));
                }
                if event.members.is_some() {
                    note(self.member_lists.say(from, (), now), RefusedPart::Members);
                }
            }
            EventKind::GroupDeleted => self.exists.say_unlimited(from, false, now),
            _ => {}
        }
        self.attributes.retain(|_, register| !register.is_empty());
        refused
    }

    /// Returns whether the group exists at `now` (microseconds).
    pub fn exists_at(&self, now: i64) -> bool {
        self.exists.at(now).is_some_and(|s| s.value)
    }

    /// Returns whether the group existed and was deleted. A group with members but no other statement does not count as
    /// deleted.
    pub fn gone_at(&self, now: i64) -> bool {
        self.exists.at(now).is_some_and(|s| !s.value)
    }

    /// Returns the attributes with a value at `now` (microseconds).
    pub fn attributes_at(&self, now: i64) -> AttributeMap {
        self.attributes
            .iter()
            .filter_map(|(name, register)| {
                let value = &register.at(now)?.value;
                (!value.is_null()).then(|| (name.clone(), value.clone()))
            })
            .collect()
    }

    /// Returns the statement of the whole membership that is in force at `now` (microseconds).
    pub fn member_floor_at(&self, now: i64) -> Option<&RegisterStatement<()>> {
        self.member_lists.at(now)
    }

    /// Returns the next time after `now` at which a known statement takes effect (microseconds).
    pub fn next_due(&self, now: i64) -> Option<i64> {
        let attributes = self.attributes.values().filter_map(|r| r.next_due(now)).min();
        [attributes, self.exists.next_due(now), self.member_lists.next_due(now)].into_iter().flatten().min()
    }
}

/// The merged state of one membership.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MembershipState(Register<bool>);

impl MembershipState {
    /// States that the member is (`present`) or is not in the group; see [`crate::PersonRecord::merge`] for `now`. A
    /// removal is never refused.
    pub fn say(&mut self, from: StatementProvenance, present: bool, now: i64) -> StatementIntake {
        if present {
            return self.0.say(from, true, now);
        }
        self.0.say_unlimited(from, false, now);
        StatementIntake::Taken
    }

    /// Returns whether the person is a member at `now`, given the group's [`GroupState::member_floor_at`].
    pub fn present_at(&self, floor: Option<&RegisterStatement<()>>, now: i64) -> bool {
        self.0.at_beside(floor, now).is_some_and(|said| said.value)
    }

    /// Returns the next time after `now` at which a known statement takes effect (microseconds).
    pub fn next_due(&self, now: i64) -> Option<i64> {
        self.0.next_due(now)
    }
}
