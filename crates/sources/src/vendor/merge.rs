//! Merge: its common model of an employee. Merge detects changes by comparison at each of its syncs. Dates are midnights in UTC.

use lifecycle::EventKind::{WorkerChanged, WorkerDeleted, WorkerJoined};
use lifecycle::{StatementDating, UnreadValue};
use readings::{StatusReading, class_of};
use time::OffsetDateTime;

use crate::context::ReadContext;
use crate::draft::NoticeDraft;
use crate::employment::{RecordEmployment, RecordReading};
use crate::error::ReadError;
use crate::meaning::EventMeaning::{Asks, Says};
use crate::meaning::VendorTable;
use crate::node::JsonNode;
use crate::notice::SourceNotice;

const EMPLOYMENT: &str = "employment.";

pub(super) const WORDS: VendorTable = &[
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

pub(super) fn merge_notices(
    cx: ReadContext<'_>,
    body: &JsonNode<'_>,
) -> Result<Vec<SourceNotice>, ReadError> {
    body.object()?;
    let event = body.key("hook").key("event");
    let meaning = match cx.meaning(&event)? {
        Ok(meaning) => meaning,
        Err(ignored) => return Ok(vec![ignored]),
    };
    let data = body.key("data");
    data.object()?;
    let is_employment = event.word()?.to_lowercase().starts_with(EMPLOYMENT);
    // An employment only contains its employee, as an id or as a whole object.
    let employee = data.key("employee");
    let subject = match (is_employment, employee.value.is_object()) {
        (false, _) => data.key("id"),
        (true, true) => employee.key("id"),
        (true, false) => employee,
    };
    let hint = (meaning == Asks(Some(WorkerJoined))).then_some(WorkerJoined);
    let draft = NoticeDraft::new(meaning, subject.subject()?, cx.at(&data.key("modified_at"), None)?);
    if is_employment || !matches!(meaning, Asks(_)) {
        return Ok(draft.notices(cx.rules, cx.now));
    }
    let mut unread = Vec::new();
    let statements = stated_employment(cx, &data, draft.at, &mut unread).statements(hint, draft.at);
    let stated: Vec<SourceNotice> =
        statements.into_iter().map(|statement| draft.employment(statement)).collect();
    // The values are a change; the record decides whether the person is hired.
    let values = NoticeDraft { meaning: Asks(Some(WorkerChanged)), record: Some(data.value), ..draft };
    let mut notices = values.notices(cx.rules, cx.now);
    match notices.last_mut() {
        Some(SourceNotice::Changed { hint: asked, .. }) if hint.is_some() => *asked = hint,
        Some(SourceNotice::Event(said)) => {
            (said.dated, said.unread) = (StatementDating::Observed, unread);
            notices.extend(stated);
        }
        _ => {}
    }
    Ok(notices)
}

/// Returns the employment data of the record.
fn stated_employment(
    cx: ReadContext<'_>,
    data: &JsonNode<'_>,
    at: OffsetDateTime,
    unread: &mut Vec<UnreadValue>,
) -> RecordEmployment {
    let rules = cx.rules;
    let reading = RecordReading { key: "", now: at, dates: &rules.dates, end_date: rules.end_date };
    let status = data.value.get("employment_status");
    let stated = RecordEmployment {
        status: rules.employment.words.read(status),
        starts: reading.first_day(data.value.get("start_date"), unread),
        ends: reading.last_day(data.value.get("termination_date"), unread),
    };
    if stated.status == StatusReading::Unreadable {
        let class = status.map(class_of).unwrap_or_default();
        unread.push(UnreadValue::new("employment.active", class).of_departure());
    }
    stated
}
