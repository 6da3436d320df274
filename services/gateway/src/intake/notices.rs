//! The notices of a source, and the events that they make.

use edge::{FieldErrors, JsonPointer, Problem};
use lifecycle::{Event, EventId, EventKind, StatementDating, ThinNotice, unix_micros};
use sources::{NoticeEvent, NoticeReader, SourceNotice};
use time::OffsetDateTime;

use super::admission::AdmittedSource;
use super::limits::{EventLimits, check_key, keys_fault, normalise_manager, text_fault};
use super::received::{EventPlace, ReceivedEvent, content_hash};

/// A source whose records and notices are read by an adapter.
#[derive(Debug)]
pub(crate) struct NoticeSource {
    /// The source as it was admitted.
    pub(crate) source: AdmittedSource,
    /// The adapter.
    pub(crate) reader: NoticeReader,
    /// `true` if records can be fetched.
    pub(crate) fetches: bool,
}

/// The content of notices.
#[derive(Debug, Default)]
pub(crate) struct NoticeReport {
    /// The events of the notices.
    pub(crate) received: Vec<ReceivedEvent>,
    /// The notices of people whose records must be fetched.
    pub(crate) thin: Vec<ThinNotice>,
    /// The number of notices that made neither an event nor a fetch.
    pub(crate) ignored: usize,
    /// The unknown event types among the ignored notices.
    pub(crate) unknown: Vec<String>,
}

impl NoticeSource {
    /// Returns the source of its events.
    pub(crate) fn event_source(&self) -> String {
        format!("webhooks/{}", self.source.name)
    }

    /// Turns notices into events, if all of them are valid.
    ///
    /// # Errors
    /// Returns the faults of the notices.
    pub(crate) fn events(
        &self,
        notices: Vec<SourceNotice>,
        limits: &EventLimits,
        now: OffsetDateTime,
    ) -> Result<NoticeReport, Problem> {
        let (mut told, mut errors) = (NoticeReport::default(), FieldErrors::default());
        for (index, notice) in notices.into_iter().enumerate() {
            let at = JsonPointer::root().index(index);
            match notice {
                SourceNotice::Event(said) => {
                    self.list_unread(&said);
                    let source = self.event_source();
                    told.received.extend(received_event(source, said, &at, limits, now, &mut errors));
                }
                SourceNotice::Changed { key: subject, id, at: said_at, hint } if self.can_fetch(hint) => {
                    match check_key(Some(&subject)) {
                        Ok(key) => told.thin.push(self.thin(key, id.as_deref(), said_at, hint, now)),
                        Err(fault) => errors.add(&at, format!("the key of the person {fault}")),
                    }
                }
                SourceNotice::Changed { hint, .. } => {
                    let hint = hint.map(|hint| hint.to_string()).unwrap_or_default();
                    tracing::warn!(
                        source = self.source.name,
                        hint,
                        "a notice without values is left out: no `fetch` says where the record is"
                    );
                    told.ignored += 1;
                }
                SourceNotice::Ignored { why } => {
                    tracing::info!(source = self.source.name, why, "a notice is nothing for us");
                    told.ignored += 1;
                }
                SourceNotice::UnknownType { name } => {
                    tracing::warn!(source = self.source.name, name, "a notice has a type that is not known");
                    told.ignored += 1;
                    told.unknown.push(name);
                }
            }
        }
        if !errors.is_empty() {
            return Err(Problem::invalid("the notices", errors));
        }
        Ok(told)
    }

    /// Logs the unreadable values of a notice, by place and form.
    fn list_unread(&self, said: &NoticeEvent) {
        for value in &said.unread {
            let (source, subject) = (&self.source.name, &said.subject);
            let (field, class) = (&value.field, &value.class);
            tracing::warn!(source, subject, field, class, "a value of a notice or record cannot be read");
            telemetry::metrics::value_unread(source);
        }
    }

    /// Returns whether the record can be fetched. Only records of people can: a group's record has another address.
    fn can_fetch(&self, hint: Option<EventKind>) -> bool {
        self.fetches && hint.is_none_or(EventKind::is_worker)
    }

    /// Builds the thin notice of a person whose record must be fetched.
    fn thin(
        &self,
        key: &str,
        id: Option<&str>,
        said_at: OffsetDateTime,
        hint: Option<EventKind>,
        now: OffsetDateTime,
    ) -> ThinNotice {
        let source = self.source.name.clone();
        let at = said_at.min(now);
        // Without an id of the source each notice is distinct, even two of the same second: the record may have been fetched between
        // them.
        let id = id.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned);
        let id = EventId::of(&format!("webhooks/{source}#thin"), &format!("{key}#{id}"));
        ThinNotice { id, source, key: key.to_owned(), at, accepted_at: now, hint }
    }
}

/// Builds the event of `source` for the notice. Its faults are added to `errors`.
pub(crate) fn received_event(
    source: String,
    said: NoticeEvent,
    at: &JsonPointer,
    limits: &EventLimits,
    now: OffsetDateTime,
    errors: &mut FieldErrors,
) -> Option<ReceivedEvent> {
    let id = said.dedupe_id();
    // The time of the statement is left out: some systems send the time of each attempt.
    let effective = said.effective_at.map(unix_micros);
    let content = (said.kind, said.dated, &said.subject, effective, &said.attributes, &said.members);
    let content = if said.withdraws { content_hash(&(content, "withdraws")) } else { content_hash(&content) };
    let NoticeEvent {
        kind,
        subject,
        at: said_at,
        effective_at,
        dated,
        mut attributes,
        members,
        withdraws,
        unread,
        ..
    } = said;
    if let Some(fault) = text_fault(&id) {
        errors.add(at, format!("the id of the notice {fault}"));
    }
    limits.check_attributes(&attributes, at, errors);
    normalise_manager(&mut attributes, at, errors);
    let subject = match check_key(Some(&subject)) {
        Ok(key) => key.to_owned(),
        Err(fault) => {
            errors.add(at, format!("the key of the person or group {fault}"));
            return None;
        }
    };
    let members = members.map(|members| {
        let members: Vec<serde_json::Value> = members.into_iter().map(Into::into).collect();
        limits.members(&members, |_| at.clone(), at, errors)
    });
    // A statement dated in the future would take precedence over every statement made until then.
    let time = said_at.min(now);
    // A notice without a time of its own, or with one that is ahead, has the time of its receipt.
    let is_timed_by_receipt = time == now && dated == StatementDating::Implied && effective_at.is_none();
    let dated = if is_timed_by_receipt { StatementDating::Received } else { dated };
    let event = Event {
        id: EventId::of(&source, &id),
        source: source.clone(),
        source_event_id: id,
        kind,
        subject,
        time,
        effective_at: effective_at.unwrap_or(time),
        accepted_at: now,
        sender: source,
        dated: Some(dated),
        attributes,
        members,
        feed: None,
        withdraws,
        unread,
    };
    if let Some(fault) = keys_fault(&event) {
        errors.add(at, fault);
    }
    Some(ReceivedEvent {
        event,
        place: EventPlace::Operation(at.clone()),
        trace: None,
        content: Some(content),
    })
}
