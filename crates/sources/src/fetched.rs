//! What a record says that was fetched because a notice said no more than that it changed.

use lifecycle::{Attributes, Dating, EventKind, UnreadValue};
use serde_json::Value;
use time::OffsetDateTime;

use crate::DEPTH_MAX;
use crate::employment::{RecordReading, Stated, Statement};
use crate::error::{Error, ErrorKind};
use crate::notice::{Notice, Said};
use crate::reader::Reader;

impl Reader {
    /// What the record of the person `key` says, as it was at `at`, which is when it was asked for. `hint` is what the notice
    /// said happened. Values are a change, for other sources may speak of other attributes of the same person; each statement
    /// about employment (the first day, the last day, the state as of the reading) is said apart. What could not be read is
    /// in the first of them.
    ///
    /// # Errors
    /// When it is no record.
    pub fn fetched(
        &self,
        record: &Value,
        key: &str,
        hint: Option<EventKind>,
        at: OffsetDateTime,
    ) -> Result<Vec<Notice>, Error> {
        self.record(record, key, hint, at).map(|(notices, _)| notices)
    }

    pub(crate) fn record(
        &self,
        record: &Value,
        key: &str,
        hint: Option<EventKind>,
        at: OffsetDateTime,
    ) -> Result<(Vec<Notice>, Stated), Error> {
        if !record.is_object() {
            return Err(Error::invalid("", "the record is no object", "say where it stands in the answer"));
        }
        if nests_deeper(record, DEPTH_MAX) {
            let what = format!("the record nests deeper than {DEPTH_MAX}");
            return Err(Error::new(ErrorKind::TooMuch, "", what, "ask for fewer fields"));
        }
        let mapped = self.attributes(record, key, at);
        let mut unread = Vec::new();
        let reading = RecordReading { key, now: at, dates: &self.dates, end_date: self.end_date };
        let stated = self.employment.read(record, &mapped.attributes, &reading, &mut unread);
        let statements = stated.statements(hint, at);
        if hint == Some(EventKind::WorkerLeft) && !statements.iter().any(is_departure) {
            let class = "the notice tells of a departure, and the record of none".to_owned();
            unread.push(UnreadValue::new("employment", class).of_departure());
        }
        let mut said = of_record(key, at, mapped.attributes, statements);
        match said.first_mut() {
            Some(first) => first.unread = unread,
            None if unread.is_empty() => {}
            None => said.push(Said::nothing_but(unread, key, at, Dating::Observed)),
        }
        let notices = mapped.left_out.into_iter().map(|why| Notice::Ignored { why });
        Ok((notices.chain(said.into_iter().map(Notice::Event)).collect(), stated))
    }
}

/// The values of a record, and apart from them each statement about employment.
fn of_record(key: &str, at: OffsetDateTime, attributes: Attributes, statements: Vec<Statement>) -> Vec<Said> {
    let values = (!attributes.is_empty()).then(|| Said {
        attributes,
        dated: Dating::Observed,
        ..Said::new(EventKind::WorkerChanged, key, at)
    });
    let stated = statements.into_iter().map(|Statement { kind, effective_at, dated }| Said {
        effective_at: effective_at.filter(|begins| *begins != at),
        dated,
        ..Said::new(kind, key, at)
    });
    values.into_iter().chain(stated).collect()
}

fn is_departure(statement: &Statement) -> bool {
    statement.kind == EventKind::WorkerLeft
}

fn nests_deeper(value: &Value, levels: usize) -> bool {
    let deeper = |value: &Value| levels == 0 || nests_deeper(value, levels - 1);
    match value {
        Value::Array(items) => items.iter().any(deeper),
        Value::Object(fields) => fields.values().any(deeper),
        _ => false,
    }
}
