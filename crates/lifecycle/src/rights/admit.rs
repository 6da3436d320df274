//! The part of an event that counts.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use super::RightsVerdict;
use crate::{Event, EventKind, StatementDating};

/// A right that a sender lacks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum MissingRight {
    /// To send events of this type.
    Kind,
    /// To speak of this person.
    Person,
    /// To speak of this group.
    Group,
    /// To state that people join and leave.
    Employment,
    /// To state this attribute.
    Attribute(String),
    /// To take this person out of a group that decides who has an account.
    Members,
}

impl MissingRight {
    /// Returns the name under which missing rights are counted.
    pub fn limit(&self) -> &'static str {
        match self {
            Self::Kind => "right:kinds",
            Self::Person => "right:people",
            Self::Group => "right:groups",
            Self::Employment => "right:employment",
            Self::Attribute(_) => "right:attributes",
            Self::Members => "right:members",
        }
    }

    /// Returns the setting below `may` that grants the right.
    pub fn setting(&self) -> &'static str {
        match self {
            Self::Kind => "kinds",
            Self::Person | Self::Members => "people",
            Self::Group => "groups",
            Self::Employment => "employment",
            Self::Attribute(_) => "attributes",
        }
    }
}

impl fmt::Display for MissingRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind => f.write_str("events of this type"),
            Self::Person => f.write_str("events about this person"),
            Self::Group => f.write_str("events about this group"),
            Self::Employment => f.write_str("who joins and leaves"),
            Self::Attribute(name) => write!(f, "the attribute {name}"),
            Self::Members => f.write_str("who leaves a group that a policy uses for its scope"),
        }
    }
}

impl RightsVerdict {
    /// Returns the rights that the event lacks.
    pub fn missing(&self) -> Vec<MissingRight> {
        let refused = self.refused.clone();
        let employment = self.without_employment.then_some(MissingRight::Employment);
        let dropped = self.dropped.iter().cloned().map(MissingRight::Attribute);
        refused.into_iter().chain(employment).chain(dropped).collect()
    }

    /// Returns whether the event would revoke access, and does not.
    pub fn refuses_departure(&self, event: &Event) -> bool {
        (self.refused.is_some() || self.without_employment) && event.takes_away()
    }

    /// Returns the part of `event` that counts; `None` if there is none. `stated` are the attributes that the sender stated of
    /// the person before: a whole record withdraws those that it does not contain. With attributes that the sender may not
    /// state, a whole record is no record of the whole person, and must not withdraw what others said.
    pub fn admit<'e>(
        &self,
        event: &'e Event,
        is_partial: bool,
        stated: impl FnOnce() -> Vec<String>,
    ) -> Option<Cow<'e, Event>> {
        if self.refused.is_some() {
            return None;
        }
        let is_partial_record = is_partial && event.kind == EventKind::WorkerSnapshot;
        if self.is_clean() && !is_partial_record {
            return Some(Cow::Borrowed(event));
        }
        let mut kept = event.clone();
        kept.attributes.retain(|name, _| !self.dropped.contains(name));
        if is_partial_record {
            for name in stated() {
                kept.attributes.entry(name).or_insert(Value::Null);
            }
        }
        if self.without_employment {
            kept.attributes.remove("active");
            kept.withdraws = false;
            if kept.kind != EventKind::WorkerSnapshot || is_partial_record {
                kept.kind = EventKind::WorkerChanged;
            }
        } else if is_partial_record {
            keep_as_observation(&mut kept);
        }
        let is_empty = kept.kind == EventKind::WorkerChanged && kept.attributes.is_empty();
        (!is_empty).then_some(Cow::Owned(kept))
    }
}

/// Makes a whole record a change of its attributes, with the same statement about employment.
fn keep_as_observation(record: &mut Event) {
    match record.states_active() {
        Some(active) => {
            record.kind = if active { EventKind::WorkerJoined } else { EventKind::WorkerLeft };
            record.dated = Some(StatementDating::Observed);
        }
        None => record.kind = EventKind::WorkerChanged,
    }
}
