//! HiBob's webhooks v2: the person and the event, never the values. `employee.joined` and `employee.left` are sent at
//! the midnight when they take effect.

use lifecycle::EventKind::{WorkerChanged, WorkerDeleted, WorkerJoined, WorkerLeft};
use serde_json::Value;

use crate::context::ReadContext;
use crate::draft::{EffectiveDay, NoticeDraft};
use crate::error::ReadError;
use crate::meaning::EventMeaning::{Asks, Says};
use crate::meaning::VendorTable;
use crate::node::JsonNode;
use crate::notice::SourceNotice;

/// The content of a connection test: bare, as a JSON text, or as `{"text": ...}`.
const PING: &str = "Ping test";

pub(super) const WORDS: VendorTable = &[
    ("employee.created", Asks(Some(WorkerJoined))),
    ("employee.updated", Asks(Some(WorkerChanged))),
    ("employee.deleted", Says(WorkerDeleted)),
    ("employee.joined", Asks(Some(WorkerJoined))),
    ("employee.left", Says(WorkerLeft)),
    // On leave, or terminated: the record decides.
    ("employee.inactivated", Asks(Some(WorkerChanged))),
    ("employee.activated", Asks(Some(WorkerChanged))),
    ("table.entry.created", Asks(Some(WorkerChanged))),
    ("table.entry.updated", Asks(Some(WorkerChanged))),
    ("table.entry.deleted", Asks(Some(WorkerChanged))),
];

pub(super) fn is_ping(body: &[u8]) -> bool {
    body.trim_ascii() == PING.as_bytes()
}

pub(super) fn is_greeting(body: &Value) -> bool {
    body.as_str() == Some(PING) || body.get("text").and_then(Value::as_str) == Some(PING)
}

pub(super) fn hibob_notices(
    cx: ReadContext<'_>,
    body: &JsonNode<'_>,
) -> Result<Vec<SourceNotice>, ReadError> {
    body.object()?;
    cx.notices(&body.key("type"), |meaning| {
        let data = body.key("data");
        if data.value.is_null() && !body.key("employee").value.is_null() {
            let what = "this is a webhook of version 1";
            return Err(ReadError::invalid(data.at, what, "make a webhook of version 2 in Bob"));
        }
        let at = cx.at(&body.key("triggeredAt"), None)?;
        // The notice is sent on the day itself, which begins the departure. For a table's entry, the date would be that of the entry.
        let effective = match meaning {
            Says(WorkerLeft) => EffectiveDay::begin(&data.key("effectiveDate"), &cx.rules.dates),
            _ => EffectiveDay::default(),
        };
        let draft = NoticeDraft::new(meaning, data.key("employeeId").subject()?, at);
        Ok(NoticeDraft { effective, ..draft })
    })
}
