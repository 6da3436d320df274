//! What is known of one person, merged from events in any order.

#[cfg(test)]
mod circle_tests;
mod keys;
mod orders;
mod planned;
mod recycled;
mod recycled_login;
mod sources;
mod unheard;
mod unmatched;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::employment::{Contradiction, Employment, EmploymentStatement, compact_statements, is_full};
use crate::limits::RefusedPart;
use crate::people::SourceStanding;
use crate::register::{StatementIntake, StatementProvenance, unix_micros_of};
use crate::{AttributeMap, Event, EventKind, Register, StatementVersion};

pub use orders::{AccessOrder, AccessOrderKind, AccessOrders};
use planned::{PlanCancellation, StatementOrigin};
pub use planned::{PlannedPart, UpcomingChange};
use recycled::FormerNames;
pub use recycled_login::{FormerState, login_hash, login_hashes};
use sources::SourceStatementsOfPerson;

/// How many attributes of one person that no policy uses a sender may name; further ones are refused.
pub const ATTRIBUTES_MAX: usize = 512;

/// The merged state of a person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PersonRecord {
    attributes: BTreeMap<String, Register<Value>>,
    #[serde(default)]
    snapshots: Register<()>,
    #[serde(default)]
    employment: Vec<EmploymentStatement>,
    /// Which events said what takes effect later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    origins: Vec<StatementOrigin>,
    /// What operators withdrew before it took effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cancelled: Vec<PlanCancellation>,
    /// What operators order about the person's access.
    #[serde(default, skip_serializing_if = "AccessOrders::is_empty")]
    orders: AccessOrders,
    /// What the person was called when they left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    former: Option<FormerNames>,
    /// How far what was said before sources were told apart is believed.
    #[serde(default, skip_serializing_if = "SourceStanding::is_usual")]
    standing: SourceStanding,
    /// It is another key of this person, and nobody of its own any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved_to: Option<String>,
    /// By name: what each source said since sources are told apart. What was said before is above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sources: BTreeMap<String, SourceStatementsOfPerson>,
}

/// A person as they are at one moment: what policies are evaluated against.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct IdentityView {
    /// The person's key.
    pub key: String,
    /// Attributes with a value.
    pub attributes: AttributeMap,
    /// Whether the person works here.
    pub employment: Employment,
    /// When the next departure takes effect that is known and was not withdrawn (microseconds since the Unix epoch).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_departure: Option<i64>,
    /// When the statement was said that set the departure in effect (microseconds since the Unix epoch).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_since: Option<i64>,
    /// What sources say of the person's employment that cannot all be true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<Contradiction>,
    /// The orders of operators that are in force.
    #[serde(default, skip_serializing_if = "AccessOrders::is_empty")]
    pub orders: AccessOrders,
}

impl PersonRecord {
    /// Merges one event about this person. `now` is in microseconds and only serves to forget what can never
    /// matter again: the result depends on the set of merged events, not on their order or number. Names what was refused of
    /// it because its sender said too much of the future.
    pub fn merge(&mut self, event: &Event, sequence: u64, now: i64) -> Vec<RefusedPart> {
        self.note_origin(event, StatementVersion::of(event, sequence), now);
        self.say(event, sequence, now)
    }

    fn say(&mut self, event: &Event, sequence: u64, now: i64) -> Vec<RefusedPart> {
        let from = StatementProvenance::of(event, sequence);
        let mut refused = Vec::new();
        for (name, value) in &event.attributes {
            if self.is_cancelled(from.version, |part| part.is_attribute(name)) {
                continue;
            }
            let register = self.attributes.entry(name.clone()).or_default();
            if register.say(from, value.clone(), now) == StatementIntake::Refused {
                refused.push(RefusedPart::FutureValue(name.clone()));
            }
        }
        let is_record = event.kind == EventKind::WorkerSnapshot;
        if is_record
            && !self.is_cancelled(from.version, |part| *part == PlannedPart::Record)
            && self.snapshots.say(from, (), now) == StatementIntake::Refused
        {
            refused.push(RefusedPart::FutureRecord);
        }
        if let Some(statement) = EmploymentStatement::of(event, sequence) {
            let cancellations = self.employment_cancellations();
            if is_full(&mut self.employment, &statement, &cancellations, now) {
                refused.push(RefusedPart::FutureArrival);
            } else {
                self.state_employment(statement);
                compact_statements(&mut self.employment, &cancellations, now);
            }
        }
        refused
    }

    /// Names in `event` that are too many: its sender named many others, and no policy uses these.
    pub fn excess_attributes(&self, event: &Event, is_used: impl Fn(&str) -> bool) -> Vec<String> {
        if event.attributes.is_empty() {
            return Vec::new();
        }
        let parts = || std::iter::once(self).chain(self.sources.values().map(|source| &source.said));
        let named: BTreeSet<&str> = parts()
            .flat_map(|said| &said.attributes)
            .filter(|(_, register)| register.is_said_by(event.sender()))
            .map(|(name, _)| name.as_str())
            .collect();
        let mut free = ATTRIBUTES_MAX.saturating_sub(named.iter().filter(|name| !is_used(name)).count());
        let mut excess = Vec::new();
        for name in event.attributes.keys().filter(|name| !named.contains(name.as_str()) && !is_used(name)) {
            match free.checked_sub(1) {
                Some(rest) => free = rest,
                None => excess.push(name.clone()),
            }
        }
        excess
    }

    fn state_employment(&mut self, statement: EmploymentStatement) {
        if let Err(at) = self.employment.binary_search(&statement) {
            self.employment.insert(at, statement);
        }
    }

    /// The person `key` as of `now` (microseconds).
    pub fn view(&self, key: &str, now: i64) -> IdentityView {
        if !self.sources.is_empty() {
            return self.view_by_key(key, now);
        }
        self.seen(key, self.attributes_at(now), now)
    }

    /// Attributes with a value, of what is not kept by source.
    fn attributes_at(&self, now: i64) -> AttributeMap {
        let floor = self.snapshots.at(now);
        let values = self.attributes.iter().filter_map(|(name, register)| {
            let statement = register.at_beside(floor, now)?;
            (!statement.value.is_null()).then(|| (name.clone(), statement.value.clone()))
        });
        values.collect()
    }

    /// The person with these attributes as of `now`.
    fn seen(&self, key: &str, attributes: AttributeMap, now: i64) -> IdentityView {
        let decision = self.decide_employment(now);
        let mut view = IdentityView {
            key: key.to_owned(),
            attributes,
            employment: decision.employment,
            planned_departure: decision.planned_departure,
            known_since: decision.known_since,
            contradictions: decision.contradictions,
            orders: self.orders.at(now),
        };
        self.list_unheard(&mut view, now);
        self.hold_recycled(&mut view, now);
        self.list_departures_without_effect(&mut view, now);
        view
    }

    /// When something that is already known takes effect after `now`.
    pub fn next_due(&self, now: i64) -> Option<i64> {
        let by_key = self.by_key();
        let voices = by_key.iter().flat_map(|(_, voices)| voices);
        let employment = voices.filter_map(|voice| voice.next_due(now)).min();
        let orders = self.orders.next_due(now);
        [employment, self.next_attribute_due(now), orders].into_iter().flatten().min()
    }
}

/// Microseconds since the Unix epoch.
pub fn unix_micros(at: time::OffsetDateTime) -> i64 {
    unix_micros_of(at)
}
