//! Finch: the person and the event, never the values. The id and the time are in headers.

use lifecycle::EventKind::{WorkerChanged, WorkerDeleted, WorkerJoined, WorkerLeft};

use crate::context::ReadContext;
use crate::draft::NoticeDraft;
use crate::error::ReadError;
use crate::meaning::EventMeaning::{Asks, Nothing, Says};
use crate::meaning::VendorTable;
use crate::node::JsonNode;
use crate::notice::SourceNotice;

pub(super) const WORDS: VendorTable = &[
    ("directory.created", Asks(Some(WorkerJoined))),
    ("directory.updated", Asks(Some(WorkerChanged))),
    ("directory.deleted", Says(WorkerDeleted)),
    ("individual.created", Asks(Some(WorkerJoined))),
    ("individual.updated", Asks(Some(WorkerChanged))),
    ("individual.deleted", Says(WorkerDeleted)),
    ("employment.created", Asks(Some(WorkerJoined))),
    ("employment.updated", Asks(Some(WorkerChanged))),
    ("employment.deleted", Asks(Some(WorkerLeft))),
    ("account.updated", Nothing("it is about the connection to the HR system")),
    ("company.updated", Nothing("it is not about a person")),
    ("payment.created", Nothing("it is about pay")),
    ("payment.updated", Nothing("it is about pay")),
    ("payment.deleted", Nothing("it is about pay")),
    ("pay_statement.created", Nothing("it is about pay")),
    ("pay_statement.updated", Nothing("it is about pay")),
    ("pay_statement.deleted", Nothing("it is about pay")),
    ("job.data_sync_all.completed", Nothing("it is about Finch's own work")),
    ("job.initial_data_sync_org.succeeded", Nothing("it is about Finch's own work")),
];

pub(super) fn finch_notices(
    cx: ReadContext<'_>,
    body: &JsonNode<'_>,
) -> Result<Vec<SourceNotice>, ReadError> {
    body.object()?;
    cx.notices(&body.key("event_type"), |meaning| {
        let subject = body.key("data").key("individual_id").subject()?;
        let draft = NoticeDraft::new(meaning, subject, cx.at(&JsonNode::nowhere(), Some("finch-timestamp"))?);
        Ok(NoticeDraft { id: cx.id_in_header("finch-event-id")?, ..draft })
    })
}
