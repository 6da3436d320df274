//! From a vendor's words for what happened to ours.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use lifecycle::EventKind;
use serde::{Deserialize, Serialize};

/// What an event type means, as `types` of an adapter says it: the name of one of our kinds, `departure.withdrawn`,
/// `hire.withdrawn` or `ignored`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ConfiguredMeaning {
    /// This happened. Joined, changed, rehired and the like need values; a notice without any asks for the record. A
    /// departure or an erasure needs none, and without a date it holds at once.
    Kind(EventKind),
    /// An announced departure will not be.
    DepartureWithdrawn,
    /// An announced hire or rehire will not be. If it names a day, that is the first day of the hire.
    HireWithdrawn,
    /// Nothing for us.
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

/// What one event type means, and what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventMeaning {
    /// It holds, also without any value.
    Says(EventKind),
    /// It needs values, or the record; a departure needs its day.
    Asks(Option<EventKind>),
    /// What was announced will not be; this is how things are.
    Withdraws(EventKind),
    /// Nothing for us, because.
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

/// A vendor's words.
pub(crate) type VendorTable = &'static [(&'static str, EventMeaning)];

/// Stands in `types` for every word that is not there.
pub(crate) const ANY: &str = "*";

/// The words of one source: the vendor's, and over them the adapter's own.
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

    /// What `word` means. Case, dots, blanks, dashes and underscores do not matter: `employee.termination_effective` is
    /// `EmployeeTerminationEffective`.
    pub(crate) fn meaning(&self, word: &str) -> Option<EventMeaning> {
        self.known.get(&normalise_word(word)).copied().or(self.any)
    }

    /// What a notice without a word means.
    pub(crate) fn wordless(&self) -> Option<EventMeaning> {
        self.any
    }
}

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
