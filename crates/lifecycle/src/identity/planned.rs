//! Plans: statements that are already known and take effect later, and their cancellation.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;

use serde::{Deserialize, Serialize};

use super::PersonRecord;
use crate::employment::{Employment, EmploymentCancellation, EmploymentKind, EmploymentTurn, SourceVoice};
use crate::{AttributeMap, Event, EventId, ScheduleId, StatementVersion};

/// The maximum number of remembered events with statements about the future. Those furthest in the future are
/// forgotten first.
const ORIGINS_MAX: usize = 64;
/// The maximum number of cancellations that are kept, not counting those without which a plan would come true.
const CANCELLATIONS_MAX: usize = 64;

/// One part of an event's statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedPart {
    /// The state of the person's employment.
    Employment(EmploymentKind),
    /// An attribute, by its name.
    Attribute(String),
    /// A whole record: attributes that it does not name have no value.
    Record,
}

impl PlannedPart {
    /// The name of [`Self::Record`] in the journal.
    pub const RECORD_NAME: &'static str = "whole record";

    /// Returns the name in the journal: of the change of employment, or of the attribute.
    pub fn name(&self) -> &str {
        match self {
            Self::Employment(kind) => kind.as_str(),
            Self::Attribute(name) => name,
            Self::Record => Self::RECORD_NAME,
        }
    }

    /// Returns whether the part is the attribute `name`.
    pub(super) fn is_attribute(&self, name: &str) -> bool {
        matches!(self, Self::Attribute(attribute) if attribute == name)
    }
}

/// One event's statement about the future, reduced to the parts that will come true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpcomingChange {
    /// The id of the change.
    pub id: ScheduleId,
    /// The time at which it takes effect, and the time of the statement.
    pub version: StatementVersion,
    /// The parts that take effect.
    pub parts: Vec<PlannedPart>,
    /// The event, unless it was merged by a version of Usher that did not keep it.
    pub event: Option<EventId>,
    /// The event's CloudEvents `source`.
    pub source: Option<String>,
}

/// The event that made the statements of a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct StatementOrigin {
    version: StatementVersion,
    event: EventId,
    source: String,
}

/// An operator's cancellation: statements that were made until `said_at` about exactly the moment `effective_at` do
/// not come true. Later statements of the source count as usual.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct PlanCancellation {
    pub(super) effective_at: i64,
    pub(super) said_at: i64,
    pub(super) parts: Vec<PlannedPart>,
}

impl PersonRecord {
    /// Returns the changes that take effect after `now` (microseconds), in the order of time. Plans without an effect
    /// (withdrawn, replaced, or equal to the present state) are left out.
    pub fn planned(&self, key: &str, now: i64) -> Vec<UpcomingChange> {
        let mut by_version: BTreeMap<StatementVersion, Vec<PlannedPart>> = BTreeMap::new();
        let mut add =
            |version: StatementVersion, part: PlannedPart| by_version.entry(version).or_default().push(part);
        let by_key = self.by_key();
        for turn in self.employment_turns(&by_key, now) {
            add(turn.by, PlannedPart::Employment(turn.kind));
        }
        let mut seen: BTreeMap<i64, AttributeMap> = BTreeMap::new();
        let mut value = |at: i64, name: &str| {
            let attributes = seen.entry(at).or_insert_with(|| self.view(key, at).attributes);
            attributes.get(name).cloned()
        };
        let mut names: Vec<(StatementVersion, &str)> =
            self.attributes_to_come(now).map(|(name, version)| (version, name)).collect();
        names.sort_unstable();
        for (version, name) in names {
            let at = version.effective_at;
            if value(at - 1, name) != value(at, name) {
                add(version, PlannedPart::Attribute(name.to_owned()));
            }
        }
        self.records_to_come(now).for_each(|version| add(version, PlannedPart::Record));
        let planned = by_version.into_iter().map(|(version, parts)| {
            let origin = self.origins.iter().find(|origin| origin.version == version);
            UpcomingChange {
                id: ScheduleId::of(key, version),
                version,
                parts,
                event: origin.map(|origin| origin.event.clone()),
                source: origin.map(|origin| origin.source.clone()),
            }
        });
        planned.collect()
    }

