//! One statement about a person's employment.

use serde::{Deserialize, Serialize};

use super::EmploymentKind;
use crate::{Event, EventKind, StatementDating, StatementVersion};

/// One statement about employment, by one sender.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "StoredStatement", into = "StoredStatement")]
pub struct EmploymentStatement {
    /// The day that the statement names (or the time of the statement if it names none), the time of the statement,
    /// and its position in the stream.
    pub version: StatementVersion,
    /// The content of the statement.
    pub word: EmploymentWord,
    /// The way in which its day is known.
    pub dated: StatementDating,
    /// The authenticated sender; empty if the statement was stored before senders were recorded.
    pub sender: String,
    /// The full list that the statement is a row of.
    pub list: Option<String>,
    /// `true` if the statement was stored before its dating was recorded.
    pub(crate) is_legacy: bool,
}

/// The content of a statement about employment, in the terms of docs/employment.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmploymentWord {
    /// The person begins.
    Joins,
    /// The person comes back.
    Rejoins,
    /// The person leaves.
    Leaves,
    /// The person is erased at the source.
    Erased,
    /// An arrival that was stated is withdrawn.
    Unhires,
    /// A record shows the person.
    Here,
    /// A row of a full list shows the person.
    Listed,
    /// A record shows the person and states that there is no last day.
    Stays,
    /// A record states that the person is not employed.
    Inactive,
    /// A full list does not name the person any more.
    Absent,
    /// A record without any statement about employment.
    Record,
}

impl EmploymentWord {
    /// Returns the term that docs/employment.md uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joins => "joins",
            Self::Rejoins => "rejoins",
            Self::Leaves => "leaves",
            Self::Erased => "erased",
            Self::Unhires => "unhires",
            Self::Here => "here",
            Self::Listed => "listed",
            Self::Stays => "stays",
            Self::Inactive => "inactive",
            Self::Absent => "absent",
            Self::Record => "record",
        }
    }

    /// Returns the state of employment that the statement asserts.
    pub fn kind(self) -> EmploymentKind {
        match self {
            Self::Joins | Self::Rejoins | Self::Here | Self::Listed | Self::Stays | Self::Record => {
                EmploymentKind::Active
            }
            Self::Leaves | Self::Unhires | Self::Inactive | Self::Absent => EmploymentKind::Left,
            Self::Erased => EmploymentKind::Deleted,
        }
    }

    /// Returns whether the statement is made by a record or list that shows a state, not by a notice.
    fn is_observation(self) -> bool {
        matches!(self, Self::Here | Self::Listed | Self::Stays | Self::Inactive | Self::Absent | Self::Record)
    }
}

impl Event {
    /// Returns whether the event states that the person works here, or will. A change of attributes and a record without
    /// `active` state nothing about it.
    pub fn asserts_employment(&self) -> bool {
        let statement = EmploymentStatement::of(self, 0);
        statement.is_some_and(|statement| statement.word.kind() == EmploymentKind::Active)
    }

    /// Returns whether the event states that the person works here or does not.
    pub fn states_employment(&self) -> bool {
        EmploymentStatement::of(self, 0).is_some()
    }

    /// Returns what a whole record states about employment, if it states anything.
    pub(crate) fn states_active(&self) -> Option<bool> {
        (self.kind == EventKind::WorkerSnapshot).then(|| active_in_snapshot(self)).flatten()
    }
}

/// The position of a statement among those of its voice.
pub(super) type StatementOrder = (i64, u8, i64, EmploymentKind, u64);

impl EmploymentStatement {
    /// Creates a statement that `sender` made at `said_at`, about `day` if it names one (microseconds). `sequence` is
    /// its position in the stream.
    pub fn new(sender: &str, word: EmploymentWord, said_at: i64, day: Option<i64>, sequence: u64) -> Self {
        let (word, dated) = match (word, day) {
            (EmploymentWord::Record, _) => (word, StatementDating::Observed),
            (word, Some(day)) if word.is_observation() && day > said_at => match word.kind() {
                EmploymentKind::Active => (EmploymentWord::Joins, StatementDating::Explicit),
                _ => (EmploymentWord::Leaves, StatementDating::Explicit),
            },
            (word, _) if word.is_observation() => (word, StatementDating::Observed),
            (word, Some(_)) => (word, StatementDating::Explicit),
            (word, None) => (word, StatementDating::Implied),
        };
        let version = StatementVersion { effective_at: day.unwrap_or(said_at), said_at, sequence };
        Self { version, word, dated, sender: sender.to_owned(), list: None, is_legacy: false }
    }

    /// Returns the statement as a row of the full list `list`.
    #[must_use]
    pub fn in_list(mut self, list: &str) -> Self {
        self.list = Some(list.to_owned());
        self
    }

