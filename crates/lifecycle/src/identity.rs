//! What is known of one person, merged from events in any order.

mod keys;
mod planned;
mod sources;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::people::Standing;
use crate::register::micros;
use crate::{Attributes, Event, EventKind, Register, Version};

use planned::{Cancellation, Origin};
pub use planned::{Part, Upcoming};
use sources::Source;

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
    /// It was read from a snapshot. A record says how things are, so it never withdraws what is planned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub observed: bool,
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

/// How many employment statements are kept per person. Beyond it, records that only repeat what the one before and
/// the one after them say go first, then the oldest.
pub const EMPLOYMENT_STATEMENTS_MAX: usize = 64;

const DAY_MICROS: i64 = 24 * 3_600 * 1_000_000;

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
    /// Which events said what takes effect later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    origins: Vec<Origin>,
    /// What operators withdrew before it took effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cancelled: Vec<Cancellation>,
    /// How far what was said before sources were told apart is believed.
    #[serde(default, skip_serializing_if = "Standing::is_usual")]
    standing: Standing,
    /// It is another key of this person, and nobody of its own any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved_to: Option<String>,
    /// By name: what each source said since sources are told apart. What was said before is above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sources: BTreeMap<String, Source>,
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
    /// When the next departure takes effect that is known and was not withdrawn (microseconds since the Unix epoch).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_departure: Option<i64>,
}

impl Identity {
    /// Merges one event about this person. `now` is in microseconds and only serves to forget what can never
    /// matter again: the result depends on the set of merged events, not on their order or number.
    pub fn merge(&mut self, event: &Event, sequence: u64, now: i64) {
        let version = Version::of(event, sequence);
        self.note_origin(event, version, now);
        self.say(event, version, now);
    }

    fn say(&mut self, event: &Event, version: Version, now: i64) {
        for (name, value) in &event.attributes {
            if self.is_cancelled(version, |part| part.is_attribute(name)) {
                continue;
            }
            if self.attributes.len() < ATTRIBUTES_MAX || self.attributes.contains_key(name) {
                self.attributes.entry(name.clone()).or_default().say(version, value.clone(), now);
            }
        }
        let stated = match event.kind {
            EventKind::WorkerJoined | EventKind::WorkerRehired => Some(EmploymentKind::Active),
            EventKind::WorkerLeft => Some(EmploymentKind::Left),
            EventKind::WorkerDeleted => Some(EmploymentKind::Deleted),
            EventKind::WorkerSnapshot => {
                if !self.is_cancelled(version, |part| *part == Part::Record) {
                    self.snapshots.say(version, (), now);
                }
                employment_in_snapshot(event)
            }
            _ => None,
        };
        if let Some(kind) = stated {
            let observed = event.kind == EventKind::WorkerSnapshot || is_seen_in_a_list(event);
            self.state_employment(EmploymentStatement { version, kind, observed });
        }
    }

    fn state_employment(&mut self, statement: EmploymentStatement) {
        let order = |s: &EmploymentStatement| (s.version, s.kind);
        if let Err(at) = self.employment.binary_search_by(|s| order(s).cmp(&order(&statement))) {
            self.employment.insert(at, statement);
            if self.employment.len() > EMPLOYMENT_STATEMENTS_MAX {
                self.forget_repetitions();
            }
            let excess = self.employment.len().saturating_sub(EMPLOYMENT_STATEMENTS_MAX);
            self.employment.drain(..excess);
        }
    }

    fn forget_repetitions(&mut self) {
        let mut at = 1;
        while at + 1 < self.employment.len() {
            let (before, this, after) =
                (&self.employment[at - 1], &self.employment[at], &self.employment[at + 1]);
            if this.observed && after.observed && before.kind == this.kind && this.kind == after.kind {
                self.employment.remove(at);
            } else {
                at += 1;
            }
        }
    }

    /// The person `key` as of `now` (microseconds).
    pub fn view(&self, key: &str, now: i64) -> IdentityView {
        if !self.sources.is_empty() {
            return self.view_by_key(key, now);
        }
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
        let (employment, planned_departure) = (self.employment_at(now), self.planned_departure(now));
        IdentityView { key: key.to_owned(), attributes, employment, planned_departure }
    }

    /// The first departure after `now` that was not withdrawn.
    fn planned_departure(&self, now: i64) -> Option<i64> {
        let is_planned = |s: &&EmploymentStatement| {
            s.version.effective_at > now && s.kind != EmploymentKind::Active && self.is_to_be(s)
        };
        self.employment.iter().filter(is_planned).map(|s| s.version.effective_at).min()
    }