    /// Cancels a plan: every statement about it that was made until `said_at` (microseconds), by any event and
    /// regardless of its arrival. Like any statement, a cancellation may be merged in any order and any number of
    /// times, as long as it is merged before the plan takes effect.
    pub fn cancel(&mut self, effective_at: i64, parts: &[PlannedPart], said_at: i64) {
        for part in parts {
            match part {
                PlannedPart::Attribute(name) => {
                    if let Some(register) = self.attributes.get_mut(name) {
                        register.withdraw(effective_at, said_at);
                    }
                }
                PlannedPart::Record => self.snapshots.withdraw(effective_at, said_at),
                PlannedPart::Employment(_) => {}
            }
        }
        self.attributes.retain(|_, register| !register.is_empty());
        self.cancel_of_sources(effective_at, parts, said_at);
        let cancellation = PlanCancellation { effective_at, said_at, parts: parts.to_vec() };
        if let Err(at) = self.cancelled.binary_search(&cancellation) {
            self.cancelled.insert(at, cancellation);
        }
        self.forget_cancellations();
    }

    /// Forgets cancellations that decide nothing any more, if there are many. The earliest moments are forgotten
    /// first.
    fn forget_cancellations(&mut self) {
        let mut index = 0;
        while self.cancelled.len() > CANCELLATIONS_MAX && index < self.cancelled.len() {
            let before: Vec<Vec<SourceVoice>> = self.by_key().into_iter().map(|(_, voices)| voices).collect();
            let tried = self.cancelled.remove(index);
            if self.by_key().into_iter().map(|(_, voices)| voices).ne(before) {
                self.cancelled.insert(index, tried);
                index += 1;
            }
        }
    }

    /// Returns whether an operator cancelled every part of the plan.
    pub fn has_cancelled(&self, planned: &UpcomingChange) -> bool {
        planned.parts.iter().all(|part| self.is_cancelled(planned.version, |cancelled| cancelled == part))
    }

    /// Returns whether an operator cancelled a part of the statement.
    pub(super) fn is_cancelled(
        &self,
        version: StatementVersion,
        is_it: impl Fn(&PlannedPart) -> bool,
    ) -> bool {
        self.cancelled.iter().any(|cancelled| {
            cancelled.effective_at == version.effective_at
                && cancelled.said_at >= version.said_at
                && cancelled.parts.iter().any(&is_it)
        })
    }

    /// Returns the operators' cancellations of arrivals and departures.
    pub(super) fn employment_cancellations(&self) -> Vec<EmploymentCancellation> {
        let of = |cancelled: &PlanCancellation| {
            let (said_at, day) = (cancelled.said_at, cancelled.effective_at);
            let kinds = cancelled.parts.iter().filter_map(|part| match part {
                PlannedPart::Employment(kind) => Some(*kind),
                PlannedPart::Attribute(_) | PlannedPart::Record => None,
            });
            kinds.map(|kind| EmploymentCancellation { said_at, day, kind }).collect::<Vec<_>>()
        };
        let mut cancellations: Vec<EmploymentCancellation> = self.cancelled.iter().flat_map(of).collect();
        cancellations.sort();
        cancellations
    }

    /// Returns the statements after `now` at which the state of the person's employment changes.
    fn employment_turns(&self, by_key: &[(&str, Vec<SourceVoice>)], now: i64) -> BTreeSet<EmploymentTurn> {
        let state = |at: i64| Self::decide_by_key(by_key, at).employment;
        let is_it = |turn: &EmploymentTurn| {
            let (then, before) = (state(turn.at), state(turn.at - 1));
            let kind = match then {
                Employment::Unknown => return false,
                Employment::Active => EmploymentKind::Active,
                Employment::Left { .. } => EmploymentKind::Left,
                Employment::Deleted { .. } => EmploymentKind::Deleted,
            };
            kind == turn.kind && discriminant(&then) != discriminant(&before)
        };
        by_key
            .iter()
            .flat_map(|(_, voices)| voices)
            .flat_map(|voice| voice.turns(now))
            .filter(is_it)
            .collect()
    }

    /// Remembers the event of a statement about the future.
    pub(super) fn note_origin(&mut self, event: &Event, version: StatementVersion, now: i64) {
        if version.effective_at <= now {
            return;
        }
        self.origins.retain(|origin| origin.version.effective_at > now);
        let origin = StatementOrigin { version, event: event.id.clone(), source: event.source.clone() };
        if let Err(at) = self.origins.binary_search(&origin) {
            self.origins.insert(at, origin);
        }
        self.origins.truncate(ORIGINS_MAX);
    }
}

#[cfg(test)]
mod tests;
