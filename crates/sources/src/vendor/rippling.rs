//! Rippling's partner webhooks: forms with the person and the event, sent minutes late, sometimes twice, without a time
//! or an id. "Created" and "deleted" are about access to the partner's app, not about the person.

use lifecycle::EventKind::{WorkerChanged, WorkerJoined, WorkerLeft};

use crate::context::ReadContext;
use crate::draft::NoticeDraft;
use crate::error::ReadError;
use crate::meaning::EventMeaning::{Asks, Nothing};
use crate::meaning::VendorTable;
use crate::node::JsonNode;
use crate::notice::SourceNotice;

const NOT_A_PERSON: &str = "it is not about a person";

pub(super) const WORDS: VendorTable = &[
    ("employee.created", Asks(None)),
    ("employee.updated", Asks(Some(WorkerChanged))),
    ("employee.deleted", Asks(Some(WorkerLeft))),
    ("employee.hired", Asks(Some(WorkerJoined))),
    ("employee.terminated", Asks(Some(WorkerLeft))),
    ("group.created", Nothing(NOT_A_PERSON)),
    ("group.updated", Nothing(NOT_A_PERSON)),
    ("group.deleted", Nothing(NOT_A_PERSON)),
    ("company.updated", Nothing(NOT_A_PERSON)),
    ("company.deleted", Nothing("the app was removed from Rippling")),
    ("custom_info_field.created", Nothing(NOT_A_PERSON)),
    ("custom_info_field.updated", Nothing(NOT_A_PERSON)),
    ("custom_info_field.deleted", Nothing(NOT_A_PERSON)),
    ("401_deductions.updated", Nothing("it is about pay")),
    ("leave_request.created", Nothing("it is about leave")),
    ("leave_request.updated", Nothing("it is about leave")),
    ("leave_request.deleted", Nothing("it is about leave")),
];

pub(super) fn rippling_notices(
    cx: ReadContext<'_>,
    body: &JsonNode<'_>,
) -> Result<Vec<SourceNotice>, ReadError> {
    body.object()?;
    let subject = || body.key("id").subject();
    cx.notices(&body.key("event_name"), |meaning| Ok(NoticeDraft::new(meaning, subject()?, cx.now)))
}
