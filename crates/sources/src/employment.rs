//! The statements of a record about employment: whether the person is employed, and the first and last day.

use lifecycle::{AttributeMap, EventKind, StatementDating, UnreadValue};
use readings::{DateReader, DateReading, EmploymentStatus, StatusReading, StatusWords, WordLists, class_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::error::AdapterConfigError;
use crate::kind::{AdapterKind, EndDate};
use crate::mapping::MappingRule;

/// The places of the employment data: expressions over the record, or JSON Pointers into it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmploymentMapping {
    /// The status at the time of reading, in the words of `docs/dates.md`. An unknown word is listed and makes no statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
    /// The first day. Defaults to the mapping of the attribute `startDate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts: Option<String>,
    /// The last day. Defaults to the mapping of the attribute `endDate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
    /// Words for the status, which take precedence over the known ones.
    #[serde(skip_serializing_if = "is_default")]
    pub words: WordLists,
}

fn is_default(words: &WordLists) -> bool {
    *words == WordLists::default()
}

/// Returns the expression for the status in records of vendors with known words.
fn status_of(kind: AdapterKind) -> Option<&'static str> {
    match kind {
        AdapterKind::Bamboohr => Some("Coalesce([status], [Status], [employeeStatus])"),
        AdapterKind::Merge => Some("[employment_status]"),
        AdapterKind::Personio => Some("Coalesce([status], [employments.0.status])"),
        _ => None,
    }
}

/// A checked and compiled [`EmploymentMapping`].
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

    /// Returns the employment data of the record. Adds values that cannot be read to `unread`.
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

/// Returns an unread value for a field of a record.
fn unreadable_value(name: &str, class: &str) -> UnreadValue {
    let value = UnreadValue::new(format!("employment.{name}"), class);
    // A first day cannot indicate a departure; a last day or a status can.
    if name == "starts" { value } else { value.of_departure() }
}

/// The context of reading one record.
pub(crate) struct RecordReading<'a> {
    pub(crate) key: &'a str,
    pub(crate) now: OffsetDateTime,
    pub(crate) dates: &'a DateReader,
    pub(crate) end_date: EndDate,
}

impl RecordReading<'_> {
    /// Returns the beginning of the first day.
    pub(crate) fn first_day(&self, value: Option<&Value>, unread: &mut Vec<UnreadValue>) -> RecordDay {
        let day =
            RecordDay::of(self.dates.read_optional(value), |when| self.dates.begin(self.dates.as_day(when)));
        day.or_listed("starts", value, unread)
    }

    /// Returns the first moment without access: the end of the last day, or the beginning of the first day away.
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
    /// The record does not contain it.
    NotSaid,
    /// The record states that there is none.
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

/// The employment data of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordEmployment {
    pub(crate) status: StatusReading,
    pub(crate) starts: RecordDay,
    pub(crate) ends: RecordDay,
}

/// One statement about employment. Without a moment it holds from the time of reading.
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

/// The presence of a person according to a row of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowPresence {
    /// The row itself states whether the person is employed, or from which day.
    Said,
    /// The row makes no statement, so being listed means that the person is employed.
    Listed,
    /// The employment data of the row cannot be read.
    Unreadable,
}

impl RecordEmployment {
    /// Returns every statement of the record at `at` after a notice with `hint`: the first day, the last day, and the
    /// state at the time of reading. Contradictions between them are resolved where statements are combined.
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
        // A first day in the past is no statement about a person who is not yet, or no longer, employed.
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

    /// Returns the last day, unless it belongs to an earlier employment: before the first day, or in the past when the hint is a rehire.
    fn last_of_this_employment(self, is_rehired: bool, at: OffsetDateTime) -> Option<OffsetDateTime> {
        let first = self.starts.at();
        let last = self.ends.at().filter(|last| first.is_none_or(|first| first < *last));
        last.filter(|last| !is_rehired || *last > at)
    }

    /// Returns whether the record has no status, so that only its days count.
    fn tells_only_days(self) -> bool {
        self.status == StatusReading::NotSaid
    }

    /// Returns the statement of presence. A record that states that there is no last day withdraws a future departure.
    /// A record that does not contain the field withdraws nothing.
    fn presence(self, last: Option<OffsetDateTime>) -> Option<EmploymentClaim> {
        let has_none = self.ends == RecordDay::NoDate || (last.is_none() && self.ends.at().is_some());
        match (has_none, self.status) {
            (true, _) => Some(EmploymentClaim::now(EventKind::WorkerRehired, StatementDating::Observed)),
            (false, StatusReading::Status(_)) => {
                Some(EmploymentClaim::now(EventKind::WorkerJoined, StatementDating::Observed))
            }
            // Without a status, only the days decide.
            (false, _) => None,
        }
    }

    /// Returns the presence of the person in a row of a list with this data.
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
