//! Turns a row into events.

use edge::{FieldErrors, JsonPointer, Problem};
use lifecycle::{AttributeMap, EventKind, FeedRun, StatementDating};
use outbound::SourceClient;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sources::{ListRow, NoticeEvent, NoticeReader, RowPresence, SourceNotice};
use time::OffsetDateTime;

use super::config::PollConfig;
use crate::intake::limits::EventLimits;
use crate::intake::notices::received_event;
use crate::intake::received::{ReceivedEvent, check_sizes};

/// A list with its reader and client, ready to be read.
#[derive(Debug)]
pub(crate) struct PreparedPoll {
    pub(super) config: PollConfig,
    /// The source of its events.
    pub(super) source: String,
    pub(super) asker: SourceClient,
    reader: NoticeReader,
}

/// A row that was parsed.
#[derive(Debug)]
pub(super) struct RowRead {
    /// The source's key of the person.
    pub(super) key: String,
    /// The time at which it takes effect, in microseconds since the Unix epoch; 0 if it names none.
    pub(super) effective_at: i64,
    /// The hash of its content.
    pub(super) hash: String,
    /// `true` if the row says that the person left.
    pub(super) departs: bool,
    /// `true` if one of its values could not be read.
    pub(super) is_bad: bool,
    /// The attributes in the row.
    pub(super) values: AttributeMap,
    pub(super) events: Vec<ReceivedEvent>,
}

impl PreparedPoll {
    /// Prepares a list whose configuration was validated before.
    ///
    /// # Errors
    /// Returns an error if the configuration is invalid all the same.
    pub(crate) fn new(config: PollConfig) -> Result<Self, String> {
        if config.url.starts_with("http://") && config.credential.is_some() {
            tracing::warn!(
                source = config.name,
                "a list is read without TLS: the credential can be read in transit"
            );
        }
        let reader = config.reader().map_err(|error| error.to_string())?;
        let (asker, source) = (config.asker()?, format!("polls/{}", config.name));
        telemetry::metrics::register_poll(&config.name);
        Ok(Self { config, source, asker, reader })
    }

    /// Reads the statements of a row as of `at`. `run` is the reading of a full list.
    ///
    /// # Errors
    /// Returns the fault of the row, without its values.
    pub(super) fn read(
        &self,
        row: &Value,
        at: OffsetDateTime,
        run: Option<&FeedRun>,
        limits: &EventLimits,
    ) -> Result<RowRead, String> {
        let ListRow { key, effective_at, presence, notices } =
            self.reader.row(row, at).map_err(|error| format!("{}: {error}", error.at))?;
        let mut said: Vec<NoticeEvent> = notices.into_iter().filter_map(of_event).collect();
        let is_value = |said: &NoticeEvent| said.kind == EventKind::WorkerChanged;
        if run.is_some() {
            match presence {
                // A row of a full list that says nothing about employment means that the person is employed.
                RowPresence::Listed => {
                    said.push(presence_event(&key, at, effective_at.filter(|begins| *begins > at)))
                }
                // The row shows only that the person is listed, so that they do not count as absent.
                RowPresence::Said | RowPresence::Unreadable if said.is_empty() => {
                    said.push(NoticeEvent::nothing_but(Vec::new(), &key, at, StatementDating::Observed));
                }
                RowPresence::Said | RowPresence::Unreadable => {}
            }
        }
        let is_bad = self.list_unread(&key, &said);
        let hash = statement_hash(&said);
        let departs = said.iter().any(|said| said.kind == EventKind::WorkerLeft);
        let values = said.iter().find(|said| is_value(said)).map(|said| said.attributes.clone());
        let events = self.events(said, at, run, limits)?;
        let effective_at = effective_at.map_or(0, lifecycle::unix_micros);
        let values = values.unwrap_or_default();
        Ok(RowRead { key, effective_at, hash, departs, is_bad, values, events })
    }

    /// Logs the unreadable values of a row by place and form, and returns whether there are any.
    fn list_unread(&self, key: &str, said: &[NoticeEvent]) -> bool {
        let mut unread = said.iter().flat_map(|said| &said.unread).peekable();
        let is_bad = unread.peek().is_some();
        for value in unread {
            let (field, class) = (&value.field, &value.class);
            tracing::warn!(
                source = self.config.name,
                subject = key,
                field,
                class,
                "a value of a row cannot be read"
            );
            telemetry::metrics::value_unread(&self.config.name);
        }
        is_bad
    }

    /// Turns statements into events.
    ///
    /// # Errors
    /// Returns an error if an event must not say this.
    pub(super) fn events(
        &self,
        said: Vec<NoticeEvent>,
        at: OffsetDateTime,
        run: Option<&FeedRun>,
        limits: &EventLimits,
    ) -> Result<Vec<ReceivedEvent>, String> {
        let mut errors = FieldErrors::default();
        // The database's clock may be ahead of this process's clock.
        let now = store::clock::now().max(at);
        let mut event =
            |said| received_event(self.source.clone(), said, &JsonPointer::root(), limits, now, &mut errors);
        let mut events: Vec<ReceivedEvent> = said.into_iter().filter_map(&mut event).collect();
        let first = |problem: &Problem| {
            problem.errors().first().map(|error| format!("{} {}", error.pointer, error.detail))
        };
        if !errors.is_empty() {
            return Err(first(&Problem::invalid("a row", errors)).unwrap_or_default());
        }
        for one in &mut events {
            one.event.feed = run.cloned();
            one.content = None;
        }
        check_sizes(&events, limits).map_err(|problem| first(&problem).unwrap_or_default())?;
        Ok(events)
    }
}

/// Returns the event of a notice, if it has one.
fn of_event(notice: SourceNotice) -> Option<NoticeEvent> {
    match notice {
        SourceNotice::Event(said) => Some(said),
        SourceNotice::Ignored { why } => {
            tracing::debug!(why, "a part of a row says nothing");
            None
        }
        SourceNotice::Changed { .. } | SourceNotice::UnknownType { .. } => None,
    }
}

/// Returns the statement that a person is employed, or will be from a day on.
fn presence_event(key: &str, at: OffsetDateTime, effective_at: Option<OffsetDateTime>) -> NoticeEvent {
    row_event(EventKind::WorkerJoined, key, at, effective_at, AttributeMap::new())
}

/// Builds an event of a row. Without a date it is an observation.
pub(super) fn row_event(
    kind: EventKind,
    key: &str,
    at: OffsetDateTime,
    effective_at: Option<OffsetDateTime>,
    attributes: AttributeMap,
) -> NoticeEvent {
    let dated = if effective_at.is_some() { StatementDating::Explicit } else { StatementDating::Observed };
    NoticeEvent { effective_at, dated, attributes, ..NoticeEvent::new(kind, key, at) }
}

/// Returns the hash of the statements, without the time of reading, so that an unchanged row has the same hash in the next reading.
fn statement_hash(said: &[NoticeEvent]) -> String {
    let all: Vec<_> = said
        .iter()
        .map(|said| {
            let at = said.effective_at.map(lifecycle::unix_micros);
            (said.kind, said.dated, at, &said.attributes, &said.unread)
        })
        .collect();
    let digest = Sha256::digest(serde_json::to_vec(&all).expect("attributes have only text as keys"));
    hex::encode(&digest[..16])
}
