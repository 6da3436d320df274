//! Fetches one record: its address, the check that it is the requested one, and the events that it makes.

use std::sync::Arc;
use std::time::Duration;

use edge::Problem;
use lifecycle::{AttemptClass, EventKind, TraceContext};
use outbound::{AskFailure, SourceClient, Url, encoding};
use serde_json::Value;
use sources::{NoticeEvent, SourceNotice};
use time::OffsetDateTime;
use tokio::sync::Notify;

use super::config::{FetchConfig, KEY, MissingRecordMeaning};
use super::outcome::{FetchTrouble, FetchedRecord};
use super::wanted::WantedRecord;
use crate::intake::notices::NoticeSource;
use crate::intake::received::check_sizes;
use crate::intake::state::IntakeState;
use crate::intake::storage::store_events;

/// The number of attempts that found no record before the person counts as gone.
const LOOKS_BEFORE_GONE: i32 = 1;

/// The settings and client for fetching the records of one source.
#[derive(Debug)]
pub(crate) struct FetchPlan {
    /// The name of the source.
    pub(crate) source: String,
    /// The webhook whose notices announce the records, which has the adapter.
    notices: Arc<NoticeSource>,
    pub(super) config: FetchConfig,
    /// The delay of a first notice about a person.
    pub(super) delay: Duration,
    /// Wakes the fetcher when a record becomes wanted.
    pub(super) wake_up: Arc<Notify>,
    asker: SourceClient,
}

impl FetchPlan {
    /// Builds the plan from a configuration that was validated before.
    ///
    /// # Errors
    /// Returns an error if the configuration is invalid all the same.
    pub(crate) fn new(notices: Arc<NoticeSource>, config: FetchConfig) -> Result<Self, String> {
        let source = notices.source.name.clone();
        if config.url.starts_with("http://") && config.credential.is_some() {
            tracing::warn!(source, "records are fetched without TLS: the credential can be read in transit");
        }
        let (asker, delay) = (config.asker()?, Duration::from_millis(config.delay_ms));
        Ok(Self { source, notices, config, delay, wake_up: Arc::default(), asker })
    }

    /// Fetches the record and stores its events, as of `at`.
    pub(super) async fn fetch(
        &self,
        intake: &IntakeState,
        wanted: &WantedRecord,
        at: OffsetDateTime,
    ) -> Result<FetchedRecord, FetchTrouble> {
        let hint = wanted.hint;
        let (notices, fetched) = match self.ask(&wanted.key).await {
            Ok(record) => (self.read(wanted, &record, at)?, FetchedRecord::Record),
            Err(failure) => match self.gone(&failure, wanted) {
                Some(kind) => {
                    tracing::warn!(source = self.source, subject = wanted.key, %kind, "the source has no record any more: the person is gone");
                    (vec![missing_record(&wanted.key, kind, at)], FetchedRecord::Gone)
                }
                None => {
                    let AskFailure { class, message, retry_after, .. } = failure;
                    return Err(FetchTrouble::Source { class, why: message, retry_after });
                }
            },
        };
        if !notices.iter().any(|notice| matches!(notice, SourceNotice::Event(_))) {
            let hint = hint.map(|hint| hint.to_string()).unwrap_or_default();
            tracing::warn!(
                source = self.source,
                subject = wanted.key,
                hint,
                "the record says nothing that is mapped"
            );
        }
        self.store(intake, notices, wanted.trace, at).await?;
        Ok(fetched)
    }

    /// Requests the record of `key`. An answer without a record counts as not found.
    async fn ask(&self, key: &str) -> Result<Value, AskFailure> {
        let answer = self.asker.get(self.address(key)?).await?;
        let record = match self.config.record.as_str() {
            "" => Some(answer.body),
            pointer => answer.body.pointer(pointer).cloned(),
        };
        record.filter(|record| !record.is_null()).ok_or_else(|| {
            // An API that returns a list of one returns an empty list when the person is unknown.
            let message = format!("the answer has no record at `{}`", self.config.record);
            AskFailure { class: AttemptClass::NotFound, message, retry_after: None, status: None }
        })
    }

