//! Reading of a body, and construction of the expected notices.

use lifecycle::{AttributeMap, EventKind, StatementDating};
use serde_json::Value;
use sources::{NoticeAdapter, NoticeAnswer, NoticeEvent, NoticeReader, NoticeRequest, SourceNotice};
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-02-01 12:00 UTC);
pub(crate) const JSON: &str = "application/json";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) fn reader(yaml: &str) -> NoticeReader {
    serde_saphyr::from_str::<NoticeAdapter>(yaml).unwrap().compile().unwrap()
}

pub(crate) fn post(reader: &NoticeReader, headers: &[(&str, &str)], body: &str) -> NoticeAnswer {
    reader.read(&NoticeRequest { method: "POST", headers, body: body.as_bytes() }, NOW).unwrap()
}

pub(crate) fn notices(yaml: &str, content_type: &str, body: &str) -> Vec<SourceNotice> {
    match post(&reader(yaml), &[("Content-Type", content_type)], body) {
        NoticeAnswer::Notices(notices) => notices,
        other @ NoticeAnswer::Handshake { .. } => panic!("{other:?}"),
    }
}

pub(crate) fn attributes(value: Value) -> AttributeMap {
    serde_json::from_value(value).unwrap()
}

pub(crate) fn said(kind: EventKind, subject: &str, at: OffsetDateTime) -> NoticeEvent {
    NoticeEvent::new(kind, subject, at)
}

/// Returns the event with an effective day that the source names.
pub(crate) fn explicit(said: NoticeEvent, effective_at: OffsetDateTime) -> NoticeEvent {
    NoticeEvent { effective_at: Some(effective_at), dated: StatementDating::Explicit, ..said }
}

/// Returns the event as a record shows it.
pub(crate) fn observed(said: NoticeEvent) -> NoticeEvent {
    NoticeEvent { dated: StatementDating::Observed, ..said }
}

pub(crate) fn changed(key: &str, at: OffsetDateTime, hint: impl Into<Option<EventKind>>) -> SourceNotice {
    SourceNotice::Changed { key: key.to_owned(), id: None, at, hint: hint.into() }
}

pub(crate) fn with_id(notice: SourceNotice, new: &str) -> SourceNotice {
    match notice {
        SourceNotice::Changed { key, at, hint, .. } => {
            SourceNotice::Changed { key, id: Some(new.to_owned()), at, hint }
        }
        other => other,
    }
}

pub(crate) fn unknown(name: &str) -> SourceNotice {
    SourceNotice::UnknownType { name: name.to_owned() }
}

pub(crate) fn ignored(why: &str) -> SourceNotice {
    SourceNotice::Ignored { why: why.to_owned() }
}

pub(crate) const SAID_AT: OffsetDateTime = datetime!(2026-01-31 18:42 UTC);
pub(crate) const GUSTO_AT: OffsetDateTime = datetime!(2022-12-14 23:00:41 UTC);
pub(crate) const ADA_GUSTO: &str = "bcfc9744-0ab3-4ef3-ab0d-e728255d659c";
pub(crate) const GUSTO_ID: &str = "03ffbf0c-48a9-4f1c-932a-546413a26ad1";
