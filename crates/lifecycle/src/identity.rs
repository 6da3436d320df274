//! The merged state of one person, from events in any order.

#[cfg(test)]
mod circle_tests;
mod introduced;
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

use crate::employment::{
    Contradiction, Employment, EmploymentStatement, compact_statements, is_full, keep_order_of_receipt,
};
use crate::limits::RefusedPart;
use crate::people::SourceStanding;
use crate::register::{StatementIntake, StatementProvenance};
use crate::version::unix_micros_of;
use crate::{AttributeMap, Event, EventKind, Register, StatementVersion};

pub use orders::{AccessOrder, AccessOrderKind, AccessOrders};
use planned::{PlanCancellation, StatementOrigin};
pub use planned::{PlannedPart, UpcomingChange};
use recycled::FormerNames;
pub use recycled_login::{FormerState, login_hash, login_hashes};
use sources::SourceStatementsOfPerson;

/// The maximum number of attributes of one person that a sender may name although no policy uses them; further ones
/// are refused.
pub const ATTRIBUTES_MAX: usize = 512;

/// The merged state of a person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PersonRecord {
    attributes: BTreeMap<String, Register<Value>>,
    #[serde(default)]
    snapshots: Register<()>,
    #[serde(default)]
    employment: Vec<EmploymentStatement>,
    /// The events that made statements about the future.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    origins: Vec<StatementOrigin>,
    /// The operators' cancellations of statements about the future.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cancelled: Vec<PlanCancellation>,
    /// The operators' orders about the person's access.
    #[serde(default, skip_serializing_if = "AccessOrders::is_empty")]
    orders: AccessOrders,
    /// The names of the person at the time of their departure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    former: Option<FormerNames>,
    /// The sender that introduced the person, if its rights end with such people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    introduced_by: Option<String>,
    /// The standing of statements from before sources were told apart.
    #[serde(default, skip_serializing_if = "SourceStanding::is_usual")]
    standing: SourceStanding,
    /// The key of the person that this record was joined to. The record is no separate person any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved_to: Option<String>,
    /// The statements of each source since sources are told apart, by source name. Earlier statements are in the
    /// fields above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sources: BTreeMap<String, SourceStatementsOfPerson>,
}

/// The state of a person at one moment, which policies are evaluated against.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct IdentityView {
    /// The person's key.
    pub key: String,
    /// The attributes that have a value.
    pub attributes: AttributeMap,
    /// The state of the person's employment.
    pub employment: Employment,
    /// The time of the next known departure that was not withdrawn (microseconds since the Unix epoch).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_departure: Option<i64>,
    /// The time of the statement that set the departure in effect (microseconds since the Unix epoch).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_since: Option<i64>,
    /// The contradictions in the statements about the person's employment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<Contradiction>,
    /// The orders of operators that are in force.
    #[serde(default, skip_serializing_if = "AccessOrders::is_empty")]
    pub orders: AccessOrders,
}

impl PersonRecord {
    /// Merges one event about this person. `now` is in microseconds and only serves to forget statements that can
    /// never matter again: the result depends on the set of merged events, not on their order or number. Returns the
    /// parts that were refused because the sender had already made too many statements about the future.
    pub fn merge(&mut self, event: &Event, sequence: u64, now: i64) -> Vec<RefusedPart> {
        self.note_origin(event, StatementVersion::of(event, sequence), now);
        self.say(event, sequence, now)
    }

    /// Merges one event without remembering it as an origin.
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
                if event.is_timed_by_receipt() {
                    keep_order_of_receipt(&mut self.employment, &statement);
                }
                self.state_employment(statement);
                compact_statements(&mut self.employment, &cancellations, now);
            }
        }
        refused
    }

    /// Returns the attributes in `event` that exceed the limit: no policy uses them, and the sender has named many
    /// others.
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

    /// Adds a statement about employment, unless it is already known.
    fn state_employment(&mut self, statement: EmploymentStatement) {
        if let Err(at) = self.employment.binary_search(&statement) {
            self.employment.insert(at, statement);
        }
    }

    /// Returns the state of the person `key` as of `now` (microseconds).
    pub fn view(&self, key: &str, now: i64) -> IdentityView {
        if !self.sources.is_empty() {
            return self.view_by_key(key, now);
        }
        self.seen(key, self.attributes_at(now), now)
    }

    /// Returns the attributes with a value, from statements that are not kept by source.
    fn attributes_at(&self, now: i64) -> AttributeMap {
        let floor = self.snapshots.at(now);
        let values = self.attributes.iter().filter_map(|(name, register)| {
            let statement = register.at_beside(floor, now)?;
            (!statement.value.is_null()).then(|| (name.clone(), statement.value.clone()))
        });
        values.collect()
    }

    /// Returns the view of the person with these attributes as of `now`.
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

    /// Returns the next time after `now` at which a known statement takes effect.
    pub fn next_due(&self, now: i64) -> Option<i64> {
        let by_key = self.by_key();
        let voices = by_key.iter().flat_map(|(_, voices)| voices);
        let employment = voices.filter_map(|voice| voice.next_due(now)).min();
        let orders = self.orders.next_due(now);
        [employment, self.next_attribute_due(now), orders].into_iter().flatten().min()
    }
}

/// Returns the time in microseconds since the Unix epoch.
pub fn unix_micros(at: time::OffsetDateTime) -> i64 {
    unix_micros_of(at)
}
