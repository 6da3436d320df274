//! Conversion of a vendor's event types to Usher's event kinds.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use lifecycle::EventKind;
use serde::{Deserialize, Serialize};

/// The meaning of an event type, as configured in `types` of an adapter: the name of an event kind,
/// `departure.withdrawn`, `hire.withdrawn` or `ignored`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ConfiguredMeaning {
    /// The event happened. Joined, changed, rehired and similar kinds need values; if the notice has none, the record
    /// is fetched. A departure or an erasure needs no values, and without a date it takes effect at once.
    Kind(EventKind),
    /// An announced departure is withdrawn.
    DepartureWithdrawn,
    /// An announced hire or rehire is withdrawn. If the notice names a day, it is the first day of the hire.
    HireWithdrawn,
    /// The event is ignored.
    Ignored,
}

impl fmt::Display for ConfiguredMeaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind(kind) => kind.as_str(),
            Self::DepartureWithdrawn => "departure.withdrawn",
            Self::HireWithdrawn => "hire.withdrawn",
            Self::Ignored => "ignored",
        })
    }
}

impl FromStr for ConfiguredMeaning {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let own = [Self::DepartureWithdrawn, Self::HireWithdrawn, Self::Ignored];
        let all: Vec<Self> = EventKind::ALL.into_iter().map(Self::Kind).chain(own).collect();
        let names = || all.iter().map(Self::to_string).collect::<Vec<_>>().join(", ");
        let found = all.iter().find(|means| means.to_string() == text).copied();
        found.ok_or_else(|| format!("unknown meaning: use one of {}", names()))
    }
}

impl TryFrom<String> for ConfiguredMeaning {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ConfiguredMeaning> for String {
    fn from(means: ConfiguredMeaning) -> Self {
        means.to_string()
    }
}

/// The meaning of one event type, and the data that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventMeaning {
    /// The event counts even without values.
    Says(EventKind),
    /// The event needs values, or the record; a departure needs its day.
    Asks(Option<EventKind>),
    /// An announcement is withdrawn. The kind is the resulting state.
    Withdraws(EventKind),
    /// The event is ignored, for this reason.
    Nothing(&'static str),
}

impl From<ConfiguredMeaning> for EventMeaning {
    fn from(means: ConfiguredMeaning) -> Self {
        match means {
            ConfiguredMeaning::Kind(
                kind @ (EventKind::WorkerLeft
                | EventKind::WorkerDeleted
                | EventKind::GroupDeleted
                | EventKind::GroupMemberAdded
                | EventKind::GroupMemberRemoved
                | EventKind::FeedCompleted),
            ) => Self::Says(kind),
            ConfiguredMeaning::Kind(kind) => Self::Asks(Some(kind)),
            ConfiguredMeaning::DepartureWithdrawn => Self::Withdraws(EventKind::WorkerRehired),
            ConfiguredMeaning::HireWithdrawn => Self::Withdraws(EventKind::WorkerLeft),
            ConfiguredMeaning::Ignored => Self::Nothing("the adapter says to ignore it"),
        }
    }
}

/// The words of a vendor.
pub(crate) type VendorTable = &'static [(&'static str, EventMeaning)];

/// The key in `types` that matches every other word.
pub(crate) const ANY: &str = "*";

/// The words of one source: the vendor's, overridden by the adapter's own.
#[derive(Debug, Clone)]
pub(crate) struct SourceWords {
    known: BTreeMap<String, EventMeaning>,
    any: Option<EventMeaning>,
}

impl SourceWords {
    pub(crate) fn new(types: &BTreeMap<String, ConfiguredMeaning>, vendor: VendorTable) -> Self {
        let vendor = vendor.iter().map(|(word, meaning)| (normalise_word(word), *meaning));
        let own = types.iter().filter(|(word, _)| *word != ANY);
        let own = own.map(|(word, means)| (normalise_word(word), (*means).into()));
        Self { known: vendor.chain(own).collect(), any: types.get(ANY).map(|means| (*means).into()) }
    }

    /// Returns the meaning of `word`. Case, dots, spaces, dashes and underscores do not matter:
    /// `employee.termination_effective` is `EmployeeTerminationEffective`.
    pub(crate) fn meaning(&self, word: &str) -> Option<EventMeaning> {
        self.known.get(&normalise_word(word)).copied().or(self.any)
    }

    /// Returns the meaning of a notice without an event type.
    pub(crate) fn wordless(&self) -> Option<EventMeaning> {
        self.any
    }
}

/// Returns a word in lower case, without any separators.
fn normalise_word(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meaning_is_written_as_it_is_read() {
        for text in ["worker.left", "departure.withdrawn", "hire.withdrawn", "ignored", "group.member.added"]
        {
            assert_eq!(text.parse::<ConfiguredMeaning>().unwrap().to_string(), text);
        }
        assert!("left".parse::<ConfiguredMeaning>().unwrap_err().contains("worker.left"));
    }

    #[test]
    fn the_adapters_own_words_come_first_and_the_star_last() {
        let types = BTreeMap::from([
            ("Employee-Updated".to_owned(), ConfiguredMeaning::Ignored),
            ("*".to_owned(), ConfiguredMeaning::Kind(EventKind::WorkerChanged)),
        ]);
        let table: VendorTable = &[
            ("employee.updated", EventMeaning::Asks(None)),
            ("employee.left", EventMeaning::Says(EventKind::WorkerLeft)),
        ];
        let words = SourceWords::new(&types, table);
        assert!(matches!(words.meaning("EMPLOYEE_UPDATED"), Some(EventMeaning::Nothing(_))));
        assert_eq!(words.meaning("EmployeeLeft"), Some(EventMeaning::Says(EventKind::WorkerLeft)));
        assert_eq!(words.meaning("?"), Some(EventMeaning::Asks(Some(EventKind::WorkerChanged))));
        assert_eq!(SourceWords::new(&BTreeMap::new(), table).meaning("?"), None);
    }
}
