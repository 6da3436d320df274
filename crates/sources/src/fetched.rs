//! Reading of records that were fetched because a notice contained no values.

use lifecycle::{AttributeMap, EventKind, StatementDating, UnreadValue};
use serde_json::Value;
use time::OffsetDateTime;

use crate::DEPTH_MAX;
use crate::employment::{EmploymentClaim, RecordEmployment, RecordReading};
use crate::error::{ErrorKind, ReadError};
use crate::notice::{NoticeEvent, SourceNotice};
use crate::reader::NoticeReader;

impl NoticeReader {
    /// Returns the notices of the record of the person `key`, as of `at`, the time of the request. `hint` is the event
    /// that the notice stated. Values are a change, because other sources may state other attributes of the same
    /// person. Each statement about employment (the first day, the last day, the state at the time of reading) is a
    /// separate event. The first event contains the values that could not be read.
    ///
    /// # Errors
    /// Returns an error if the value is not a record.
    pub fn fetched(
        &self,
        record: &Value,
        key: &str,
        hint: Option<EventKind>,
        at: OffsetDateTime,
    ) -> Result<Vec<SourceNotice>, ReadError> {
        self.record(record, key, hint, at).map(|(notices, _)| notices)
    }

    /// Reads a record. Returns its notices and its employment data.
    pub(crate) fn record(
        &self,
        record: &Value,
        key: &str,
        hint: Option<EventKind>,
        at: OffsetDateTime,
    ) -> Result<(Vec<SourceNotice>, RecordEmployment), ReadError> {
        if !record.is_object() {
            return Err(ReadError::invalid(
                "",
                "the record is not an object",
                "configure its place in the answer",
            ));
        }
        if nests_deeper(record, DEPTH_MAX) {
            let what = format!("the record nests deeper than {DEPTH_MAX}");
            return Err(ReadError::new(ErrorKind::TooMuch, "", what, "ask for fewer fields"));
        }
        let mapped = self.attributes(record, key, at);
        let mut unread = Vec::new();
        let reading = RecordReading { key, now: at, dates: &self.rules.dates, end_date: self.rules.end_date };
        let stated = self.rules.employment.read(record, &mapped.attributes, &reading, &mut unread);
        let statements = stated.statements(hint, at);
        if hint == Some(EventKind::WorkerLeft) && !statements.iter().any(is_departure) {
            let class = "the notice tells of a departure, and the record of none".to_owned();
            unread.push(UnreadValue::new("employment", class).of_departure());
        }
        let mut said = of_record(key, at, mapped.attributes, statements);
        match said.first_mut() {
            Some(first) => first.unread = unread,
            None if unread.is_empty() => {}
            None => said.push(NoticeEvent::nothing_but(unread, key, at, StatementDating::Observed)),
        }
        let notices = mapped.left_out.into_iter().map(|why| SourceNotice::Ignored { why });
        Ok((notices.chain(said.into_iter().map(SourceNotice::Event)).collect(), stated))
    }
}

/// Returns an event with the values of a record, and one for each statement about employment.
fn of_record(
    key: &str,
    at: OffsetDateTime,
    attributes: AttributeMap,
    statements: Vec<EmploymentClaim>,
) -> Vec<NoticeEvent> {
    let values = (!attributes.is_empty()).then(|| NoticeEvent {
        attributes,
        dated: StatementDating::Observed,
        ..NoticeEvent::new(EventKind::WorkerChanged, key, at)
    });
    let stated = statements.into_iter().map(|EmploymentClaim { kind, effective_at, dated }| NoticeEvent {
        effective_at: effective_at.filter(|begins| *begins != at),
        dated,
        ..NoticeEvent::new(kind, key, at)
    });
    values.into_iter().chain(stated).collect()
}

fn is_departure(statement: &EmploymentClaim) -> bool {
    statement.kind == EventKind::WorkerLeft
}

/// Returns whether the value nests deeper than `levels`.
fn nests_deeper(value: &Value, levels: usize) -> bool {
    let deeper = |value: &Value| levels == 0 || nests_deeper(value, levels - 1);
    match value {
        Value::Array(items) => items.iter().any(deeper),
        Value::Object(fields) => fields.values().any(deeper),
        _ => false,
    }
}
