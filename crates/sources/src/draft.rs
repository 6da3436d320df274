//! From what was found in a body to notices.

use lifecycle::{Attributes, Dating, EventKind, UnreadValue};
use readings::{DateReader, DateReading, When};
use serde_json::Value;
use time::OffsetDateTime;

use crate::adapter::EndDate;
use crate::employment::Statement;
use crate::meaning::Meaning;
use crate::node::Node;
use crate::notice::{Notice, Said};
use crate::reader::Reader;

/// The day that a notice names.
#[derive(Debug, Clone, Default)]
pub(crate) enum Effective {
    /// It names none: it holds as of when it was said.
    #[default]
    NotSaid,
    At(When),
    /// The moment from which on it holds, whatever the adapter says of last days.
    Begins(OffsetDateTime),
    /// A field for it is there, and holds no day that can be used.
    Unusable(UnreadValue),
}

impl Effective {
    /// The day at `node`.
    pub(crate) fn at(node: &Node<'_>, dates: &DateReader) -> Self {
        match node.date(dates) {
            DateReading::NotSaid => Self::NotSaid,
            DateReading::At(when) => Self::At(when),
            reading @ (DateReading::NoDate | DateReading::Unreadable(_)) => {
                Self::Unusable(node.unread(&reading))
            }
        }
    }

    /// The moment at which the day at `node` begins, whatever the adapter says of last days.
    pub(crate) fn begin(node: &Node<'_>, dates: &DateReader) -> Self {
        match Self::at(node, dates) {
            Self::At(when) => dates.begin(dates.as_day(when)).map_or(Self::NotSaid, Self::Begins),
            other => other,
        }
    }
}

/// One event of a body, not yet judged.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) meaning: Meaning,
    pub(crate) subject: String,
    pub(crate) id: Option<String>,
    pub(crate) at: OffsetDateTime,
    pub(crate) effective: Effective,
    /// What is known of the subject, if anything is.
    pub(crate) record: Option<&'a Value>,
    pub(crate) members: Option<Vec<String>>,
}

impl Draft<'_> {
    /// One that says no more than that.
    pub(crate) fn new(meaning: Meaning, subject: String, at: OffsetDateTime) -> Self {
        Self { meaning, subject, id: None, at, effective: Effective::NotSaid, record: None, members: None }
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
                notices.push(Notice::Event(Said { withdraws: true, ..self.said(kind, Attributes::new()) }));
            }
            Meaning::Says(kind) => notices.extend(self.events(kind, mapped.attributes, reader)),
            Meaning::Asks(hint) => notices.extend(self.asked(hint, mapped.attributes, reader)),
        }
        notices
    }

    /// An event where there are values, and a departure where there is its day; else the record is needed.
    fn asked(&self, hint: Option<EventKind>, attributes: Attributes, reader: &Reader) -> Vec<Notice> {
        let is_leaving = hint == Some(EventKind::WorkerLeft);
        let has_values = !attributes.is_empty() || self.members.is_some();
        let has_day = matches!(self.effective, Effective::At(_) | Effective::Begins(_));
        let changed = |id| Notice::Changed { key: self.subject.clone(), id, at: self.at, hint };
        if is_leaving && !has_day {
            // Whether it is announced or in force is not known: nobody is cut off on a guess.
            let unread = self.unread();
            if !has_values && unread.is_empty() {
                return vec![changed(self.id.clone())];
            }
            let values = Said { unread, ..self.said(EventKind::WorkerChanged, attributes) };
            return vec![Notice::Event(values), changed(beside(self.id.as_deref()))];
        }
        if has_values || is_leaving {
            return self.events(hint.unwrap_or(EventKind::WorkerChanged), attributes, reader);
        }
        let unread = self.unread();
        if unread.is_empty() {
            return vec![changed(self.id.clone())];
        }
        let listed = Said { unread, ..self.said(EventKind::WorkerChanged, Attributes::new()) };
        vec![Notice::Event(listed), changed(beside(self.id.as_deref()))]
    }

    /// One event; two where somebody comes or goes at another time than now: what the record says of them holds already.
    fn events(&self, kind: EventKind, attributes: Attributes, reader: &Reader) -> Vec<Notice> {
        let dates = &reader.dates;
        let begins = match self.effective {
            Effective::NotSaid => return vec![Notice::Event(self.said(kind, attributes))],
            Effective::Unusable(_) => return vec![Notice::Event(self.without_its_day(kind, attributes))],
            Effective::Begins(at) => Some(at),
            Effective::At(when) if kind == EventKind::WorkerLeft && reader.end_date == EndDate::LastDay => {
                dates.end(dates.as_day(when))
            }
            Effective::At(when) if is_employment(kind) => dates.begin(dates.as_day(when)),
            Effective::At(when) => dates.begin(when),
        };
        let explicit = Statement { kind, effective_at: begins, dated: Dating::Explicit };
        let is_now = begins.is_none_or(|begins| begins == self.at);
        if !is_employment(kind) || is_now || attributes.is_empty() {
            let said = self.stated(explicit);
            return vec![Notice::Event(Said { attributes, ..said })];
        }
        let changed = self.said(EventKind::WorkerChanged, attributes);
        vec![Notice::Event(changed), self.employment(explicit)]
    }

    /// An event whose day cannot be used does nothing by itself: "no date" is not "now". The values of a hire or departure
    /// count all the same; those of a change would count from an unknown day.
    fn without_its_day(&self, kind: EventKind, attributes: Attributes) -> Said {
        let unread = self.unread();
        if is_employment(kind) {
            return Said { unread, ..self.said(EventKind::WorkerChanged, attributes) };
        }
        let mut said = Said::nothing_but(unread, &self.subject, self.at, Dating::Implied);
        said.id.clone_from(&self.id);
        said
    }

    fn unread(&self) -> Vec<UnreadValue> {
        let Effective::Unusable(unread) = &self.effective else { return Vec::new() };
        let is_departure = match self.meaning {
            Meaning::Says(kind) | Meaning::Asks(Some(kind)) => kind.is_departure(),
            Meaning::Nothing(_) | Meaning::Withdraws(_) | Meaning::Asks(None) => false,
        };
        vec![if is_departure { unread.clone().of_departure() } else { unread.clone() }]
    }

    /// A statement about employment beside an event with values.
    pub(crate) fn employment(&self, statement: Statement) -> Notice {
        Notice::Event(Said { id: beside(self.id.as_deref()), ..self.stated(statement) })
    }

    fn stated(&self, Statement { kind, effective_at, dated }: Statement) -> Said {
        let effective_at = effective_at.filter(|begins| *begins != self.at);
        Said { effective_at, dated, ..self.said(kind, Attributes::new()) }
    }

    fn said(&self, kind: EventKind, attributes: Attributes) -> Said {
        Said {
            id: self.id.clone(),
            attributes,
            members: self.members.clone(),
            ..Said::new(kind, self.subject.clone(), self.at)
        }
    }
}

fn is_employment(kind: EventKind) -> bool {
    use EventKind::{WorkerDeleted, WorkerJoined, WorkerLeft, WorkerRehired};
    matches!(kind, WorkerJoined | WorkerLeft | WorkerRehired | WorkerDeleted)
}

/// The id of what is said about employment beside values.
fn beside(id: Option<&str>) -> Option<String> {
    id.map(|id| format!("{id}#employment"))
}
