//! Turns the statements of a row into events.

use edge::{FieldErrors, JsonPointer, Problem};
use feeds::{RowError, RowState, RowStatements};
use lifecycle::{
    AttributeMap, Event, EventId, EventKind, FeedRun, StatementDating, UnreadValue, unix_micros,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use super::{CsvFeed, FeedMode, RowKind};
use crate::intake::limits::{EventLimits, keys_fault, normalise_manager};

/// Creates the events of one file.
pub(super) struct FeedEvents<'a> {
    pub(super) feed: &'a CsvFeed,
    pub(super) run: &'a FeedRun,
    pub(super) limits: &'a EventLimits,
    pub(super) accepted_at: OffsetDateTime,
    /// A placeholder as long as any id, for events that are not known to be valid yet.
    pub(super) no_id: EventId,
    /// The number of rows that repeated a key.
    pub(super) repeats: i64,
}

impl FeedEvents<'_> {
    /// Returns the event of a good row, or `None` for a row that makes no statement and need not be known.
    ///
    /// # Errors
    /// Returns an error if an event must not say this.
    pub(super) fn event(&self, said: RowStatements, line: u64) -> Result<Option<Event>, RowError> {
        self.check_kind(&said, line)?;
        let RowStatements { key, mut attributes, state, effective_at, unread } = said;
        let is_full = self.feed.mode == FeedMode::Full;
        let kind = match state {
            RowState::Upsert => EventKind::WorkerSnapshot,
            RowState::Left | RowState::Inactive => EventKind::WorkerLeft,
            RowState::Deleted => EventKind::WorkerDeleted,
            RowState::PreHire => EventKind::WorkerChanged,
            // Shows that the person is in the file, and nothing else about them.
            RowState::Ignored if is_full || !unread.is_empty() => EventKind::WorkerChanged,
            RowState::Ignored => return Ok(None),
        };
        if state == RowState::Upsert {
            mark_employed(&mut attributes);
        }
        self.check_attributes(&mut attributes, line)?;
        let time = self.run.begun_at;
        let effective_at = effective_at.and_then(|when| self.feed.zone.begin(when));
        let dated = match (state, effective_at) {
            (RowState::Upsert, Some(at)) if at <= time => StatementDating::Observed,
            (RowState::Left | RowState::Deleted, None) => StatementDating::Implied,
            (_, None) => StatementDating::Observed,
            (_, Some(_)) => StatementDating::Explicit,
        };
        let event = Event {
            id: self.no_id.clone(),
            source: self.feed.source.clone(),
            source_event_id: format!("{}:{line}:{}", self.run.run, "0".repeat(FINGERPRINT_CHARS)),
            kind,
            subject: key,
            time,
            effective_at: effective_at.unwrap_or(time),
            accepted_at: self.accepted_at,
            sender: self.feed.source.clone(),
            dated: Some(dated),
            attributes,
            members: None,
            feed: is_full.then(|| self.run.clone()),
            withdraws: false,
            unread,
        };
        if let Some(fault) = keys_fault(&event) {
            return Err(row_error(line, fault, "map the key from another column"));
        }
        if self.limits.is_too_large(&event) {
            let what = format!("is more than {} bytes as an event", self.limits.event_bytes_max);
            return Err(row_error(line, what, "take less of the row into attributes"));
        }
        Ok(Some(event))
    }

    /// Returns the event of a wrong row whose key is readable: its person is in the file, and the row is unreadable.
    pub(super) fn listed(&self, key: String, fault: &RowError) -> Event {
        let time = self.run.begun_at;
        let field = fault.column.clone().unwrap_or_else(|| "row".to_owned());
        Event {
            id: self.no_id.clone(),
            sender: self.feed.source.clone(),
            source: self.feed.source.clone(),
            source_event_id: String::new(),
            kind: EventKind::WorkerChanged,
            subject: key,
            time,
            effective_at: time,
            dated: Some(StatementDating::Observed),
            accepted_at: self.accepted_at,
            attributes: AttributeMap::new(),
            members: None,
            feed: (self.feed.mode == FeedMode::Full).then(|| self.run.clone()),
            withdraws: false,
            // The rest of the row is unknown. It may have said that its person left.
            unread: vec![UnreadValue::new(field, fault.what.clone()).of_departure()],
        }
    }

    /// Returns a second event for a row that shows a departure on a past day: the
    /// person is absent as of the file, even though the row names another day.
    pub(super) fn as_of_the_file(event: &Event) -> Option<Event> {
        let names_a_day_that_is_over = event.kind == EventKind::WorkerLeft
            && event.dated == Some(StatementDating::Explicit)
            && event.effective_at <= event.time;
        names_a_day_that_is_over.then(|| Event {
            effective_at: event.time,
            dated: Some(StatementDating::Observed),
            attributes: AttributeMap::new(),
            unread: Vec::new(),
            ..event.clone()
        })
    }

    /// Sets the id and time of the event. Of two rows about one person the later one counts, so its time is a little
    /// later. The id depends on the content of the row: a different file under the same key must not pass for this one.
    pub(super) fn named(&mut self, mut event: Event, line: u64, is_first: bool) -> Event {
        if !is_first {
            self.repeats += 1;
            let said_at = event.time + Duration::microseconds(self.repeats);
            if event.effective_at == event.time {
                event.effective_at = said_at;
            }
            event.time = said_at;
        }
        event.source_event_id = format!("{}:{line}:{}", self.run.run, event_fingerprint(&event));
        event.id = EventId::of(&event.source, &event.source_event_id);
        event
    }

    /// Refuses a row of a kind that the feed does not permit.
    fn check_kind(&self, said: &RowStatements, line: u64) -> Result<(), RowError> {
        match RowKind::of(said.state) {
            Some(kind) if !self.feed.kinds.contains(&kind) => {
                let word = match kind {
                    RowKind::Upsert => "upsert",
                    RowKind::Left => "left",
                    RowKind::Deleted => "deleted",
                };
                let what = format!("says `{word}`, which this feed does not permit");
                Err(row_error(
                    line,
                    what,
                    format!("leave the row out, or add `{word}` to the feed's `kinds`"),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Checks the limits of attributes, and normalises the manager.
    fn check_attributes(&self, attributes: &mut AttributeMap, line: u64) -> Result<(), RowError> {
        let mut errors = FieldErrors::default();
        // A cell cannot be null, and no manager has an empty key.
        if attributes.get("manager").and_then(Value::as_str).is_some_and(|key| key.trim().is_empty()) {
            attributes.insert("manager".to_owned(), Value::Null);
        }
        self.limits.check_attributes(attributes, &JsonPointer::root(), &mut errors);
        normalise_manager(attributes, &JsonPointer::root(), &mut errors);
        if errors.is_empty() {
            return Ok(());
        }
        let problem = Problem::invalid("a row", errors);
        let first = problem.errors().first().map(|error| {
            let name = error.pointer.trim_start_matches('/');
            if name.is_empty() { error.detail.clone() } else { format!("`{name}`: {}", error.detail) }
        });
        Err(row_error(line, first.unwrap_or_default(), "correct the cell, or the mapping"))
    }
}

/// The number of hexadecimal digits of an event's fingerprint.
const FINGERPRINT_CHARS: usize = 16;

/// Returns the hash of an event's content, without its id and time.
fn event_fingerprint(event: &Event) -> String {
    let day = (event.effective_at != event.time).then(|| unix_micros(event.effective_at));
    let said = (event.kind, &event.subject, day, event.dated, &event.attributes, &event.unread);
    let json = serde_json::to_vec(&said).expect("attributes have only text as keys");
    let digest = Sha256::digest(json);
    hex::encode(&digest[..FINGERPRINT_CHARS / 2])
}

/// Marks the person of an upsert row as employed, unless the mapping has
/// an unambiguous `active`. A leaver who is listed again is a rehire.
fn mark_employed(attributes: &mut AttributeMap) {
    let is_clear = match attributes.get("active") {
        Some(Value::Bool(_)) => true,
        Some(Value::String(text)) => ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word)),
        _ => false,
    };
    if !is_clear {
        attributes.insert("active".to_owned(), Value::Bool(true));
    }
}

fn row_error(line: u64, what: impl Into<String>, fix: impl Into<String>) -> RowError {
    RowError { line, column: None, what: what.into(), fix: fix.into() }
}
