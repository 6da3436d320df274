//! What is known of one person, merged from events in any order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::register::micros;
use crate::{Attributes, Event, EventKind, Register, Version};

/// Whether a person works here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Employment {
    /// Nothing that took effect yet says that the person is employed (a future hire, or only referred to).
    Unknown,
    /// Employed.
    Active,
    /// Left at `since` (microseconds since the Unix epoch).
    Left {
        /// When the departure took effect.
        since: i64,
    },
    /// Erased at the source at `since` (microseconds since the Unix epoch).
    Deleted {
        /// When the erasure took effect.
        since: i64,
    },
}

/// One statement about employment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmploymentStatement {
    /// Decides between statements.
    pub version: Version,
    /// `worker.joined`, `.rehired`, `.left` or `.deleted`.
    pub kind: EmploymentKind,
}

/// The employment states that an event can state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmploymentKind {
    /// Employed.
    Active,
    /// Left.
    Left,
    /// Erased at the source.
    Deleted,
}

/// How many employment statements are kept per person; the oldest go first.
pub const EMPLOYMENT_STATEMENTS_MAX: usize = 64;

/// How many different attributes one person may have; further names are ignored.
pub const ATTRIBUTES_MAX: usize = 512;

/// The merged state of a person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    attributes: BTreeMap<String, Register<Value>>,
    #[serde(default)]
    snapshots: Register<()>,
    #[serde(default)]
    employment: Vec<EmploymentStatement>,
}

/// A person as they are at one moment: what policies are evaluated against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdentityView {
    /// The person's key.
    pub key: String,
    /// Attributes with a value.
    pub attributes: Attributes,
    /// Whether the person works here.
    pub employment: Employment,
}

impl Identity {
    /// Merges one event about this person. `now` is in microseconds and only serves to forget what can never
    /// matter again: the result depends on the set of merged events, not on their order or number.
    pub fn merge(&mut self, event: &Event, sequence: u64, now: i64) {
        let version = Version::of(event, sequence);
        for (name, value) in &event.attributes {
            if self.attributes.len() < ATTRIBUTES_MAX || self.attributes.contains_key(name) {
                self.attributes.entry(name.clone()).or_default().say(version, value.clone(), now);
            }
        }
        let stated = match event.kind {
            EventKind::WorkerJoined | EventKind::WorkerRehired => Some(EmploymentKind::Active),
            EventKind::WorkerLeft => Some(EmploymentKind::Left),
            EventKind::WorkerDeleted => Some(EmploymentKind::Deleted),
            EventKind::WorkerSnapshot => {
                self.snapshots.say(version, (), now);
                employment_in_snapshot(event)
            }
            _ => None,
        };
        if let Some(kind) = stated {
            self.state_employment(EmploymentStatement { version, kind });
        }
    }

    fn state_employment(&mut self, statement: EmploymentStatement) {
        let order = |s: &EmploymentStatement| (s.version, s.kind);
        if let Err(at) = self.employment.binary_search_by(|s| order(s).cmp(&order(&statement))) {
            self.employment.insert(at, statement);
            let excess = self.employment.len().saturating_sub(EMPLOYMENT_STATEMENTS_MAX);
            self.employment.drain(..excess);
        }
    }

    /// The person `key` as of `now` (microseconds).
    pub fn view(&self, key: &str, now: i64) -> IdentityView {
        let floor = self.snapshots.at(now).map(|s| s.version);
        let attributes = self
            .attributes
            .iter()
            .filter_map(|(name, register)| {
                let statement = register.at(now)?;
                let erased = floor.is_some_and(|floor| statement.version < floor);
                (!erased && !statement.value.is_null()).then(|| (name.clone(), statement.value.clone()))
            })
            .collect();
        IdentityView { key: key.to_owned(), attributes, employment: self.employment_at(now) }
    }

    /// The last statement that has taken effect and was not withdrawn. A statement about the future is withdrawn
    /// by one that was said later, before the first took effect, and takes effect no later.
    fn employment_at(&self, now: i64) -> Employment {
        let withdrawn = |s: &EmploymentStatement| {
            self.employment.iter().any(|other| {
                other.version.said_at > s.version.said_at
                    && other.version.said_at < s.version.effective_at
                    && other.version.effective_at <= s.version.effective_at
            })
        };
        let in_force = self.employment.iter().rev().find(|s| s.version.effective_at <= now && !withdrawn(s));
        match in_force {
            None => Employment::Unknown,
            Some(s) => match s.kind {
                EmploymentKind::Active => Employment::Active,
                EmploymentKind::Left => Employment::Left { since: s.version.effective_at },
                EmploymentKind::Deleted => Employment::Deleted { since: s.version.effective_at },
            },
        }
    }

    /// When something that is already known takes effect after `now`.
    pub fn next_due(&self, now: i64) -> Option<i64> {
        let employment = self.employment.iter().map(|s| s.version.effective_at).filter(|at| *at > now).min();
        let attributes = self.attributes.values().filter_map(|r| r.next_due(now)).min();
        [employment, attributes, self.snapshots.next_due(now)].into_iter().flatten().min()
    }
}

/// `active` in a snapshot says whether the person works here; a snapshot without it says nothing about that
/// (a feed that leaves it out must not disable anybody).
fn employment_in_snapshot(event: &Event) -> Option<EmploymentKind> {
    match event.attributes.get("active") {
        Some(Value::Bool(true)) => Some(EmploymentKind::Active),
        Some(Value::Bool(false)) => Some(EmploymentKind::Left),
        Some(Value::String(s)) if s.eq_ignore_ascii_case("true") => Some(EmploymentKind::Active),
        Some(Value::String(s)) if s.eq_ignore_ascii_case("false") => Some(EmploymentKind::Left),
        _ => None,
    }
}

/// Microseconds since the Unix epoch.
pub fn unix_micros(at: time::OffsetDateTime) -> i64 {
    micros(at)
}
