//! The events that a change of a resource makes.
//!
//! Each event of a person has the complete record, with null for removed attributes. It speaks of employment
//! only where the provider does: for a person who joined, left or came back. An identity provider that changes
//! only a title does not know that HR ended the person's employment an hour ago, and must not bring them back.

use lifecycle::{AttributeMap, Event, EventId, EventKind};
use serde_json::Value;

use super::clock::moment_of;

/// The maximum number of members in one event, and the maximum bytes of their keys: an event has at most 1 MiB.
const MEMBERS_PER_EVENT_MAX: usize = 1_000;
/// The maximum total length of the member keys in one event, in bytes.
const MEMBER_BYTES_PER_EVENT_MAX: usize = 256 * 1024;

/// The events of one change of one resource, in the order of their creation.
pub(super) struct ResourceEventDraft<'a> {
    /// The source of the events.
    pub(super) source: String,
    /// The id of the resource that changes.
    pub(super) id: &'a str,
    /// The resource's new version, which identifies the change.
    pub(super) version: i64,
    /// The time of acceptance, in microseconds since the Unix epoch. The events take effect at this time.
    pub(super) at: i64,
    pub(super) events: Vec<Event>,
}

/// The change of a person's employment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EmploymentChange {
    /// The person is new.
    New { employed: bool },
    /// The person is known; the employment before and after the change.
    Known { was: bool, is: bool },
}

impl EmploymentChange {
    /// Returns the kind of the event. Employment that did not change is not stated.
    fn kind(self) -> EventKind {
        match self {
            Self::New { employed: true } => EventKind::WorkerJoined,
            Self::New { employed: false } | Self::Known { was: true, is: false } => EventKind::WorkerLeft,
            Self::Known { was: false, is: true } => EventKind::WorkerRehired,
            Self::Known { .. } => EventKind::WorkerChanged,
        }
    }
}

impl ResourceEventDraft<'_> {
    /// Adds the event with a person's complete record, and null for attributes that are no longer in it.
    pub(super) fn person(
        &mut self,
        key: &str,
        employment: EmploymentChange,
        now: AttributeMap,
        before: &AttributeMap,
    ) {
        self.say(employment.kind(), key, with_nulls(now, before), None);
    }

    /// Adds the event with a group's complete record. A new group starts without
    /// members, so that members of an earlier group with the same key do not count.
    pub(super) fn group(&mut self, key: &str, is_new: bool, now: AttributeMap, before: &AttributeMap) {
        let members = is_new.then(Vec::new);
        self.say(EventKind::GroupUpserted, key, with_nulls(now, before), members);
    }

    /// Adds the events with people who became members of a group, or who are no longer members.
    pub(super) fn members(&mut self, kind: EventKind, group: &str, keys: Vec<String>) {
        let mut chunk = Vec::new();
        let mut bytes = 0;
        for key in keys {
            bytes += key.len();
            chunk.push(key);
            if chunk.len() == MEMBERS_PER_EVENT_MAX || bytes >= MEMBER_BYTES_PER_EVENT_MAX {
                self.say(kind, group, AttributeMap::new(), Some(std::mem::take(&mut chunk)));
                bytes = 0;
            }
        }
        if !chunk.is_empty() {
            self.say(kind, group, AttributeMap::new(), Some(chunk));
        }
    }

    /// Adds the event that the person or group is deleted.
    pub(super) fn gone(&mut self, kind: EventKind, key: &str) {
        self.say(kind, key, AttributeMap::new(), None);
    }

    /// Adds an event whose id consists of the resource's id, its version and a counter.
    fn say(
        &mut self,
        kind: EventKind,
        subject: &str,
        attributes: AttributeMap,
        members: Option<Vec<String>>,
    ) {
        let source_event_id = format!("{}#{}.{}", self.id, self.version, self.events.len());
        let at = moment_of(self.at);
        self.events.push(Event {
            id: EventId::of(&self.source, &source_event_id),
            source: self.source.clone(),
            source_event_id,
            kind,
            subject: subject.to_owned(),
            time: at,
            effective_at: at,
            accepted_at: at,
            sender: self.source.clone(),
            dated: None,
            attributes,
            members,
            feed: None,
            withdraws: false,
            unread: Vec::new(),
        });
    }
}

/// Adds null for each attribute that is no longer there.
fn with_nulls(mut now: AttributeMap, before: &AttributeMap) -> AttributeMap {
    for name in before.keys() {
        now.entry(name.clone()).or_insert(Value::Null);
    }
    now
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn draft() -> ResourceEventDraft<'static> {
        ResourceEventDraft {
            source: "entra/scim".into(),
            id: "u1",
            version: 3,
            at: 1_000_000,
            events: Vec::new(),
        }
    }

    fn attributes(value: Value) -> AttributeMap {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn employment_is_stated_only_where_it_changes() {
        let kind = |was, is| EmploymentChange::Known { was, is }.kind();
        assert_eq!(kind(true, true), EventKind::WorkerChanged);
        assert_eq!(kind(false, false), EventKind::WorkerChanged);
        assert_eq!(kind(true, false), EventKind::WorkerLeft);
        assert_eq!(kind(false, true), EventKind::WorkerRehired);
        assert_eq!(EmploymentChange::New { employed: true }.kind(), EventKind::WorkerJoined);
        assert_eq!(EmploymentChange::New { employed: false }.kind(), EventKind::WorkerLeft);
    }

    #[test]
    fn what_is_gone_is_said_to_be_gone() {
        let mut draft = draft();
        let (now, before) = (attributes(json!({"a": 1})), attributes(json!({"a": 0, "b": 2})));
        draft.person("E-1", EmploymentChange::Known { was: true, is: true }, now, &before);
        assert_eq!(draft.events[0].attributes, attributes(json!({"a": 1, "b": null})));
        assert_eq!(draft.events[0].source_event_id, "u1#3.0");
    }

    #[test]
    fn fifty_thousand_members_are_fifty_events_after_the_new_group() {
        let mut draft = draft();
        draft.group("G", true, AttributeMap::new(), &AttributeMap::new());
        draft.at += 1;
        let keys: Vec<String> = (0..50_000).map(|n| format!("E-{n}")).collect();
        draft.members(EventKind::GroupMemberAdded, "G", keys);
        assert_eq!(draft.events.len(), 51);
        assert_eq!(draft.events[0].members, Some(vec![]));
        assert!(draft.events[1..].iter().all(|event| event.effective_at > draft.events[0].effective_at));
        let ids: std::collections::HashSet<_> = draft.events.iter().map(|event| &event.id).collect();
        assert_eq!(ids.len(), 51);
    }

    #[test]
    fn long_keys_make_more_events_and_not_larger_ones() {
        let mut draft = draft();
        draft.members(EventKind::GroupMemberRemoved, "G", vec!["x".repeat(2_000); 1_000]);
        assert!(draft.events.len() > 5);
        assert!(draft.events.iter().all(|event| serde_json::to_vec(event).unwrap().len() < 600_000));
    }
}
