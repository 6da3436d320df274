//! Personio's webhooks v2: the person and the event, never the values. `employment.started` and `employment.terminated`
//! are sent on the day itself. A person may have several employments, so the record decides.

use lifecycle::EventKind::{WorkerChanged, WorkerDeleted, WorkerJoined, WorkerLeft};

use crate::context::ReadContext;
use crate::draft::NoticeDraft;
use crate::error::ReadError;
use crate::meaning::EventMeaning::{Asks, Says};
use crate::meaning::VendorTable;
use crate::node::JsonNode;
use crate::notice::SourceNotice;

pub(super) const WORDS: VendorTable = &[
    ("person.created", Asks(Some(WorkerJoined))),
    ("person.updated", Asks(Some(WorkerChanged))),
    ("person.deleted", Says(WorkerDeleted)),
    ("employment.created", Asks(Some(WorkerChanged))),
    ("employment.updated", Asks(Some(WorkerChanged))),
    ("employment.deleted", Asks(Some(WorkerChanged))),
    ("employment.started", Asks(Some(WorkerJoined))),
    ("employment.terminated", Asks(Some(WorkerLeft))),
];

pub(super) fn personio_notices(
    cx: ReadContext<'_>,
    body: &JsonNode<'_>,
) -> Result<Vec<SourceNotice>, ReadError> {
    body.object()?;
    let name = body.key("event_name");
    cx.notices(&name, |meaning| {
        let subject = person_node(body, &name)?.subject()?;
        Ok(NoticeDraft::new(meaning, subject, cx.at(&body.key("occurred_at"), None)?))
    })
}

/// Returns the place of the person's id. In an event about an employment, `id` is the employment's id.
fn person_node<'a>(body: &JsonNode<'a>, name: &JsonNode<'a>) -> Result<JsonNode<'a>, ReadError> {
    let payload = body.key("payload");
    payload.object()?;
    let of_person = payload.key("person").key("id");
    if !of_person.is_empty() {
        return Ok(of_person);
    }
    let is_about_person = name.word()?.to_lowercase().starts_with("person");
    let names: &[&str] =
        if is_about_person { &["person_id", "employee_id", "id"] } else { &["person_id", "employee_id"] };
    Ok(payload.any(names))
}
