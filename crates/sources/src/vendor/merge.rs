//! Merge: its common model of an employee, found by comparing at each of its syncs. Dates are midnights in UTC.

use lifecycle::EventKind::{WorkerChanged, WorkerDeleted, WorkerJoined};
use lifecycle::{Dating, UnreadValue};
use readings::{StatusReading, class_of};
use time::OffsetDateTime;

use crate::draft::Draft;
use crate::employment::{RecordReading, Stated};
use crate::error::Error;
use crate::meaning::Meaning::{Asks, Says};
use crate::meaning::Table;
use crate::node::Node;
use crate::notice::Notice;
use crate::reader::Context;

const EMPLOYMENT: &str = "employment.";

pub(super) const WORDS: Table = &[
    ("employee.added", Asks(Some(WorkerJoined))),
    ("employee.created", Asks(Some(WorkerJoined))),
    ("employee.changed", Asks(Some(WorkerChanged))),
    ("employee.updated", Asks(Some(WorkerChanged))),
    ("employee.removed", Says(WorkerDeleted)),
    ("employee.deleted", Says(WorkerDeleted)),
    ("employment.added", Asks(Some(WorkerChanged))),
    ("employment.created", Asks(Some(WorkerChanged))),
    ("employment.changed", Asks(Some(WorkerChanged))),
    ("employment.updated", Asks(Some(WorkerChanged))),
    ("employment.removed", Asks(Some(WorkerChanged))),
];

pub(super) fn notices(cx: Context<'_>, body: &Node<'_>) -> Result<Vec<Notice>, Error> {
    body.object()?;
    let event = body.key("hook").key("event");
    let meaning = match cx.meaning(&event)? {
        Ok(meaning) => meaning,
        Err(ignored) => return Ok(vec![ignored]),
    };
    let data = body.key("data");
    data.object()?;
    let is_employment = event.word()?.to_lowercase().starts_with(EMPLOYMENT);
    // Of an employment only whose it is, which may be an id or a whole employee.
    let employee = data.key("employee");
    let subject = match (is_employment, employee.value.is_object()) {
        (false, _) => data.key("id"),
        (true, true) => employee.key("id"),
        (true, false) => employee,
    };
    let hint = (meaning == Asks(Some(WorkerJoined))).then_some(WorkerJoined);
    let draft = Draft::new(meaning, subject.subject()?, cx.at(&data.key("modified_at"), None)?);
    if is_employment || !matches!(meaning, Asks(_)) {
        return Ok(draft.notices(cx.reader, cx.now));
    }
    let mut unread = Vec::new();
    let statements = stated(cx, &data, draft.at, &mut unread).statements(hint, draft.at);
    let stated: Vec<Notice> = statements.into_iter().map(|statement| draft.employment(statement)).collect();
    // The values are a change; whether somebody is hired by it, the record says.
    let values = Draft { meaning: Asks(Some(WorkerChanged)), record: Some(data.value), ..draft };
    let mut notices = values.notices(cx.reader, cx.now);
    match notices.last_mut() {
        Some(Notice::Changed { hint: asked, .. }) if hint.is_some() => *asked = hint,
        Some(Notice::Event(said)) => {
            (said.dated, said.unread) = (Dating::Observed, unread);
            notices.extend(stated);
        }
        _ => {}
    }
    Ok(notices)
}

/// What the record says about employment.
fn stated(cx: Context<'_>, data: &Node<'_>, at: OffsetDateTime, unread: &mut Vec<UnreadValue>) -> Stated {
    let reader = cx.reader;
    let reading = RecordReading { key: "", now: at, dates: &reader.dates, end_date: reader.end_date };
    let status = data.value.get("employment_status");
    let stated = Stated {
        status: reader.employment.words.read(status),
        starts: reading.first_day(data.value.get("start_date"), unread),
        ends: reading.last_day(data.value.get("termination_date"), unread),
    };
    if stated.status == StatusReading::Unreadable {
        let class = status.map(class_of).unwrap_or_default();
        unread.push(UnreadValue::new("employment.active", class).of_departure());
    }
    stated
}
