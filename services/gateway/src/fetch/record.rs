//! One record: where it is, whether it is the one that was asked for, and the events that it makes.

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
use crate::http::AppState;
use crate::intake;
use crate::received::check_sizes;

/// A record that was not there is asked for once more before it says that somebody is gone.
const LOOKS_BEFORE_GONE: i32 = 1;

/// How the records of one source are fetched.
#[derive(Debug)]
pub(crate) struct FetchPlan {
    /// The name of the source.
    pub(crate) source: String,
    pub(super) config: FetchConfig,
    pub(super) delay: Duration,
    /// Rings when somebody's record is wanted.
    pub(super) bell: Arc<Notify>,
    asker: SourceClient,
}

impl FetchPlan {
    /// The configuration must have no fault.
    ///
    /// # Errors
    /// When something is wrong with it all the same.
    pub(crate) fn new(source: String, config: FetchConfig) -> Result<Self, String> {
        if config.url.starts_with("http://") && config.credential.is_some() {
            tracing::warn!(source, "records are fetched without TLS: whoever listens reads the credential");
        }
        let (asker, delay) = (config.asker()?, Duration::from_millis(config.delay_ms));
        Ok(Self { source, config, delay, bell: Arc::default(), asker })
    }

    /// Fetches the record and stores what it says, as of `at`.
    pub(super) async fn fetch(
        &self,
        gate: &AppState,
        wanted: &WantedRecord,
        at: OffsetDateTime,
    ) -> Result<FetchedRecord, FetchTrouble> {
        let hint = wanted.hint;
        let (notices, fetched) = match self.ask(&wanted.key).await {
            Ok(record) => (self.read(gate, wanted, &record, at)?, FetchedRecord::Record),
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
        self.store(gate, notices, wanted.trace, at).await?;
        Ok(fetched)
    }

    async fn ask(&self, key: &str) -> Result<Value, AskFailure> {
        let answer = self.asker.get(self.address(key)?).await?;
        let record = match self.config.record.as_str() {
            "" => Some(answer.body),
            pointer => answer.body.pointer(pointer).cloned(),
        };
        record.filter(|record| !record.is_null()).ok_or_else(|| {
            // Lists of one are empty where there is nobody.
            let message = format!("the answer has no record at `{}`", self.config.record);
            AskFailure { class: AttemptClass::NotFound, message, retry_after: None, status: None }
        })
    }

    /// The key is one segment, or one value of the query, whatever stands in it.
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

    fn read(
        &self,
        gate: &AppState,
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
                    "the record is of somebody else: `{pointer}` is another key"
                )));
            }
        }
        let Some(webhook) = gate.webhooks.get(&self.source) else {
            return Err(unusable_record("the source is not configured any more"));
        };
        webhook
            .reader
            .fetched(record, &wanted.key, wanted.hint, at)
            .map_err(|error| unusable_record(error.to_string()))
    }

    /// What it means that there is no record, if anything.
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

    async fn store(
        &self,
        gate: &AppState,
        notices: Vec<SourceNotice>,
        trace: Option<TraceContext>,
        at: OffsetDateTime,
    ) -> Result<(), FetchTrouble> {
        let Some(webhook) = gate.webhooks.get(&self.source) else {
            return Err(unusable_record("the source is not configured any more"));
        };
        let span = tracing::info_span!("fetched", source = self.source, trace_id = tracing::field::Empty);
        let trace = telemetry::in_trace(&span, trace);
        // By the clock of the database, which may be ahead of ours.
        let now = store::clock::now().max(at);
        let mut heard =
            webhook.events(notices, &gate.limits, now).map_err(|problem| invalid_record(&problem))?;
        // The record may say something else each time that it is fetched for the same notice.
        heard.received.iter_mut().for_each(|one| one.content = None);
        check_sizes(&heard.received, &gate.limits).map_err(|problem| invalid_record(&problem))?;
        webhook.source.authorise(&heard.received).map_err(|problem| invalid_record(&problem))?;
        if heard.received.is_empty() {
            return Ok(());
        }
        let stored = intake::store_events(gate, heard.received, Vec::new(), trace, false).await;
        let accepted =
            stored.map_err(|problem| FetchTrouble::NotStored { why: problem.code().to_owned() })?;
        telemetry::metrics::events_accepted(&self.source, "accepted", accepted.accepted.len() as u64);
        Ok(())
    }
}

fn missing_record(key: &str, kind: EventKind, at: OffsetDateTime) -> SourceNotice {
    SourceNotice::Event(NoticeEvent::new(kind, key, at))
}

fn unusable_record(why: impl Into<String>) -> FetchTrouble {
    FetchTrouble::Source { class: AttemptClass::Permanent, why: why.into(), retry_after: None }
}

fn invalid_record(problem: &Problem) -> FetchTrouble {
    let first = problem.errors().first();
    let first = first.map(|error| format!(": {} {}", error.pointer, error.detail)).unwrap_or_default();
    unusable_record(format!("what the record says cannot be taken ({}){first}", problem.code()))
}
