//! What is known already and takes effect later, and taking it back before it does.

use std::collections::BTreeMap;
use std::mem::discriminant;

use serde::{Deserialize, Serialize};

use super::{EmploymentKind, EmploymentStatement, Identity};
use crate::{Attributes, Event, EventId, ScheduleId, Version};

/// How many events are remembered that said something of the future; the farthest go first.
const ORIGINS_MAX: usize = 64;
/// How many cancellations are kept; those of the earliest moments go first.
const CANCELLATIONS_MAX: usize = 64;

/// One thing that an event says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Whether the person works here.
    Employment(EmploymentKind),
    /// An attribute, by its name.
    Attribute(String),
    /// The record is whole: what it does not name has no value.
    Record,
}

impl Part {
    pub(super) fn is_attribute(&self, name: &str) -> bool {
        matches!(self, Self::Attribute(attribute) if attribute == name)
    }
}

/// What one event says of the future, as far as it will come true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upcoming {
    /// Names it.
    pub id: ScheduleId,
    /// When it takes effect, and when it was said.
    pub version: Version,
    /// What takes effect.
    pub parts: Vec<Part>,
    /// The event, unless it was merged by a version of Usher that did not keep it.
    pub event: Option<EventId>,
    /// The event's CloudEvents `source`.
    pub source: Option<String>,
}

/// Which event made the statements of a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Origin {
    version: Version,
    event: EventId,
    source: String,
}

/// An operator's word that what was said until `said_at` of exactly the moment `effective_at` does not come true. What
/// the source says later counts as ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Cancellation {
    pub(super) effective_at: i64,
    pub(super) said_at: i64,
    pub(super) parts: Vec<Part>,
}

impl Identity {
    /// What takes effect after `now` (microseconds), in that order. Of plans that come to nothing (withdrawn, replaced,
    /// or of what is so already) nothing is told.
    pub fn planned(&self, key: &str, now: i64) -> Vec<Upcoming> {
        let mut by_version: BTreeMap<Version, Vec<Part>> = BTreeMap::new();
        let mut add = |version: Version, part: Part| by_version.entry(version).or_default().push(part);
        let by_key = self.by_key();
        let turns = |at: i64| {
            let employment = |at: i64| discriminant(&Self::employment_by_key(&by_key, at));
            employment(at) != employment(at - 1)
        };
        for (_, said) in &by_key {
            let to_come = said.employment.iter().filter(|s| s.version.effective_at > now);
            for statement in to_come.filter(|s| said.turns(s) && turns(s.version.effective_at)) {
                add(statement.version, Part::Employment(statement.kind));
            }
        }
        let mut seen: BTreeMap<i64, Attributes> = BTreeMap::new();
        let mut value = |at: i64, name: &str| {
            let attributes = seen.entry(at).or_insert_with(|| self.view(key, at).attributes);
            attributes.get(name).cloned()
        };
        let mut names: Vec<(Version, &str)> =
            self.attributes_to_come(now).map(|(name, version)| (version, name)).collect();
        names.sort_unstable();
        for (version, name) in names {
            let at = version.effective_at;
            if value(at - 1, name) != value(at, name) {
                add(version, Part::Attribute(name.to_owned()));
            }
        }
        self.records_to_come(now).for_each(|version| add(version, Part::Record));
        let planned = by_version.into_iter().map(|(version, parts)| {
            let origin = self.origins.iter().find(|origin| origin.version == version);
            Upcoming {
                id: ScheduleId::of(key, version),
                version,
                parts,
                event: origin.map(|origin| origin.event.clone()),
                source: origin.map(|origin| origin.source.clone()),
            }
        });
        planned.collect()
    }

    /// Takes back something that is planned: whatever was said of it until `said_at` (microseconds), by whichever event
    /// and whenever that arrives. Like any statement it may be merged in any order and any number of times, as long as
    /// it is before the plan takes effect.
    pub fn cancel(&mut self, effective_at: i64, parts: &[Part], said_at: i64) {
        for part in parts {
            match part {
                Part::Attribute(name) => {
                    if let Some(register) = self.attributes.get_mut(name) {
                        register.withdraw(effective_at, said_at);
                    }
                }
                Part::Record => self.snapshots.withdraw(effective_at, said_at),
                Part::Employment(_) => {}
            }
        }
        self.attributes.retain(|_, register| !register.is_empty());
        self.cancel_of_sources(effective_at, parts, said_at);
        let cancellation = Cancellation { effective_at, said_at, parts: parts.to_vec() };
        if let Err(at) = self.cancelled.binary_search(&cancellation) {
            self.cancelled.insert(at, cancellation);
        }
        let excess = self.cancelled.len().saturating_sub(CANCELLATIONS_MAX);
        self.cancelled.drain(..excess);
    }

    /// Whether an operator took back all of it.
    pub fn has_cancelled(&self, planned: &Upcoming) -> bool {
        planned.parts.iter().all(|part| self.is_cancelled(planned.version, |cancelled| cancelled == part))
    }

    pub(super) fn is_cancelled(&self, version: Version, is_it: impl Fn(&Part) -> bool) -> bool {
        self.cancelled.iter().any(|cancelled| {
            cancelled.effective_at == version.effective_at
                && cancelled.said_at >= version.said_at
                && cancelled.parts.iter().any(&is_it)
        })
    }

    pub(super) fn is_employment_cancelled(&self, statement: &EmploymentStatement) -> bool {
        let is_it = |part: &Part| *part == Part::Employment(statement.kind);
        !self.cancelled.is_empty() && self.is_cancelled(statement.version, is_it)
    }

    pub(super) fn note_origin(&mut self, event: &Event, version: Version, now: i64) {
        if version.effective_at <= now {
            return;
        }
        self.origins.retain(|origin| origin.version.effective_at > now);
        let origin = Origin { version, event: event.id.clone(), source: event.source.clone() };
        if let Err(at) = self.origins.binary_search(&origin) {
            self.origins.insert(at, origin);
        }
        self.origins.truncate(ORIGINS_MAX);
    }

    /// Whether the person works here or not because of this statement, and did not a moment before.
    fn turns(&self, statement: &EmploymentStatement) -> bool {
        let at = statement.version.effective_at;
        let decides = self
            .in_force(at)
            .next()
            .is_some_and(|last| (last.version, last.kind) == (statement.version, statement.kind));
        decides && discriminant(&self.employment_at(at)) != discriminant(&self.employment_at(at - 1))
    }
}

impl EmploymentKind {
    /// What becomes of the person by it, in a word: `joins`, `leaves`, `is_erased`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "joins",
            Self::Left => "leaves",
            Self::Deleted => "is_erased",
        }
    }
}

#[cfg(test)]
mod tests;
