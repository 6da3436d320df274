//! From what was found in a body to notices.

use lifecycle::{Attributes, EventKind};
use serde_json::Value;
use time::OffsetDateTime;

use crate::adapter::EndDate;
use crate::meaning::Meaning;
use crate::moment::When;
use crate::notice::{Notice, Said};
use crate::reader::Reader;

/// One event of a body, not yet judged.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) meaning: Meaning,
    pub(crate) subject: String,
    pub(crate) id: Option<String>,
    pub(crate) at: OffsetDateTime,
    pub(crate) effective: Option<When>,
    /// What is known of the subject, if anything is.
    pub(crate) record: Option<&'a Value>,
    pub(crate) members: Option<Vec<String>>,
}

impl Draft<'_> {
    /// One that says no more than that.
    pub(crate) fn new(meaning: Meaning, subject: String, at: OffsetDateTime) -> Self {
        Self { meaning, subject, id: None, at, effective: None, record: None, members: None }
    }

    /// What it amounts to.
    pub(crate) fn notices(self, reader: &Reader, now: OffsetDateTime) -> Vec<Notice> {
        let mapped =
            self.record.map(|record| reader.attributes(record, &self.subject, now)).unwrap_or_default();
        let mut notices: Vec<Notice> =
            mapped.left_out.into_iter().map(|why| Notice::Ignored { why }).collect();
        match self.meaning {
            Meaning::Nothing(why) => notices.push(Notice::Ignored { why: why.to_owned() }),
            Meaning::Withdraws(kind) => {
                notices.push(Notice::Event(Said {
                    withdraws: true,
                    ..said(&self, kind, None, Attributes::new())
                }));
            }
            Meaning::Says(kind) => notices.extend(events(&self, kind, mapped.attributes, reader)),
            Meaning::Asks(hint) => notices.extend(self.asked(hint, mapped.attributes, reader)),
        }
        notices
    }

    /// An event where there are values, and a departure where there is its day; else the record is needed.
    fn asked(&self, hint: Option<EventKind>, attributes: Attributes, reader: &Reader) -> Vec<Notice> {
        let is_leaving = hint == Some(EventKind::WorkerLeft);
        let has_values = !attributes.is_empty() || self.members.is_some();
        let changed = |id| Notice::Changed { key: self.subject.clone(), id, at: self.at, hint };
        if is_leaving && self.effective.is_none() && has_values {
            // Whether it is announced or in force is not known: nobody is cut off on a guess.
            let values = Notice::Event(said(self, EventKind::WorkerChanged, None, attributes));
            return vec![values, changed(beside(self.id.as_deref()))];
        }
        if has_values || (is_leaving && self.effective.is_some()) {
            return events(self, hint.unwrap_or(EventKind::WorkerChanged), attributes, reader);
        }
        vec![changed(self.id.clone())]
    }
}

/// The id of what is said about employment beside values.
fn beside(id: Option<&str>) -> Option<String> {
    id.map(|id| format!("{id}#employment"))
}

/// One event; two where somebody comes or goes at another time than now: what the record says of them holds already.
fn events(draft: &Draft<'_>, kind: EventKind, attributes: Attributes, reader: &Reader) -> Vec<Notice> {
    let begins = draft.effective.and_then(|when| {
        if kind == EventKind::WorkerLeft && reader.end_date == EndDate::LastDay {
            reader.zone.end(when)
        } else {
            reader.zone.begin(when)
        }
    });
    let begins = begins.filter(|begins| *begins != draft.at);
    let is_employment = matches!(
        kind,
        EventKind::WorkerJoined | EventKind::WorkerLeft | EventKind::WorkerRehired | EventKind::WorkerDeleted
    );
    if !is_employment || begins.is_none() || attributes.is_empty() {
        return vec![Notice::Event(said(draft, kind, begins, attributes))];
    }
    let changed = said(draft, EventKind::WorkerChanged, None, attributes);
    vec![Notice::Event(changed), employment(draft, kind, begins)]
}

/// An event about employment beside one with values.
pub(crate) fn employment(draft: &Draft<'_>, kind: EventKind, begins: Option<OffsetDateTime>) -> Notice {
    let mut said = said(draft, kind, begins.filter(|begins| *begins != draft.at), Attributes::new());
    said.id = beside(draft.id.as_deref());
    Notice::Event(said)
}

fn said(
    draft: &Draft<'_>,
    kind: EventKind,
    effective_at: Option<OffsetDateTime>,
    attributes: Attributes,
) -> Said {
    Said {
        id: draft.id.clone(),
        kind,
        subject: draft.subject.clone(),
        at: draft.at,
        effective_at,
        attributes,
        members: draft.members.clone(),
        withdraws: false,
    }
}
