//! Decides from statements about employment who works here, and since when. The rules are in docs/employment.md.

mod combine;
mod compact;
mod contradiction;
mod periods;
mod receipt;
mod statement;
mod unhire;
mod voice;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use compact::{compact_statements, is_full};
pub use contradiction::{Contradiction, ContradictionCode};
pub(crate) use receipt::keep_order_of_receipt;
pub use statement::{EmploymentStatement, EmploymentWord};
pub(crate) use voice::{EmploymentTurn, SourceStatements, SourceVoice};

/// The state of a person's employment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Employment {
    /// No statement in effect says that the person is employed (a future hire, or a person who is only referred to).
    #[default]
    Unknown,
    /// Employed.
    Active,
    /// Left at `since` (microseconds since the Unix epoch).
    Left {
        /// The time at which the departure took effect.
        since: i64,
    },
    /// Erased at the source at `since` (microseconds since the Unix epoch).
    Deleted {
        /// The time at which the erasure took effect.
        since: i64,
    },
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

/// An operator's cancellation of a planned arrival or departure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EmploymentCancellation {
    /// The time of the operator's decision (microseconds since the Unix epoch).
    pub said_at: i64,
    /// The planned day.
    pub day: i64,
    /// [`EmploymentKind::Active`] for an arrival, any other kind for a departure.
    pub kind: EmploymentKind,
}

/// The senders whose statements about employment count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum EmploymentAuthority {
    /// All senders, as one voice.
    #[default]
    Shared,
    /// Only these senders, each as a separate voice.
    Named(Vec<String>),
}

/// The decision about a person's employment at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmploymentDecision {
    /// The state of the employment.
    pub employment: Employment,
    /// The time of the statement that set the departure in effect (microseconds since the Unix epoch).
    pub known_since: Option<i64>,
    /// The time at which the person leaves, if it is known (microseconds since the Unix epoch).
    pub planned_departure: Option<i64>,
    /// Contradictions that an operator should check, sorted.
    pub contradictions: Vec<Contradiction>,
}

/// Decides from plain statements, in any order. `now` is in microseconds.
pub fn decide_employment(
    statements: &[EmploymentStatement],
    cancellations: &[EmploymentCancellation],
    authority: &EmploymentAuthority,
    now: i64,
) -> EmploymentDecision {
    let mut cancellations = cancellations.to_vec();
    cancellations.sort();
    let voices: Vec<SourceVoice> = match authority {
        EmploymentAuthority::Shared => {
            vec![SourceVoice::new(statements.iter().collect(), &[], &cancellations)]
        }
        EmploymentAuthority::Named(names) => {
            let mut by_sender: BTreeMap<&str, Vec<&EmploymentStatement>> = BTreeMap::new();
            for statement in statements {
                by_sender.entry(&statement.sender).or_default().push(statement);
            }
            let before = by_sender.remove("").unwrap_or_default();
            let named =
                names.iter().filter_map(|name| Some((by_sender.get(name.as_str())?.clone(), Vec::new())));
            SourceVoice::each(named, &(before, Vec::new()), &cancellations)
        }
    };
    EmploymentDecision::of_voices(&voices, now)
}

impl EmploymentDecision {
    /// Combines the decisions of several voices: the person is employed if one voice says so.
    pub(crate) fn of_voices(voices: &[SourceVoice], now: i64) -> Self {
        let mut each: Vec<Self> = voices.iter().map(|voice| voice.decide(now)).collect();
        if each.len() < 2 {
            return each.pop().unwrap_or_default();
        }
        let is_active = |decision: &&Self| decision.employment == Employment::Active;
        let said_left = |decision: &&Self| decision.known_since.filter(|_| !is_active(decision));
        let disagrees = each.iter().any(|decision| is_active(&decision)) && {
            each.iter().any(|decision| decision.employment.since().is_some())
        };
        let mut together = Self::of_keys(&each);
        if disagrees {
            let said_at = each.iter().filter_map(|decision| said_left(&decision)).max().unwrap_or_default();
            let code = ContradictionCode::SendersDisagree;
            together.contradictions.push(Contradiction { code, sender: String::new(), said_at });
            together.contradictions.sort();
        }
        together
    }

    /// Combines the decisions without reporting disagreement, as for several keys of one person.
    pub(crate) fn of_keys(each: &[Self]) -> Self {
        let rank = |decision: &&Self| match decision.employment {
            Employment::Active => (2, i64::MAX),
            Employment::Left { since } | Employment::Deleted { since } => (1, since),
            Employment::Unknown => (0, 0),
        };
        let Some(first) = each.iter().max_by_key(rank) else { return Self::default() };
        let is_active = first.employment == Employment::Active;
        let counts = |decision: &&Self| !is_active || decision.employment == Employment::Active;
        let departures: Option<Vec<i64>> =
            each.iter().filter(counts).map(|decision| decision.planned_departure).collect();
        let mut contradictions: Vec<Contradiction> =
            each.iter().flat_map(|decision| decision.contradictions.clone()).collect();
        contradictions.sort();
        contradictions.dedup();
        Self {
            employment: first.employment,
            known_since: first.known_since,
            planned_departure: departures.and_then(|departures| departures.into_iter().max()),
            contradictions,
        }
    }
}

impl Employment {
    /// Returns the time at which the departure or erasure took effect.
    pub fn since(self) -> Option<i64> {
        match self {
            Self::Left { since } | Self::Deleted { since } => Some(since),
            Self::Unknown | Self::Active => None,
        }
    }
}

impl EmploymentKind {
    /// Returns the name of the change: `joins`, `leaves` or `is_erased`.
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
