//! Takes one bulk request: reads its bytes and publishes its events to the broker.

use std::io::Read;
use std::sync::Arc;
use std::time::Instant;

use axum::http::StatusCode;
use edge::{FieldErrors, JsonPointer, Problem};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::scan::{self, BulkNotRead, operation_pointer};
use super::{BulkEvents, read_operation};
use crate::intake::admission::AdmittedSource;
use crate::intake::limits::EventLimits;
use crate::intake::limits::{keys_fault, text_fault};
use crate::intake::received::{ReceivedEvent, check_sizes, event_too_large};
use crate::intake::storage::AcceptedEvent;
use crate::intake::streamed::{BatchSink, BatchWriter, BufferedEvents, ReceiverGone};

/// The maximum number of accepted operations, and of faults, that are listed in a response; all are counted.
const LISTED_MAX: usize = 1_000;

/// The result of a bulk request. Every event of it is durably stored.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BulkReport {
    /// The number of operations, valid and invalid.
    pub(crate) operations: u64,
    /// The number of operations that are invalid and have no effect.
    pub(crate) failed: u64,
    /// The number of events that had been stored before.
    pub(crate) duplicates: u64,
    /// One entry for each accepted operation, in order; the first 1,000.
    pub(crate) accepted: Vec<AcceptedEvent>,
    /// The number of accepted operations that are not listed.
    #[serde(skip_serializing_if = "crate::intake::storage::is_zero")]
    #[schema(required = false)]
    pub(crate) accepted_unlisted: usize,
    /// The faults of the failed operations; the first 1,000.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) errors: Vec<OperationFault>,
    /// The number of faults that are not listed.
    #[serde(skip_serializing_if = "crate::intake::storage::is_zero")]
    #[schema(required = false)]
    pub(crate) errors_unlisted: usize,
    /// The number of events and bytes that were in memory at the same time.
    #[serde(skip)]
    pub(crate) buffered: Arc<BufferedEvents>,
}

/// A fault in an operation.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OperationFault {
    /// The JSON Pointer to the fault in the request.
    pub(crate) pointer: String,
    /// The operation's `bulkId`, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bulk_id: Option<String>,
    /// A description of the fault and of a valid value.
    pub(crate) detail: String,
}

/// A bulk request and its settings.
pub(crate) struct BulkUpload {
    pub(crate) source: Arc<AdmittedSource>,
    /// The caller's `Idempotency-Key`.
    pub(crate) key: Option<String>,
    pub(crate) limits: EventLimits,
    /// The maximum number of operations.
    pub(crate) operations_max: usize,
    /// The maximum length of an operation, in bytes.
    pub(crate) operation_bytes_max: usize,
    pub(crate) now: OffsetDateTime,
}

/// The faults of operations.
#[derive(Debug, Default)]
struct OperationFaults {
    /// The number of operations, valid and invalid.
    operations: u64,
    /// The number of failed operations.
    failed: u64,
    /// The common status and code of the failed operations; `None` if they differ.
    code: Option<(StatusCode, &'static str)>,
    /// The faults, at most [`LISTED_MAX`].
    listed: Vec<OperationFault>,
    /// The number of further faults.
    unlisted: usize,
}

impl BulkUpload {
    /// Reads the whole request. `push` receives the events of the valid operations.
    fn read(
        &self,
        bytes: impl Read,
        mut push: impl FnMut(ReceivedEvent) -> Result<(), ReceiverGone>,
    ) -> Result<OperationFaults, BulkNotRead> {
        let mut faults = OperationFaults::default();
        let feed = BulkEvents::new(&self.source.name, self.key.as_deref(), self.now);
        scan::read_operations(bytes, self.operation_bytes_max, |index, operation| {
            if index == self.operations_max {
                return Err(too_many(self.operations_max).into());
            }
            faults.operations += 1;
            let at = operation_pointer(index);
            let operation = match operation {
                Ok(operation) => operation,
                Err(fault) => {
                    faults.add(None, wrong_operation(&at, fault));
                    return Ok(());
                }
            };
            let bulk_id = operation.get("bulkId").and_then(Value::as_str).map(str::to_owned);
            match self.event(operation, index, &at, &feed) {
                Ok(received) => push(received).map_err(|ReceiverGone| BulkNotRead::Stopped)?,
                Err(problem) => faults.add(bulk_id.filter(|id| text_fault(id).is_none()), problem),
            }
            Ok(())
        })?;
        Ok(faults)
    }

    /// Reads, authorises and checks one operation, and returns its event.
    fn event(
        &self,
        operation: Value,
        index: usize,
        at: &JsonPointer,
        feed: &BulkEvents,
    ) -> Result<ReceivedEvent, Problem> {
        let mut errors = FieldErrors::default();
        let read = read_operation(operation, at, &self.limits, &mut errors);
        let (bulk_id, statement) = match read {
            Some(read) if errors.is_empty() => read,
            _ => return Err(Problem::invalid("an operation", errors)),
        };
        let received = [feed.event(bulk_id, statement, index, at.clone())];
        if let Some(fault) = keys_fault(&received[0].event) {
            return Err(wrong_operation(at, fault));
        }
        self.source.authorise(&received)?;
        check_sizes(&received, &self.limits)?;
        let [received] = received;
        Ok(received)
    }
}

impl OperationFaults {
    /// Counts a failed operation and lists its faults, up to the maximum.
    fn add(&mut self, bulk_id: Option<String>, problem: Problem) {
        let code = (problem.status(), problem.code());
        self.code = if self.failed == 0 { Some(code) } else { self.code.filter(|known| *known == code) };
        self.failed += 1;
        for error in problem.errors() {
            if self.listed.len() == LISTED_MAX {
                self.unlisted += 1;
                continue;
            }
            let (pointer, detail) = (error.pointer.clone(), error.detail.clone());
            self.listed.push(OperationFault { pointer, bulk_id: bulk_id.clone(), detail });
        }
    }

