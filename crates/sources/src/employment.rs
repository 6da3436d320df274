//! What a record says of whether somebody works here, and from when until when.

use lifecycle::{AttributeMap, EventKind, StatementDating, UnreadValue};
use readings::{DateReader, DateReading, EmploymentStatus, StatusReading, StatusWords, WordLists, class_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::adapter::{AdapterKind, EndDate};
use crate::error::AdapterConfigError;
use crate::mapping::MappingRule;

/// Where a record says it: an expression over the record, or a JSON Pointer into it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmploymentMapping {
    /// The status as of the reading, in the words of `docs/dates.md`. A word that is not known is listed and says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
    /// The first day; what the attribute `startDate` is mapped to, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts: Option<String>,
    /// The last day; what the attribute `endDate` is mapped to, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
    /// Words for the status, before those that are known.
    #[serde(skip_serializing_if = "is_default")]
    pub words: WordLists,
}

fn is_default(words: &WordLists) -> bool {
    *words == WordLists::default()
}

/// The status in records of vendors whose words for it are known.
fn status_of(kind: AdapterKind) -> Option<&'static str> {
    match kind {
        AdapterKind::Bamboohr => Some("Coalesce([status], [Status], [employeeStatus])"),
        AdapterKind::Merge => Some("[employment_status]"),
        AdapterKind::Personio => Some("Coalesce([status], [employments.0.status])"),
        _ => None,
    }
}

/// An [`EmploymentMapping`] that was checked and prepared.
#[derive(Debug, Clone, Default)]
pub(crate) struct EmploymentRules {
    active: Option<MappingRule>,
    starts: Option<MappingRule>,
    ends: Option<MappingRule>,
    pub(crate) words: StatusWords,
}

impl EmploymentRules {
    pub(crate) fn compile(kind: AdapterKind, own: &EmploymentMapping) -> Result<Self, AdapterConfigError> {
        let rule = |name: &str, text: Option<&str>| {
            text.map(|text| MappingRule::compile(format!("employment.{name}"), text)).transpose()
        };
        let words = StatusWords::default().with(&own.words).map_err(|word| {
            let what = format!("has `{word}` in two lists");
            AdapterConfigError::new("employment.words", what, "put each word into one of them")
        })?;
        Ok(Self {
            active: rule("active", own.active.as_deref().or(status_of(kind)))?,
            starts: rule("starts", own.starts.as_deref())?,
            ends: rule("ends", own.ends.as_deref())?,
            words,
        })
    }

    /// What the record says; what cannot be read in it is in `unread`.
    pub(crate) fn read(
        &self,
        record: &Value,
        attributes: &AttributeMap,
        reading: &RecordReading<'_>,
        unread: &mut Vec<UnreadValue>,
    ) -> RecordEmployment {
        let mut value = |name: &str, rule: &Option<MappingRule>, attribute: &str| match rule {
            None => attributes.get(attribute).cloned(),
            Some(rule) => rule.value(name, record, reading.key, reading.now).unwrap_or_else(|_| {
                unread.push(unreadable_value(name, "its expression cannot be computed"));
                None
            }),
        };
        let status = value("active", &self.active, "");
        let (starts, ends) =
            (value("starts", &self.starts, "startDate"), value("ends", &self.ends, "endDate"));
        let stated = RecordEmployment {
            status: self.words.read(status.as_ref()),
            starts: reading.first_day(starts.as_ref(), unread),
            ends: reading.last_day(ends.as_ref(), unread),
        };
        if stated.status == StatusReading::Unreadable {
            unread.push(unreadable_value("active", &class_of(&status.unwrap_or_default())));
        }
        stated
    }
}

/// A value of a record that could not be read.
fn unreadable_value(name: &str, class: &str) -> UnreadValue {
    let value = UnreadValue::new(format!("employment.{name}"), class);
    // A first day says nothing of a departure; a last day or a status may.
    if name == "starts" { value } else { value.of_departure() }
}

/// What the reading of one record depends on.
pub(crate) struct RecordReading<'a> {
    pub(crate) key: &'a str,
    pub(crate) now: OffsetDateTime,
    pub(crate) dates: &'a DateReader,
    pub(crate) end_date: EndDate,
}

impl RecordReading<'_> {
    /// Where the first day begins.
    pub(crate) fn first_day(&self, value: Option<&Value>, unread: &mut Vec<UnreadValue>) -> RecordDay {
        let day =
            RecordDay::of(self.dates.read_optional(value), |when| self.dates.begin(self.dates.as_day(when)));
        day.or_listed("starts", value, unread)
    }

    /// The first moment without access: where the last day ends, or the first day away begins.
    pub(crate) fn last_day(&self, value: Option<&Value>, unread: &mut Vec<UnreadValue>) -> RecordDay {
        let day = RecordDay::of(self.dates.read_optional(value), |when| match self.end_date {
            EndDate::LastDay => self.dates.end(self.dates.as_day(when)),
            EndDate::FirstDayAway => self.dates.begin(self.dates.as_day(when)),
        });
        day.or_listed("ends", value, unread)
    }
}

/// A day in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordDay {
    /// The record does not speak of it.
    NotSaid,
    /// There is none.
    NoDate,
    At(OffsetDateTime),
    Unreadable,
}

impl RecordDay {
    fn of(reading: DateReading, resolve: impl Fn(readings::ReadDate) -> Option<OffsetDateTime>) -> Self {
        match reading {
            DateReading::NotSaid => Self::NotSaid,
            DateReading::NoDate => Self::NoDate,
            DateReading::At(when) => resolve(when).map_or(Self::Unreadable, Self::At),
            DateReading::Unreadable(_) => Self::Unreadable,
        }
    }