    /// The last statement that has taken effect and was not withdrawn; departures count from the first of those
    /// that follow one another, an erasure among them. A person of whom there is only a record is employed: many feeds list
    /// people without saying so.
    fn employment_at(&self, now: i64) -> Employment {
        let mut in_force = self.in_force(now);
        let Some(last) = in_force.next() else {
            let only_a_record = self.employment.is_empty() && self.snapshots.at(now).is_some();
            return if only_a_record { Employment::Active } else { Employment::Unknown };
        };
        let is_same = |s: &&EmploymentStatement| {
            (s.kind == EmploymentKind::Active) == (last.kind == EmploymentKind::Active)
        };
        let first = in_force.take_while(is_same).last().unwrap_or(last);
        let since = first.version.effective_at;
        match last.kind {
            EmploymentKind::Active => Employment::Active,
            EmploymentKind::Left => Employment::Left { since },
            EmploymentKind::Deleted => Employment::Deleted { since },
        }
    }

    /// Statements that have taken effect and hold, newest first.
    fn in_force(&self, now: i64) -> impl Iterator<Item = &EmploymentStatement> {
        let holds = move |s: &&EmploymentStatement| {
            s.version.effective_at <= now && self.is_to_be(s) && !self.is_overruled(s)
        };
        self.employment.iter().rev().filter(holds)
    }

    /// Neither the source nor an operator took it back before it took effect.
    fn is_to_be(&self, statement: &EmploymentStatement) -> bool {
        !self.is_withdrawn(statement) && !self.is_employment_cancelled(statement)
    }

    /// Who is said to be here, by a record or by an event of the same day (UTC), is not, when a departure of that day or
    /// before was said later: records lag behind, and a day without an hour begins at midnight. A rehire on a later day
    /// than the departure stands.
    fn is_overruled(&self, here: &EmploymentStatement) -> bool {
        let day = |s: &EmploymentStatement| s.version.effective_at.div_euclid(DAY_MICROS);
        let is_whole_day = |s: &EmploymentStatement| s.version.effective_at.rem_euclid(DAY_MICROS) == 0;
        here.kind == EmploymentKind::Active
            && self.employment.iter().filter(|other| !other.observed).any(|gone| {
                gone.kind != EmploymentKind::Active
                    && !self.is_employment_cancelled(gone)
                    && gone.version.said_at > here.version.said_at
                    && gone.version.said_at >= here.version.effective_at
                    && gone.version.effective_at < here.version.effective_at
                    && (here.observed || (is_whole_day(gone) && day(gone) == day(here)))
            })
    }

    /// A plan is withdrawn by what was said later, but before the plan took effect, and either takes effect no later
    /// (a cancelled departure) or says the same of a later day with nothing else planned in between (a postponed
    /// one). One that an operator cancelled withdraws all the same: what the source took back does not come back by it.
    fn is_withdrawn(&self, plan: &EmploymentStatement) -> bool {
        let Version { effective_at, said_at, .. } = plan.version;
        self.employment.iter().filter(|other| !other.observed).any(|other| {
            other.version.said_at > said_at
                && other.version.said_at < effective_at
                && (other.version.effective_at <= effective_at || self.is_postponed(plan, other))
        })
    }

    fn is_postponed(&self, plan: &EmploymentStatement, to: &EmploymentStatement) -> bool {
        let between = |s: &&EmploymentStatement| plan.version < s.version && s.version < to.version;
        plan.kind == to.kind && self.employment.iter().filter(between).all(|s| s.kind == plan.kind)
    }

    /// When something that is already known takes effect after `now`.
    pub fn next_due(&self, now: i64) -> Option<i64> {
        let is_due =
            |s: &&EmploymentStatement| s.version.effective_at > now && !self.is_employment_cancelled(s);
        let by_key = self.by_key();
        let employment = by_key.iter().flat_map(|(_, said)| said.employment.iter().filter(is_due));
        let employment = employment.map(|s| s.version.effective_at).min();
        [employment, self.next_attribute_due(now)].into_iter().flatten().min()
    }
}

/// A file that lists everybody says each time how things are, also of who left: that withdraws no plan. A day that it
/// names is a plan like any other.
fn is_seen_in_a_list(event: &Event) -> bool {
    event.feed.is_some() && event.effective_at <= event.time
}

/// `active` in a snapshot says whether the person works here; a snapshot without it changes nothing about that (a feed
/// that leaves it out must neither disable nor bring back anybody).
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
