//! One statement about a person's employment.

use serde::{Deserialize, Serialize};

use super::EmploymentKind;
use crate::{Event, EventKind, StatementDating, StatementVersion};

/// One statement about employment, by one sender.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "StoredStatement", into = "StoredStatement")]
pub struct EmploymentStatement {
    /// The day that it names (of what names none: when it was said), when it was said, and its place in the stream.
    pub version: StatementVersion,
    /// What it says.
    pub word: EmploymentWord,
    /// How its day is known.
    pub dated: StatementDating,
    /// The authenticated sender; empty if it was stored before senders were recorded.
    pub sender: String,
    /// The full list that it is a row of.
    pub list: Option<String>,
    /// It was stored before its dating was recorded.
    pub(crate) is_legacy: bool,
}

/// What a statement about employment says; the words of docs/employment.md.
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
    /// An arrival that was said is taken back.
    Unhires,
    /// A record shows the person.
    Here,
    /// A row of a full list shows the person.
    Listed,
    /// A record shows the person and says that there is no last day.
    Stays,
    /// A record says that the person is not employed.
    Inactive,
    /// A full list does not name the person any more.
    Absent,
    /// A record that does not speak of employment.
    Record,
}

impl EmploymentWord {
    /// The word as docs/employment.md writes it.
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

    /// The state of employment that it speaks of.
    pub fn kind(self) -> EmploymentKind {
        match self {
            Self::Joins | Self::Rejoins | Self::Here | Self::Listed | Self::Stays | Self::Record => {
                EmploymentKind::Active
            }
            Self::Leaves | Self::Unhires | Self::Inactive | Self::Absent => EmploymentKind::Left,
            Self::Erased => EmploymentKind::Deleted,
        }
    }

    fn is_observation(self) -> bool {
        matches!(self, Self::Here | Self::Listed | Self::Stays | Self::Inactive | Self::Absent | Self::Record)
    }
}

/// The place of a statement among those of its voice.
pub(super) type StatementOrder = (i64, u8, i64, EmploymentKind, u64);

impl EmploymentStatement {
    /// A statement that `sender` said at `said_at`, of `day` if it names one (microseconds). `sequence` is its place in the stream.
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

    /// The same as a row of the full list `list`.
    #[must_use]
    pub fn in_list(mut self, list: &str) -> Self {
        self.list = Some(list.to_owned());
        self
    }

    /// What an event says of employment, if it does. Whole records without `active` are not told here.
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

    /// The moment at which it holds: the day that it names, or when it was said.
    pub(super) fn at(&self) -> i64 {
        if self.dated == StatementDating::Explicit { self.version.effective_at } else { self.version.said_at }
    }

    pub(super) fn order(&self) -> StatementOrder {
        let class = match self.dated {
            StatementDating::Implied => 0,
            StatementDating::Explicit => 1,
            StatementDating::Observed => 2,
        };
        (self.version.said_at, class, self.at(), self.word.kind(), self.version.sequence)
    }
}

/// `active` in a snapshot says whether the person works here; a snapshot without it changes nothing about that (a feed
/// that leaves it out must neither disable nor bring back anybody).
fn active_in_snapshot(event: &Event) -> Option<bool> {
    match event.attributes.get("active")? {
        serde_json::Value::Bool(active) => Some(*active),
        serde_json::Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        serde_json::Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A statement as it lies in the database: readable by the versions before, which know `kind` and `observed` alone.
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
