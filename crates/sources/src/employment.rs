//! What a record says of whether somebody works here, and from when until when.

use lifecycle::{Attributes, EventKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::adapter::{EndDate, Kind};
use crate::error::ConfigError;
use crate::mapping::Rule;
use crate::moment::{Reading, When, Zone};

/// Where a record says it: an expression over the record, or a JSON Pointer into it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Employment {
    /// Whether the person works here now: true and false, 1 and 0, `active` and `inactive`. Anything else says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
    /// The first day; what the attribute `startDate` is mapped to, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts: Option<String>,
    /// The last day; what the attribute `endDate` is mapped to, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
}

/// The status in records of vendors whose words for it are known.
fn status_of(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Bamboohr => Some("Coalesce([status], [Status], [employeeStatus])"),
        Kind::Merge => Some("[employment_status]"),
        _ => None,
    }
}

/// An [`Employment`] that was checked and prepared.
#[derive(Debug, Clone, Default)]
pub(crate) struct EmploymentRules {
    active: Option<Rule>,
    starts: Option<Rule>,
    ends: Option<Rule>,
}

impl EmploymentRules {
    pub(crate) fn compile(kind: Kind, own: &Employment) -> Result<Self, ConfigError> {
        let rule = |name: &str, text: Option<&str>| {
            text.map(|text| Rule::compile(format!("employment.{name}"), text)).transpose()
        };
        Ok(Self {
            active: rule("active", own.active.as_deref().or(status_of(kind)))?,
            starts: rule("starts", own.starts.as_deref())?,
            ends: rule("ends", own.ends.as_deref())?,
        })
    }

    /// What the record says; what cannot be read in it is told in `left_out`.
    pub(crate) fn read(
        &self,
        record: &Value,
        attributes: &Attributes,
        reading: &RecordReading<'_>,
        left_out: &mut Vec<String>,
    ) -> Stated {
        let mut value = |name: &str, rule: &Option<Rule>, attribute: &str| match rule {
            None => attributes.get(attribute).cloned(),
            Some(rule) => match rule.value(name, record, reading.key, reading.now) {
                Ok(value) => value,
                Err(why) => {
                    left_out.push(format!("`employment.{name}` says nothing: {why}"));
                    None
                }
            },
        };
        let active = value("active", &self.active, "").as_ref().and_then(truth);
        let (starts, ends) =
            (value("starts", &self.starts, "startDate"), value("ends", &self.ends, "endDate"));
        let mut day = |name: &str, value: Option<Value>, is_end: bool| {
            let Some(value) = value else { return Day::Untold };
            let at = match When::read(&value) {
                Reading::Never => return Day::Never,
                Reading::When(when) if is_end && reading.end_date == EndDate::LastDay => {
                    reading.zone.end(when.as_day())
                }
                Reading::When(when) => reading.zone.begin(when.as_day()),
                Reading::Unreadable => None,
            };
            at.map_or_else(
                || {
                    left_out.push(format!("`employment.{name}` says nothing: it is no date"));
                    Day::Unreadable
                },
                Day::At,
            )
        };
        Stated { active, starts: day("starts", starts, false), ends: day("ends", ends, true) }
    }
}

/// What the reading of one record depends on.
pub(crate) struct RecordReading<'a> {
    pub(crate) key: &'a str,
    pub(crate) now: OffsetDateTime,
    pub(crate) zone: &'a Zone,
    pub(crate) end_date: EndDate,
}

/// True and false in the words of HR systems. What is neither must not pass for somebody who left.
fn truth(value: &Value) -> Option<bool> {
    let text = match value {
        Value::Bool(truth) => return Some(*truth),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_ascii_lowercase(),
        _ => return None,
    };
    match text.as_str() {
        "true" | "1" | "active" => Some(true),
        "false" | "0" | "inactive" => Some(false),
        _ => None,
    }
}

/// A day in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Day {
    /// The record does not speak of it.
    Untold,
    /// There is none.
    Never,
    At(OffsetDateTime),
    Unreadable,
}

impl Day {
    fn at(self) -> Option<OffsetDateTime> {
        if let Self::At(at) = self { Some(at) } else { None }
    }
}

/// What a record says of employment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stated {
    pub(crate) active: Option<bool>,
    pub(crate) starts: Day,
    pub(crate) ends: Day,
}

/// What happened, and from when on it holds if not from now.
pub(crate) type Happened = (EventKind, Option<OffsetDateTime>);

