//! Standard Webhooks: `{type, timestamp, data}`. The specification leaves types and data to the sender; these are the
//! words that HR systems use.

use lifecycle::EventKind::{
    WorkerChanged, WorkerDeleted, WorkerJoined, WorkerLeft, WorkerRehired, WorkerSnapshot,
};

use crate::context::ReadContext;
use crate::draft::{EffectiveDay, NoticeDraft};
use crate::error::ReadError;
use crate::meaning::EventMeaning::{self, Asks, Says, Withdraws};
use crate::meaning::VendorTable;
use crate::node::JsonNode;
use crate::notice::SourceNotice;

pub(super) const WORDS: VendorTable = &[
    ("worker.joined", Asks(Some(WorkerJoined))),
    ("worker.changed", Asks(Some(WorkerChanged))),
    ("worker.left", Says(WorkerLeft)),
    ("worker.rehired", Asks(Some(WorkerRehired))),
    ("worker.snapshot", Asks(Some(WorkerSnapshot))),
    ("worker.deleted", Says(WorkerDeleted)),
    ("employee.created", Asks(Some(WorkerJoined))),
    ("employee.hired", Asks(Some(WorkerJoined))),
    ("employee.joined", Asks(Some(WorkerJoined))),
    ("employee.started", Asks(Some(WorkerJoined))),
    ("employee.updated", Asks(Some(WorkerChanged))),
    ("employee.changed", Asks(Some(WorkerChanged))),
    // Announced or in force: the day decides, or the record.
    ("employee.terminated", Asks(Some(WorkerLeft))),
    ("employee.offboarded", Asks(Some(WorkerLeft))),
    ("employee.left", Says(WorkerLeft)),
    ("employee.termination_effective", Says(WorkerLeft)),
    ("employee.termination_cancelled", Withdraws(WorkerRehired)),
    ("employee.termination_canceled", Withdraws(WorkerRehired)),
    ("employee.rehired", Asks(Some(WorkerRehired))),
    ("employee.rehire_cancelled", Withdraws(WorkerLeft)),
    ("employee.rehire_canceled", Withdraws(WorkerLeft)),
    ("employee.hire_cancelled", Withdraws(WorkerLeft)),
    ("employee.hire_canceled", Withdraws(WorkerLeft)),
    ("employee.deleted", Says(WorkerDeleted)),
];

/// The members of `data` that may hold the key, in order of precedence.
const KEYS: [&str; 9] = [
    "id",
    "employee_id",
    "employeeId",
    "worker_id",
    "workerId",
    "person_id",
    "personId",
    "user_id",
    "userId",
];
/// The members of `data` that may hold the effective date.
const EFFECTIVE: [&str; 4] = ["effective_at", "effectiveAt", "effective_date", "effectiveDate"];
/// The members of `data` that may hold the last day.
const ENDS: [&str; 6] = ["termination_date", "terminationDate", "last_day", "lastDay", "end_date", "endDate"];
/// The members of `data` that may hold the first day.
const BEGINS: [&str; 4] = ["start_date", "startDate", "hire_date", "hireDate"];

pub(super) fn standard_notices(
    cx: ReadContext<'_>,
    body: &JsonNode<'_>,
) -> Result<Vec<SourceNotice>, ReadError> {
    body.object()?;
    cx.notices(&body.key("type"), |meaning| {
        let data = body.key("data");
        data.object()?;
        let key = &cx.rules.pointers.key;
        let subject =
            key.as_ref().map_or_else(|| data.any(&KEYS), |pointer| data.pointer(pointer)).subject()?;
        let at = cx.at(&body.key("timestamp"), Some("webhook-timestamp"))?;
        let draft = NoticeDraft::new(meaning, subject, at);
        let effective = EffectiveDay::at(&effective_node(cx, meaning, &data), &cx.rules.dates);
        Ok(NoticeDraft { id: cx.id_in_header("webhook-id")?, effective, record: Some(data.value), ..draft })
    })
}

/// Returns the place of the effective date.
fn effective_node<'a>(cx: ReadContext<'_>, meaning: EventMeaning, data: &JsonNode<'a>) -> JsonNode<'a> {
    if let Some(pointer) = &cx.rules.pointers.effective_at {
        return data.pointer(pointer);
    }
    match meaning {
        Says(WorkerLeft) | Asks(Some(WorkerLeft)) => data.any(&[&EFFECTIVE[..], &ENDS].concat()),
        Asks(Some(WorkerJoined | WorkerRehired)) => data.any(&[&EFFECTIVE[..], &BEGINS].concat()),
        _ => data.any(&EFFECTIVE),
    }
}