    fn or_listed(self, name: &str, value: Option<&Value>, unread: &mut Vec<UnreadValue>) -> Self {
        if self == Self::Unreadable {
            unread.push(unreadable_value(name, &value.map(class_of).unwrap_or_default()));
        }
        self
    }

    fn at(self) -> Option<OffsetDateTime> {
        if let Self::At(at) = self { Some(at) } else { None }
    }
}

/// What a record says of employment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordEmployment {
    pub(crate) status: StatusReading,
    pub(crate) starts: RecordDay,
    pub(crate) ends: RecordDay,
}

/// One statement about employment. Without a moment it holds as of the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EmploymentClaim {
    pub(crate) kind: EventKind,
    pub(crate) effective_at: Option<OffsetDateTime>,
    pub(crate) dated: StatementDating,
}

impl EmploymentClaim {
    fn explicit(kind: EventKind, at: OffsetDateTime) -> Self {
        Self { kind, effective_at: Some(at), dated: StatementDating::Explicit }
    }

    fn now(kind: EventKind, dated: StatementDating) -> Self {
        Self { kind, effective_at: None, dated }
    }
}

/// Whether a row of a list shows its person as employed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowPresence {
    /// The row says by itself whether the person works here, or from when on.
    Said,
    /// It says nothing that speaks against it: being listed says that the person is here.
    Listed,
    /// It cannot be read whether the person works here.
    Unreadable,
}

impl RecordEmployment {
    /// Every statement that the record makes at `at`, when the notice spoke of `hint`: the first day, the last day, and the
    /// state as of the reading. Whether they contradict each other is decided where statements are combined.
    pub(crate) fn statements(self, hint: Option<EventKind>, at: OffsetDateTime) -> Vec<EmploymentClaim> {
        use EmploymentStatus::{Active, Ended, OnLeave, PreHire, Suspended};
        use EventKind::{WorkerJoined, WorkerLeft, WorkerRehired};
        let is = |status| self.status == StatusReading::Status(status);
        let is_employed = is(Active) || is(OnLeave) || is(Suspended);
        let is_rehired = hint == Some(WorkerRehired) && !is(Ended) && !is(PreHire);
        let first = self.starts.at();
        let begins_later = first.is_some_and(|first| first > at);
        let last = self.last_of_this_employment(is_rehired, at);
        let mut statements = Vec::new();
        // A first day that is over says nothing of a person who is not here yet, or not any more.
        let is_gone = is(Ended) || last.is_some_and(|last| last <= at);
        let first = first.filter(|first| *first > at || !(is(PreHire) || is_gone));
        statements.extend(first.map(|first| EmploymentClaim::explicit(WorkerJoined, first)));
        statements.extend(last.map(|last| EmploymentClaim::explicit(WorkerLeft, last)));
        if is(Ended) {
            statements.push(EmploymentClaim::now(WorkerLeft, StatementDating::Observed));
        } else if is_rehired && !begins_later {
            statements.push(EmploymentClaim::now(WorkerRehired, StatementDating::Implied));
        } else if (is_employed || self.tells_only_days()) && !begins_later {
            statements.extend(self.presence(last).filter(|_| is_employed || first.is_some()));
        }
        if hint == Some(WorkerJoined) && !is_employed && !is(PreHire) && statements.is_empty() {
            statements.push(EmploymentClaim::now(WorkerJoined, StatementDating::Implied));
        }
        statements
    }

    /// A last day before the first one is of an earlier employment, and so is one that is over when a rehire is told.
    fn last_of_this_employment(self, is_rehired: bool, at: OffsetDateTime) -> Option<OffsetDateTime> {
        let first = self.starts.at();
        let last = self.ends.at().filter(|last| first.is_none_or(|first| first < *last));
        last.filter(|last| !is_rehired || *last > at)
    }

    /// The record has days and no status.
    fn tells_only_days(self) -> bool {
        self.status == StatusReading::NotSaid
    }

    /// A record that says that there is no last day takes back a departure that lies ahead; one that does not speak of it
    /// takes back nothing.
    fn presence(self, last: Option<OffsetDateTime>) -> Option<EmploymentClaim> {
        let has_none = self.ends == RecordDay::NoDate || (last.is_none() && self.ends.at().is_some());
        match (has_none, self.status) {
            (true, _) => Some(EmploymentClaim::now(EventKind::WorkerRehired, StatementDating::Observed)),
            (false, StatusReading::Status(_)) => {
                Some(EmploymentClaim::now(EventKind::WorkerJoined, StatementDating::Observed))
            }
            // Without a status the days alone decide.
            (false, _) => None,
        }
    }

    /// Whether a row of a list that says this shows its person as employed.
    pub(crate) fn shown_presence(self, at: OffsetDateTime) -> RowPresence {
        let is_over = self.last_of_this_employment(false, at).is_some_and(|last| last <= at);
        let begins_later = self.starts.at().is_some_and(|first| first > at);
        match self.status {
            StatusReading::Unreadable => RowPresence::Unreadable,
            StatusReading::Status(_) => RowPresence::Said,
            StatusReading::NotSaid if self.ends == RecordDay::Unreadable => RowPresence::Unreadable,
            StatusReading::NotSaid if is_over || begins_later => RowPresence::Said,
            StatusReading::NotSaid => RowPresence::Listed,
        }
    }
}

#[cfg(test)]
mod tests;