impl Stated {
    /// What it amounts to at `at`, when the notice spoke of `hint`. Nothing if it contradicts itself or cannot be read: nobody
    /// is switched off or on by a guess. A record that does not speak of a last day takes back no departure that was
    /// announced elsewhere.
    pub(crate) fn amounts_to(self, hint: Option<EventKind>, at: OffsetDateTime) -> Option<Happened> {
        use EventKind::{WorkerJoined, WorkerLeft, WorkerRehired};
        if self.starts == Day::Unreadable || self.ends == Day::Unreadable {
            return None;
        }
        let arrives = hint.filter(|hint| matches!(hint, WorkerJoined | WorkerRehired));
        let (starts, ends) = (self.starts.at(), self.ends.at());
        // A last day before the first one is of an earlier employment.
        if let Some(ends) = ends.filter(|ends| starts.is_none_or(|starts| starts < *ends)) {
            let is_over = ends <= at;
            return match (is_over, self.active) {
                (true, Some(true)) => None,
                (true, None) if arrives == Some(WorkerRehired) => Some((WorkerRehired, None)),
                _ => Some((WorkerLeft, Some(ends))),
            };
        }
        if let Some(starts) = starts.filter(|starts| *starts > at) {
            return Some((WorkerJoined, Some(starts)));
        }
        let says_no_end = self.ends != Day::Untold;
        match self.active {
            Some(false) => Some((WorkerLeft, None)),
            Some(true) if says_no_end => Some((WorkerJoined, None)),
            None if says_no_end && arrives.is_none() && starts.is_some() => Some((WorkerJoined, starts)),
            Some(true) | None => match arrives? {
                WorkerJoined => Some((WorkerJoined, starts)),
                kind => Some((kind, None)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use EventKind::{WorkerChanged, WorkerJoined, WorkerLeft, WorkerRehired};
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-15 12:00 UTC);
    const PAST: OffsetDateTime = datetime!(2020-02-01 0:00 UTC);
    const OLD: OffsetDateTime = datetime!(2019-01-01 0:00 UTC);
    const AHEAD: OffsetDateTime = datetime!(2026-07-01 0:00 UTC);

    #[test]
    fn a_record_says_who_works_here_and_never_by_a_guess() {
        use Day::{At, Never, Unreadable, Untold};
        type Row = (Option<bool>, Day, Day, Option<EventKind>, Option<Happened>);
        let table: [Row; 20] = [
            (None, At(PAST), Never, None, Some((WorkerJoined, Some(PAST)))),
            (Some(true), At(PAST), Never, None, Some((WorkerJoined, None))),
            (Some(true), At(PAST), At(AHEAD), None, Some((WorkerLeft, Some(AHEAD)))),
            (Some(false), At(PAST), At(PAST), None, Some((WorkerLeft, None))),
            (Some(false), At(PAST), Never, None, Some((WorkerLeft, None))),
            (Some(false), At(AHEAD), Never, None, Some((WorkerJoined, Some(AHEAD)))),
            (None, At(AHEAD), Untold, None, Some((WorkerJoined, Some(AHEAD)))),
            // Over, and active: one of them is wrong.
            (Some(true), At(OLD), At(PAST), None, None),
            (None, At(OLD), At(PAST), None, Some((WorkerLeft, Some(PAST)))),
            (None, At(OLD), At(PAST), Some(WorkerRehired), Some((WorkerRehired, None))),
            // Rehired: the last day is that of the time before.
            (None, At(AHEAD), At(PAST), Some(WorkerRehired), Some((WorkerJoined, Some(AHEAD)))),
            (Some(true), At(PAST), At(OLD), None, Some((WorkerJoined, None))),
            // Not a word of the last day: what was announced elsewhere stands.
            (Some(true), At(PAST), Untold, Some(WorkerChanged), None),
            (None, At(PAST), Untold, None, None),
            (Some(true), Untold, Untold, Some(WorkerJoined), Some((WorkerJoined, None))),
            (None, At(PAST), Untold, Some(WorkerRehired), Some((WorkerRehired, None))),
            // A departure was announced, and the record knows no day: nobody is cut off.
            (None, Untold, Untold, Some(WorkerLeft), None),
            (None, Untold, Untold, None, None),
            (Some(false), Unreadable, Never, None, None),
            (Some(true), At(PAST), Unreadable, None, None),
        ];
        for (index, (active, starts, ends, hint, expected)) in table.into_iter().enumerate() {
            assert_eq!(Stated { active, starts, ends }.amounts_to(hint, NOW), expected, "row {index}");
        }
    }

    #[test]
    fn a_status_that_is_not_known_says_nothing() {
        for (value, expected) in [
            (Value::from(true), Some(true)),
            (Value::from("ACTIVE"), Some(true)),
            (Value::from(" inactive "), Some(false)),
            (Value::from(0), Some(false)),
            (Value::from("PENDING"), None),
            (Value::from(""), None),
            (Value::Null, None),
        ] {
            assert_eq!(truth(&value), expected, "{value}");
        }
    }
}
