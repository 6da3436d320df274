//! Gusto: the person and the event, never the values. `employee.terminated` announces a departure,
//! `employee.termination_effective` is sent after the last day, and either can be cancelled before.

use lifecycle::EventKind::{WorkerChanged, WorkerDeleted, WorkerJoined, WorkerLeft, WorkerRehired};
use serde_json::Value;

use crate::context::ReadContext;
use crate::draft::NoticeDraft;
use crate::error::ReadError;
use crate::meaning::EventMeaning::{Asks, Nothing, Says, Withdraws};
use crate::meaning::VendorTable;
use crate::node::JsonNode;
use crate::notice::SourceNotice;

const PAY: &str = "it is about pay";

pub(super) const WORDS: VendorTable = &[
    ("employee.created", Asks(Some(WorkerJoined))),
    ("employee.updated", Asks(Some(WorkerChanged))),
    ("employee.onboarded", Asks(Some(WorkerChanged))),
    ("employee.self_onboarding_completed", Asks(Some(WorkerChanged))),
    ("employee.marked_for_self_onboarding", Nothing("nothing is known yet")),
    ("employee.terminated", Asks(Some(WorkerLeft))),
    // Gusto's documentation has two spellings.
    ("employee.termination_effective", Says(WorkerLeft)),
    ("employee.terminated_effective", Says(WorkerLeft)),
    ("employee.termination_cancelled", Withdraws(WorkerRehired)),
    ("employee.termination_canceled", Withdraws(WorkerRehired)),
    ("employee.rehired", Asks(Some(WorkerRehired))),
    ("employee.rehire_effective", Asks(Some(WorkerRehired))),
    ("employee.rehired_effective", Asks(Some(WorkerRehired))),
    ("employee.rehire_cancelled", Withdraws(WorkerLeft)),
    ("employee.rehire_canceled", Withdraws(WorkerLeft)),
    ("employee.deleted", Says(WorkerDeleted)),
    ("employee.payment_method_type_updated", Nothing(PAY)),
    ("employee.payment_method.deleted", Nothing(PAY)),
];

/// Returns whether the body contains the verification token. Gusto sends it once, when the subscription is created. It
/// is the key of all later signatures and is not read here.
pub(super) fn is_greeting(body: &Value) -> bool {
    body.get("verification_token").is_some_and(Value::is_string) && body.get("event_type").is_none()
}

pub(super) fn gusto_notices(
    cx: ReadContext<'_>,
    body: &JsonNode<'_>,
) -> Result<Vec<SourceNotice>, ReadError> {
    body.object()?;
    cx.notices(&body.key("event_type"), |meaning| {
        let subject = body.key("entity_uuid").subject()?;
        let draft = NoticeDraft::new(meaning, subject, cx.at(&body.key("timestamp"), None)?);
        Ok(NoticeDraft { id: body.key("uuid").id()?, ..draft })
    })
}
