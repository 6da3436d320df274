//! Builds an event from CloudEvents attributes of any content mode.

use std::collections::BTreeMap;

use edge::{FieldErrors, JsonPointer};
use lifecycle::{Event, EventId, EventKind, StatementDating, unix_micros};
use serde_json::Value;

use super::{EventInput, data, is_json};
use crate::intake::limits::{check_key, keys_fault, parse_moment, text_fault};
use crate::intake::received::{EventPlace, ReceivedEvent, content_hash};

/// The attributes that are read. All others are extensions and have no effect.
pub(super) const ATTRIBUTES: [&str; 8] =
    ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "traceparent"];

/// The attributes of one event before validation.
pub(super) struct EventDraft {
    pub(super) place: EventPlace,
    attributes: BTreeMap<&'static str, String>,
    /// Attributes that were present but unreadable, and that were reported already.
    unreadable: Vec<&'static str>,
}

impl EventDraft {
    /// Creates a draft without attributes.
    pub(super) fn new(place: EventPlace) -> Self {
        Self { place, attributes: BTreeMap::new(), unreadable: Vec::new() }
    }

    /// Sets an attribute if it is one that is read.
    pub(super) fn set(&mut self, name: &str, text: String) {
        if let Some(known) = ATTRIBUTES.into_iter().find(|known| *known == name) {
            self.attributes.insert(known, text);
        }
    }

    /// Reports an attribute that is not a text, if it is one that is read.
    pub(super) fn refuse(&mut self, name: &str, detail: &str, errors: &mut FieldErrors) {
        if let Some(known) = ATTRIBUTES.into_iter().find(|known| *known == name) {
            errors.add(self.place.attribute(known), detail);
            self.unreadable.push(known);
        }
    }

    /// Validates the attributes and returns the event, or `None` if a fault was found.
    pub(super) fn finish(
        mut self,
        data: Option<Value>,
        data_at: &JsonPointer,
        input: EventInput<'_>,
        errors: &mut FieldErrors,
    ) -> Option<ReceivedEvent> {
        let faults_before = errors.len();
        self.check_version(errors);
        let id = self.text("id", errors);
        let source = self.text("source", errors);
        let kind = self.kind(errors);
        let subject = self.subject(kind, errors);
        let time = self.time(input, errors);
        let said = data::read_data(kind, data, data_at, input.limits, input.dates, errors);
        if errors.len() > faults_before {
            return None;
        }
        let (id, source, time) = (id?, source?, time?);
        let (time_said, effective) = (self.attributes.get("time"), said.effective_at.map(unix_micros));
        let dated = match said.effective_at {
            Some(_) => StatementDating::Explicit,
            // Without a `time`, or with one that is ahead.
            None if time == input.now => StatementDating::Received,
            None => StatementDating::Implied,
        };
        let content = content_hash(&(kind, &subject, time_said, effective, &said.attributes, &said.members));
        let event = Event {
            id: EventId::of_sender(input.sender, &source, &id),
            source,
            source_event_id: id,
            kind: if said.unread.is_some() { without_its_day(kind?) } else { kind? },
            subject: subject?,
            time,
            effective_at: said.effective_at.unwrap_or(time),
            accepted_at: input.now,
            sender: input.sender.to_owned(),
            // A snapshot is an observation, even if it names another day.
            dated: (kind != Some(EventKind::WorkerSnapshot)).then_some(dated),
            attributes: said.attributes,
            members: said.members,
            feed: None,
            withdraws: false,
            unread: said.unread.into_iter().collect(),
        };
        if let Some(fault) = keys_fault(&event) {
            errors.add(self.place.attribute("subject"), fault);
            return None;
        }
        // A trace context that cannot be parsed is ignored, as W3C Trace Context requires.
        let trace = self.attributes.get("traceparent").and_then(|text| text.parse().ok());
        Some(ReceivedEvent { event, place: self.place, trace, content: Some(content) })
    }

    /// Checks `specversion` and `datacontenttype`.
    fn check_version(&self, errors: &mut FieldErrors) {
        let version = self.attributes.get("specversion");
        if version.is_none_or(|version| version != "1.0") && !self.unreadable.contains(&"specversion") {
            errors.add(self.place.attribute("specversion"), "must be \"1.0\"");
        }
        let declared = self.attributes.get("datacontenttype");
        let essence =
            declared.and_then(|text| text.split(';').next()).map(|text| text.trim().to_ascii_lowercase());
        if essence.is_some_and(|essence| !is_json(&essence)) {
            errors.add(
                self.place.attribute("datacontenttype"),
                "only JSON data is supported: application/json",
            );
        }
    }

    /// Removes and returns a required text attribute, or reports its fault.
    fn text(&mut self, name: &'static str, errors: &mut FieldErrors) -> Option<String> {
        let text = self.attributes.remove(name);
        let fault = text.as_deref().map_or(Some("is required".to_owned()), text_fault);
        match fault {
            None => text,
            Some(_) if self.unreadable.contains(&name) => None,
            Some(fault) => {
                errors.add(self.place.attribute(name), fault);
                None
            }
        }
    }

    /// Parses the event type, or reports the permitted types.
    fn kind(&self, errors: &mut FieldErrors) -> Option<EventKind> {
        let kind = self.attributes.get("type").and_then(|text| text.parse().ok());
        if kind.is_none() && !self.unreadable.contains(&"type") {
            let known = EventKind::ALL.map(EventKind::as_str).join(", ");
            let detail = format!("must be one of {known}, alone or after a prefix that ends with a dot");
            errors.add(self.place.attribute("type"), detail);
        }
        kind
    }

    /// Returns the key of the person or group. The name of a feed is used unchanged.
    fn subject(&mut self, kind: Option<EventKind>, errors: &mut FieldErrors) -> Option<String> {
        let text = self.text("subject", errors)?;
        if kind == Some(EventKind::FeedCompleted) {
            return Some(text);
        }
        match check_key(Some(&text)) {
            Ok(key) => Some(key.to_owned()),
            Err(fault) => {
                errors.add(self.place.attribute("subject"), format!("the key in it {fault}"));
                None
            }
        }
    }

    /// Returns the time of the event: its `time`, but not later than now, or now if it has none.
    fn time(&self, input: EventInput<'_>, errors: &mut FieldErrors) -> Option<time::OffsetDateTime> {
        let Some(text) = self.attributes.get("time") else { return Some(input.now) };
        // A statement dated in the future would take precedence over every statement made until then.
        let time = parse_moment(text).map(|time| time.min(input.now));
        if time.is_none() {
            errors.add(self.place.attribute("time"), "must be an RFC 3339 time such as 2026-03-01T08:30:00Z");
        }
        time
    }
}

/// Turns a hire or departure without a usable date into a change, because "no date" does not mean "now". Its attributes still count.
fn without_its_day(kind: EventKind) -> EventKind {
    use EventKind::{WorkerChanged, WorkerDeleted, WorkerJoined, WorkerLeft, WorkerRehired};
    match kind {
        WorkerJoined | WorkerLeft | WorkerRehired | WorkerDeleted => WorkerChanged,
        other => other,
    }
}
