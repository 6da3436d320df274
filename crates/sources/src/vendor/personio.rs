//! Personio's webhooks v2: who and what, never the values. `employment.started` and `employment.terminated` come on the
//! day itself; a person may have several employments, so the record decides.

use lifecycle::EventKind::{WorkerChanged, WorkerDeleted, WorkerJoined, WorkerLeft};

use crate::draft::Draft;
use crate::error::Error;
use crate::meaning::Meaning::{Asks, Says};
use crate::meaning::Table;
use crate::node::Node;
use crate::notice::Notice;
use crate::reader::Context;

pub(super) const WORDS: Table = &[
    ("person.created", Asks(Some(WorkerJoined))),
    ("person.updated", Asks(Some(WorkerChanged))),
    ("person.deleted", Says(WorkerDeleted)),
    ("employment.created", Asks(Some(WorkerChanged))),
    ("employment.updated", Asks(Some(WorkerChanged))),
    ("employment.deleted", Asks(Some(WorkerChanged))),
    ("employment.started", Asks(Some(WorkerJoined))),
    ("employment.terminated", Asks(Some(WorkerLeft))),
];

pub(super) fn notices(cx: Context<'_>, body: &Node<'_>) -> Result<Vec<Notice>, Error> {
    body.object()?;
    let name = body.key("event_name");
    cx.notices(&name, |meaning| {
        let subject = person(body, &name)?.subject()?;
        Ok(Draft::new(meaning, subject, cx.at(&body.key("occurred_at"), None)?))
    })
}

/// Where the person's id stands: `id` is the employment's in an event about one.
fn person<'a>(body: &Node<'a>, name: &Node<'a>) -> Result<Node<'a>, Error> {
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