    /// Returns the problem for a request without any valid operation.
    fn into_problem(self) -> Problem {
        let mut errors = FieldErrors::default();
        for fault in self.listed {
            errors.add(fault.pointer, fault.detail);
        }
        match self.code {
            Some((StatusCode::FORBIDDEN, _)) => {
                errors.into_problem(Problem::forbidden("no event of the request was accepted"))
            }
            Some((StatusCode::PAYLOAD_TOO_LARGE, _)) => errors.into_problem(event_too_large()),
            _ => Problem::invalid("no event of the request was accepted", errors),
        }
    }
}

fn wrong_operation(at: &JsonPointer, fault: String) -> Problem {
    let mut errors = FieldErrors::default();
    errors.add(at, fault);
    Problem::invalid("an operation", errors)
}

fn too_many(operations_max: usize) -> Problem {
    let detail = format!("more than the {operations_max} operations that one request may have; split it");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "batch_too_large", detail)
}

/// Takes a request: stores the events of its valid operations, batch by batch.
///
/// # Errors
/// Returns an error if the request cannot be read to its end, if some events are not known to be stored, or if no operation is valid.
pub(crate) async fn take_upload<R: Read + Send + 'static>(
    upload: BulkUpload,
    bytes: R,
    sink: &mut impl BatchSink,
) -> Result<BulkReport, Problem> {
    let source = Arc::clone(&upload.source);
    let mut report = BulkReport::default();
    let (mut batches, mut incoming) = BatchWriter::new(Arc::clone(&report.buffered));
    let reading = tokio::task::spawn_blocking(move || {
        let faults = upload.read(bytes, |received| batches.push(received))?;
        batches.flush().map_err(|ReceiverGone| BulkNotRead::Stopped)?;
        Ok(faults)
    });
    let mut stored = 0_u64;
    while let Some(mut batch) = incoming.recv().await {
        let events = std::mem::take(&mut batch.events);
        // A request is admitted as a whole or refused; all of its events count against the rate.
        let now = Instant::now();
        match stored {
            0 => source.spend(events.len(), now)?,
            _ => source.overdraw(events.len(), now),
        }
        let done = sink.store(events).await.map_err(|problem| so_far(problem, stored))?;
        stored += done.events();
        report.duplicates += done.duplicates();
        let room = LISTED_MAX.saturating_sub(report.accepted.len());
        report.accepted_unlisted += done.accepted.len().saturating_sub(room);
        report.accepted.extend(done.accepted.into_iter().take(room));
    }
    let faults = match reading.await {
        Ok(Ok(faults)) => faults,
        Ok(Err(BulkNotRead::Refused(problem))) => return Err(so_far(problem, stored)),
        Ok(Err(BulkNotRead::Stopped)) => {
            return Err(so_far(Problem::bad_request("body_broken", "the body broke off"), stored));
        }
        Err(_) => return Err(Problem::internal()),
    };
    if faults.failed > 0 && stored == 0 {
        return Err(faults.into_problem());
    }
    (report.operations, report.failed) = (faults.operations, faults.failed);
    (report.errors, report.errors_unlisted) = (faults.listed, faults.unlisted);
    Ok(report)
}

/// Adds the number of stored operations to the problem: operations before the failure stay stored.
fn so_far(problem: Problem, stored: u64) -> Problem {
    if stored == 0 {
        return problem;
    }
    let detail = format!(
        "{}; {stored} operations before that are stored: with the same Idempotency-Key they are recognised when the \
         request is repeated",
        problem.detail()
    );
    problem.with_detail(detail)
}

#[cfg(test)]
pub(super) fn read_all(
    body: &[u8],
    key: Option<&str>,
    kinds: Option<Vec<crate::intake::source::SubjectKind>>,
    now: OffsetDateTime,
) -> Result<(Vec<ReceivedEvent>, Vec<OperationFault>), Problem> {
    let rights = crate::intake::source::sender_rights(None, kinds.as_deref());
    let source = AdmittedSource::of_webhook(
        "hr".to_owned(),
        rights,
        None,
        edge::AccessRule::default(),
        Instant::now(),
    );
    let key = key.map(str::to_owned);
    let limits = EventLimits::default();
    let upload = BulkUpload {
        source: Arc::new(source),
        key,
        limits,
        operations_max: 10,
        operation_bytes_max: 10_000,
        now,
    };
    let mut all = Vec::new();
    let read = upload.read(body, |received| {
        all.push(received);
        Ok(())
    });
    match read {
        Ok(faults) if all.is_empty() && faults.failed > 0 => Err(faults.into_problem()),
        Ok(faults) => Ok((all, faults.listed)),
        Err(BulkNotRead::Refused(problem)) => Err(problem),
        Err(BulkNotRead::Stopped) => panic!("a body in memory does not break off"),
    }
}