    /// Returns the record's address. The key is encoded as one path segment or one query value and may contain any character.
    fn address(&self, key: &str) -> Result<Url, AskFailure> {
        let unusable = || AskFailure {
            class: AttemptClass::Permanent,
            message: "the key cannot be part of an address".to_owned(),
            retry_after: None,
            status: None,
        };
        if matches!(key, "" | "." | "..") {
            return Err(unusable());
        }
        Url::parse(&self.config.url.replace(KEY, &encoding::encode_segment(key))).map_err(|_| unusable())
    }

    /// Checks that the record has the requested key, and reads its notices.
    fn read(
        &self,
        wanted: &WantedRecord,
        record: &Value,
        at: OffsetDateTime,
    ) -> Result<Vec<SourceNotice>, FetchTrouble> {
        if let Some(pointer) = &self.config.key {
            let told = match record.pointer(pointer) {
                Some(Value::String(text)) => text.trim().to_owned(),
                Some(Value::Number(number)) => number.to_string(),
                _ => String::new(),
            };
            if told != wanted.key {
                return Err(unusable_record(format!(
                    "the record belongs to another person: `{pointer}` has another key"
                )));
            }
        }
        self.notices
            .reader
            .fetched(record, &wanted.key, wanted.hint, at)
            .map_err(|error| unusable_record(error.to_string()))
    }

    /// Returns the event that a missing record means, if any.
    fn gone(&self, failure: &AskFailure, wanted: &WantedRecord) -> Option<EventKind> {
        if failure.class != AttemptClass::NotFound || wanted.attempts < LOOKS_BEFORE_GONE {
            return None;
        }
        match (self.config.gone, wanted.hint) {
            (MissingRecordMeaning::Left, _) => Some(EventKind::WorkerLeft),
            (MissingRecordMeaning::Deleted, _) => Some(EventKind::WorkerDeleted),
            (MissingRecordMeaning::Ignore, hint) => {
                hint.filter(|hint| matches!(hint, EventKind::WorkerLeft | EventKind::WorkerDeleted))
            }
        }
    }

    /// Turns the notices into events and stores them on the broker.
    async fn store(
        &self,
        intake: &IntakeState,
        notices: Vec<SourceNotice>,
        trace: Option<TraceContext>,
        at: OffsetDateTime,
    ) -> Result<(), FetchTrouble> {
        let span = tracing::info_span!("fetched", source = self.source, trace_id = tracing::field::Empty);
        let trace = telemetry::in_trace(&span, trace);
        // The database's clock may be ahead of this process's clock.
        let now = store::clock::now().max(at);
        let mut heard =
            self.notices.events(notices, &intake.limits, now).map_err(|problem| invalid_record(&problem))?;
        // The record may differ each time that it is fetched for the same notice.
        heard.received.iter_mut().for_each(|one| one.content = None);
        check_sizes(&heard.received, &intake.limits).map_err(|problem| invalid_record(&problem))?;
        self.notices.source.authorise(&heard.received).map_err(|problem| invalid_record(&problem))?;
        if heard.received.is_empty() {
            return Ok(());
        }
        let stored = store_events(intake, heard.received, Vec::new(), trace, false).await;
        let accepted =
            stored.map_err(|problem| FetchTrouble::NotStored { why: problem.code().to_owned() })?;
        telemetry::metrics::events_accepted(&self.source, "accepted", accepted.accepted.len() as u64);
        Ok(())
    }
}

/// Builds the notice that a missing record means.
fn missing_record(key: &str, kind: EventKind, at: OffsetDateTime) -> SourceNotice {
    SourceNotice::Event(NoticeEvent::new(kind, key, at))
}

/// Builds a failure that is attributed to the record.
fn unusable_record(why: impl Into<String>) -> FetchTrouble {
    FetchTrouble::Source { class: AttemptClass::Permanent, why: why.into(), retry_after: None }
}

/// Builds a failure of the record from the problem of its events.
fn invalid_record(problem: &Problem) -> FetchTrouble {
    let first = problem.errors().first();
    let first = first.map(|error| format!(": {} {}", error.pointer, error.detail)).unwrap_or_default();
    unusable_record(format!("the record is invalid ({}){first}", problem.code()))
}
