//! What a record says that was fetched because a notice said no more than that it changed.

use lifecycle::{Attributes, EventKind};
use serde_json::Value;
use time::OffsetDateTime;

use crate::employment::RecordReading;
use crate::error::{Error, ErrorKind};
use crate::notice::{Notice, Said};
use crate::reader::Reader;
use crate::{DEPTH_MAX, employment};

impl Reader {
    /// What the record of the person `key` says, as it was at `at`, which is when it was asked for. `hint` is what the notice
    /// said happened. Values are a change, for other sources may speak of other attributes of the same person; whether they
    /// work here is said apart, from the day on that the record names.
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
        if !record.is_object() {
            return Err(Error::invalid("", "the record is no object", "say where it stands in the answer"));
        }
        if nests_deeper(record, DEPTH_MAX) {
            let what = format!("the record nests deeper than {DEPTH_MAX}");
            return Err(Error::new(ErrorKind::TooMuch, "", what, "ask for fewer fields"));
        }
        let mapped = self.attributes(record, key, at);
        let (attributes, mut left_out) = (mapped.attributes, mapped.left_out);
        let reading = RecordReading { key, now: at, zone: &self.zone, end_date: self.end_date };
        let stated = self.employment.read(record, &attributes, &reading, &mut left_out);
        let said = |kind, effective_at, attributes| {
            Notice::Event(Said {
                id: None,
                kind,
                subject: key.to_owned(),
                at,
                effective_at,
                attributes,
                members: None,
                withdraws: false,
            })
        };
        let mut notices: Vec<Notice> = left_out.into_iter().map(|why| Notice::Ignored { why }).collect();
        if !attributes.is_empty() {
            notices.push(said(EventKind::WorkerChanged, None, attributes));
        }
        let happened: Option<employment::Happened> = stated.amounts_to(hint, at);
        notices.extend(happened.map(|(kind, begins)| said(kind, begins, Attributes::new())));
        Ok(notices)
    }
}

fn nests_deeper(value: &Value, levels: usize) -> bool {
    let deeper = |value: &Value| levels == 0 || nests_deeper(value, levels - 1);
    match value {
        Value::Array(items) => items.iter().any(deeper),
        Value::Object(fields) => fields.values().any(deeper),
        _ => false,
    }
}