    /// Returns the statement about employment in an event, if there is one. Whole records without `active` make none.
    pub(crate) fn of(event: &Event, sequence: u64) -> Option<Self> {
        let version = StatementVersion::of(event, sequence);
        let dating = event.dating();
        let is_observed = dating == StatementDating::Observed;
        let word = match event.kind {
            EventKind::WorkerJoined if is_observed && event.feed.is_some() => EmploymentWord::Listed,
            EventKind::WorkerJoined if is_observed => EmploymentWord::Here,
            EventKind::WorkerJoined => EmploymentWord::Joins,
            EventKind::WorkerRehired if is_observed => EmploymentWord::Stays,
            EventKind::WorkerRehired => EmploymentWord::Rejoins,
            EventKind::WorkerLeft if event.withdraws => EmploymentWord::Unhires,
            EventKind::WorkerLeft if is_observed && event.feed.as_ref().is_some_and(|feed| feed.absent) => {
                EmploymentWord::Absent
            }
            EventKind::WorkerLeft if is_observed => EmploymentWord::Inactive,
            EventKind::WorkerLeft => EmploymentWord::Leaves,
            EventKind::WorkerDeleted => EmploymentWord::Erased,
            EventKind::WorkerSnapshot => match active_in_snapshot(event)? {
                true if event.feed.is_some() => EmploymentWord::Listed,
                true => EmploymentWord::Here,
                false => EmploymentWord::Inactive,
            },
            _ => return None,
        };
        let day =
            (word.is_observation() || dating == StatementDating::Explicit).then_some(version.effective_at);
        let said = Self::new(event.sender(), word, version.said_at, day, sequence);
        Some(match &event.feed {
            Some(feed) => said.in_list(&feed.feed),
            None => said,
        })
    }

    /// Returns the moment at which the statement holds: the day that it names, or the time of the statement.
    pub(super) fn at(&self) -> i64 {
        if self.dated == StatementDating::Explicit { self.version.effective_at } else { self.version.said_at }
    }

    /// Returns the position of the statement among those of its voice.
    pub(super) fn order(&self) -> StatementOrder {
        let class = match self.dated {
            StatementDating::Implied | StatementDating::Received => 0,
            StatementDating::Explicit => 1,
            StatementDating::Observed => 2,
        };
        (self.version.said_at, class, self.at(), self.word.kind(), self.version.sequence)
    }
}

/// Returns `active` of a snapshot, which states whether the person works here. A snapshot without it changes nothing
/// about employment: a feed that omits it must neither disable nor bring back anyone.
fn active_in_snapshot(event: &Event) -> Option<bool> {
    match event.attributes.get("active")? {
        serde_json::Value::Bool(active) => Some(*active),
        serde_json::Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        serde_json::Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The stored form of a statement. Earlier versions can read it: they know only `kind` and `observed`.
#[derive(Serialize, Deserialize)]
struct StoredStatement {
    version: StatementVersion,
    kind: EmploymentKind,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    observed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    word: Option<EmploymentWord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dated: Option<StatementDating>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    sender: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list: Option<String>,
}

impl From<StoredStatement> for EmploymentStatement {
    fn from(stored: StoredStatement) -> Self {
        let StoredStatement { version, kind, observed, word, dated, sender, list } = stored;
        let is_ahead = version.effective_at > version.said_at;
        let legacy_word = match kind {
            EmploymentKind::Active if observed && !is_ahead => EmploymentWord::Here,
            EmploymentKind::Active => EmploymentWord::Joins,
            EmploymentKind::Left if observed && !is_ahead => EmploymentWord::Inactive,
            EmploymentKind::Left => EmploymentWord::Leaves,
            EmploymentKind::Deleted => EmploymentWord::Erased,
        };
        let legacy_dating = match version.effective_at == version.said_at {
            _ if observed && !is_ahead => StatementDating::Observed,
            true => StatementDating::Implied,
            false => StatementDating::Explicit,
        };
        let is_legacy = word.is_none();
        Self {
            version,
            word: word.unwrap_or(legacy_word),
            dated: dated.unwrap_or(legacy_dating),
            sender,
            list,
            is_legacy,
        }
    }
}

impl From<EmploymentStatement> for StoredStatement {
    fn from(statement: EmploymentStatement) -> Self {
        let EmploymentStatement { version, word, dated, sender, list, is_legacy } = statement;
        Self {
            version,
            kind: word.kind(),
            observed: dated == StatementDating::Observed,
            word: (!is_legacy).then_some(word),
            dated: (!is_legacy).then_some(dated),
            sender,
            list,
        }
    }
}
