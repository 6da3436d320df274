//! Merge: its common model of an employee, found by comparing at each of its syncs. Dates are midnights in UTC.

use lifecycle::EventKind::{self, WorkerChanged, WorkerDeleted, WorkerJoined, WorkerLeft};
use time::OffsetDateTime;

use crate::draft::{Draft, employment};
use crate::error::Error;
use crate::meaning::Meaning::{Asks, Says};
use crate::meaning::Table;
use crate::moment::When;
use crate::node::Node;
use crate::notice::{Notice, Said};
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
    let is_new = meaning == Asks(Some(WorkerJoined));
    let draft = Draft::new(meaning, subject.subject()?, cx.at(&data.key("modified_at"), None)?);
    if is_employment || !matches!(meaning, Asks(_)) {
        return Ok(draft.notices(cx.reader, cx.now));
    }
    let stated = stated(cx, &data, is_new, draft.at)?;
    let stated = stated.map(|(kind, begins)| employment(&draft, kind, begins));
    // The values are a change; whether somebody is hired by it, the record says.
    let values = Draft { meaning: Asks(Some(WorkerChanged)), record: Some(data.value), ..draft };
    let mut notices = values.notices(cx.reader, cx.now);
    match notices.last_mut() {
        Some(Notice::Changed { hint, .. }) if is_new => *hint = Some(WorkerJoined),
        Some(Notice::Event(Said { .. })) => notices.extend(stated),
        _ => {}
    }
    Ok(notices)
}

/// What the record says about employment. Nothing if it contradicts itself: an active employee whose last day is over.
fn stated(
    cx: Context<'_>,
    data: &Node<'_>,
    is_new: bool,
    at: OffsetDateTime,
) -> Result<Option<(EventKind, Option<OffsetDateTime>)>, Error> {
    let day = |name: &str| data.key(name).when().map(|when| when.map(When::as_day));
    let (start, end) = (day("start_date")?, day("termination_date")?);
    let zone = &cx.reader.zone;
    let (begins, ends) = (start.and_then(|start| zone.begin(start)), end.and_then(|end| zone.end(end)));
    let status = data.key("employment_status").value.as_str().map(str::to_ascii_uppercase);
    let is_active = status.as_deref() == Some("ACTIVE");
    if let Some(ends) = ends.filter(|ends| begins.is_none_or(|begins| begins < *ends)) {
        let is_over = ends <= at;
        return Ok((!(is_active && is_over)).then_some((WorkerLeft, Some(ends))));
    }
    // A record without the field does not say that there is no last day.
    let says_no_end = is_new || data.value.get("termination_date").is_some();
    Ok(match status.as_deref() {
        Some("INACTIVE") => Some((WorkerLeft, None)),
        Some("ACTIVE") if says_no_end => Some((WorkerJoined, begins)),
        Some("PENDING") if begins.is_some() => Some((WorkerJoined, begins)),
        _ => None,
    })
}
