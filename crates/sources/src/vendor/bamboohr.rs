//! BambooHR: event-based webhooks (person and event) and field-based ones (with the configured fields), both as JSON
//! and as forms. Changes of fields with a history are sent when they take effect.

use lifecycle::EventKind::{WorkerChanged, WorkerDeleted, WorkerJoined, WorkerLeft, WorkerRehired};
use lifecycle::{StatementDating, UnreadValue};
use readings::{EmploymentStatus, StatusReading, class_of};
use serde_json::{Map, Value};

use crate::context::ReadContext;
use crate::draft::NoticeDraft;
use crate::employment::{EmploymentClaim, RecordDay, RecordReading};
use crate::error::ReadError;
use crate::meaning::EventMeaning::{Asks, Says};
use crate::meaning::VendorTable;
use crate::node::JsonNode;
use crate::notice::{NoticeEvent, SourceNotice};

const TIMESTAMP: &str = "x-bamboohr-timestamp";
/// The names of an employee's entry in a form that are not fields.
const ENVELOPE: [&str; 4] = ["id", "action", "timestamp", "changedFields"];
/// The names of the status field.
const STATUS: [&str; 3] = ["Status", "status", "employeeStatus"];
/// The names of the field for the first day.
const HIRE_DATE: [&str; 2] = ["Hire Date", "hireDate"];
/// The names of the field for the last day.
const TERMINATION_DATE: [&str; 2] = ["Termination Date", "terminationDate"];

/// The types of event-based webhooks, and the actions of field-based ones.
pub(super) const WORDS: VendorTable = &[
    ("employee.created", Asks(Some(WorkerJoined))),
    ("employee.updated", Asks(Some(WorkerChanged))),
    ("employee.update", Asks(Some(WorkerChanged))),
    ("employee.deleted", Says(WorkerDeleted)),
    ("Created", Asks(Some(WorkerJoined))),
    ("Updated", Asks(Some(WorkerChanged))),
    ("Deleted", Says(WorkerDeleted)),
];

pub(super) fn bamboohr_notices(
    cx: ReadContext<'_>,
    body: &JsonNode<'_>,
) -> Result<Vec<SourceNotice>, ReadError> {
    body.object()?;
    let employees = body.key("employees");
    match employees.value {
        Value::Null => event_based(cx, body),
        // A form has the employees by id.
        Value::Object(by_id) => {
            employees.check_count(by_id.len(), cx.rules.notices_max)?;
            let each = by_id.keys().map(|id| in_form(cx, &employees, id));
            Ok(each.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        }
        _ => {
            let each = employees.list(cx.rules.notices_max)?;
            let each = each
                .iter()
                .map(|employee| field_based(cx, employee, &employee.key("id"), employee.key("fields").value));
            Ok(each.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        }
    }
}

/// Reads an event-based webhook.
fn event_based(cx: ReadContext<'_>, body: &JsonNode<'_>) -> Result<Vec<SourceNotice>, ReadError> {
    cx.notices(&body.key("type"), |meaning| {
        let subject = body.key("data").key("employeeId").subject()?;
        Ok(NoticeDraft::new(meaning, subject, cx.at(&body.key("timestamp"), Some(TIMESTAMP))?))
    })
}

/// Reads one employee of a form.
fn in_form(cx: ReadContext<'_>, employees: &JsonNode<'_>, id: &str) -> Result<Vec<SourceNotice>, ReadError> {
    let employee = employees.key(id);
    let beside = |(name, _): &(&String, &Value)| !ENVELOPE.contains(&name.as_str());
    let fields: Map<String, Value> = match employee.key("fields").value {
        Value::Object(fields) => fields.clone(),
        _ => employee
            .object()?
            .iter()
            .filter(beside)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    };
    let key = Value::String(id.to_owned());
    let id = JsonNode { value: &key, at: employee.at.clone() };
    field_based(cx, &employee, &id, &Value::Object(fields))
}

/// Reads one employee of a field-based webhook.
fn field_based(
    cx: ReadContext<'_>,
    employee: &JsonNode<'_>,
    id: &JsonNode<'_>,
    fields: &Value,
) -> Result<Vec<SourceNotice>, ReadError> {
    employee.object()?;
    let action = employee.key("action");
    let meaning = if action.is_empty() { Ok(Asks(Some(WorkerChanged))) } else { cx.meaning(&action)? };
    let meaning = match meaning {
        Ok(meaning) => meaning,
        Err(ignored) => return Ok(vec![ignored]),
    };
    let draft = NoticeDraft::new(meaning, id.subject()?, cx.at(&employee.key("timestamp"), Some(TIMESTAMP))?);
    let mut unread = Vec::new();
    let stated = stated_employment(cx, &employee.key("changedFields").texts(), fields, &draft, &mut unread);
    let listed = NoticeEvent::nothing_but(unread, &draft.subject, draft.at, StatementDating::Implied);
    let record = Some(fields).filter(|fields| fields.is_object());
    let mut notices = NoticeDraft { record, ..draft }.notices(cx.rules, cx.now);
    notices.extend((!listed.unread.is_empty()).then_some(SourceNotice::Event(listed)));
    notices.extend(stated);
    Ok(notices)
}

/// Returns the statements of the fields about employment, if these fields changed. Otherwise each change of a telephone
/// number would withdraw an earlier announcement.
fn stated_employment(
    cx: ReadContext<'_>,
    changed: &[&str],
    fields: &Value,
    draft: &NoticeDraft<'_>,
    unread: &mut Vec<UnreadValue>,
) -> Vec<SourceNotice> {
    let fields = JsonNode { value: fields, at: String::new() };
    let of = |names: &[&str]| {
        let field = names.iter().any(|name| changed.contains(name)).then(|| fields.any(names))?;
        let inner = field.key("value");
        Some(if inner.is_missing() { field.value } else { inner.value }.clone())
    };
    let (status, hired, ended) = (of(&STATUS), of(&HIRE_DATE), of(&TERMINATION_DATE));
    let rules = cx.rules;
    let reading = RecordReading { key: "", now: draft.at, dates: &rules.dates, end_date: rules.end_date };
    let first = reading.first_day(hired.as_ref(), unread);
    let last = reading.last_day(ended.as_ref(), unread);
    let status_read = rules.employment.words.read(status.as_ref());
    if status_read == StatusReading::Unreadable {
        let class = status.as_ref().map(class_of).unwrap_or_default();
        unread.push(UnreadValue::new("employment.active", class).of_departure());
    }
    let now = |kind, dated| EmploymentClaim { kind, effective_at: None, dated };
    let day = |kind, day| match day {
        RecordDay::At(at) => {
            Some(EmploymentClaim { kind, effective_at: Some(at), dated: StatementDating::Explicit })
        }
        _ => None,
    };
    let is_cleared = last == RecordDay::NoDate;
    let state = match status_read {
        StatusReading::Status(EmploymentStatus::Ended) => Some(now(WorkerLeft, StatementDating::Implied)),
        StatusReading::Status(EmploymentStatus::Active) if hired.is_none() => {
            Some(now(WorkerRehired, StatementDating::Implied))
        }
        // The last day was removed: there is none.
        _ if is_cleared => Some(now(WorkerRehired, StatementDating::Observed)),
        _ => None,
    };
    let statements = [day(WorkerJoined, first), day(WorkerLeft, last), state];
    statements.into_iter().flatten().map(|statement| draft.employment(statement)).collect()
}
