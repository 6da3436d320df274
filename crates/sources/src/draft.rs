//! Conversion of the content of a body to notices.

use lifecycle::{AttributeMap, EventKind, StatementDating, UnreadValue};
use readings::{DateReader, DateReading, ReadDate};
use serde_json::Value;
use time::OffsetDateTime;

use crate::employment::EmploymentClaim;
use crate::kind::EndDate;
use crate::meaning::EventMeaning;
use crate::node::JsonNode;
use crate::notice::{NoticeEvent, SourceNotice};
use crate::rules::AdapterRules;

/// The effective day of a notice.
#[derive(Debug, Clone, Default)]
pub(crate) enum EffectiveDay {
    /// The notice names no day: it holds from the time at which it was sent.
    #[default]
    NotSaid,
    At(ReadDate),
    /// The moment at which it takes effect, regardless of the adapter's setting for last days.
    Begins(OffsetDateTime),
    /// The notice has a field for the day, but its value cannot be used.
    Unusable(UnreadValue),
}

impl EffectiveDay {
    /// Reads the day at `node`.
    pub(crate) fn at(node: &JsonNode<'_>, dates: &DateReader) -> Self {
        match node.date(dates) {
            DateReading::NotSaid => Self::NotSaid,
            DateReading::At(when) => Self::At(when),
            reading @ (DateReading::NoDate | DateReading::Unreadable(_)) => {
                Self::Unusable(node.unread(&reading))
            }
        }
    }

    /// Reads the moment at which the day at `node` begins, regardless of the adapter's setting for last days.
    pub(crate) fn begin(node: &JsonNode<'_>, dates: &DateReader) -> Self {
        match Self::at(node, dates) {
            Self::At(when) => dates.begin(dates.as_day(when)).map_or(Self::NotSaid, Self::Begins),
            other => other,
        }
    }
}

/// One event of a body, before its meaning is applied.
#[derive(Debug)]
pub(crate) struct NoticeDraft<'a> {
    pub(crate) meaning: EventMeaning,
    pub(crate) subject: String,
    pub(crate) id: Option<String>,
    pub(crate) at: OffsetDateTime,
    pub(crate) effective: EffectiveDay,
    /// The record of the subject, if the body contains one.
    pub(crate) record: Option<&'a Value>,
    pub(crate) members: Option<Vec<String>>,
}

impl NoticeDraft<'_> {
    /// Returns a draft without an id, a day, a record or members.
    pub(crate) fn new(meaning: EventMeaning, subject: String, at: OffsetDateTime) -> Self {
        Self { meaning, subject, id: None, at, effective: EffectiveDay::NotSaid, record: None, members: None }
    }

    /// Returns the notices that the draft results in.
    pub(crate) fn notices(self, rules: &AdapterRules, now: OffsetDateTime) -> Vec<SourceNotice> {
        let mapped =
            self.record.map(|record| rules.attributes(record, &self.subject, now)).unwrap_or_default();
        let mut notices: Vec<SourceNotice> =
            mapped.left_out.into_iter().map(|why| SourceNotice::Ignored { why }).collect();
        match self.meaning {
            EventMeaning::Nothing(why) => notices.push(SourceNotice::Ignored { why: why.to_owned() }),
            EventMeaning::Withdraws(kind) => {
                notices.push(SourceNotice::Event(NoticeEvent {
                    withdraws: true,
                    ..self.said(kind, AttributeMap::new())
                }));
            }
            EventMeaning::Says(kind) => notices.extend(self.events(kind, mapped.attributes, rules)),
            EventMeaning::Asks(hint) => notices.extend(self.asked(hint, mapped.attributes, rules)),
        }
        notices
    }

    /// Returns an event if there are values, and a departure if its day is known. Otherwise the record must be fetched.
    fn asked(
        &self,
        hint: Option<EventKind>,
        attributes: AttributeMap,
        rules: &AdapterRules,
    ) -> Vec<SourceNotice> {
        let is_leaving = hint == Some(EventKind::WorkerLeft);
        let has_values = !attributes.is_empty() || self.members.is_some();
        let has_day = matches!(self.effective, EffectiveDay::At(_) | EffectiveDay::Begins(_));
        let changed = |id| SourceNotice::Changed { key: self.subject.clone(), id, at: self.at, hint };
        if is_leaving && !has_day {
            // It is unknown whether the departure is announced or in force. Access is not removed on a guess.
            let unread = self.unread();
            if !has_values && unread.is_empty() {
                return vec![changed(self.id.clone())];
            }
            let values = NoticeEvent { unread, ..self.said(EventKind::WorkerChanged, attributes) };
            return vec![SourceNotice::Event(values), changed(employment_id(self.id.as_deref()))];
        }
        if has_values || is_leaving {
            return self.events(hint.unwrap_or(EventKind::WorkerChanged), attributes, rules);
        }
        let unread = self.unread();
        if unread.is_empty() {
            return vec![changed(self.id.clone())];
        }
        let listed = NoticeEvent { unread, ..self.said(EventKind::WorkerChanged, AttributeMap::new()) };
        vec![SourceNotice::Event(listed), changed(employment_id(self.id.as_deref()))]
    }

    /// Returns one event. Returns two for a hire or departure at another time than now, because the values of the record already hold.
    fn events(&self, kind: EventKind, attributes: AttributeMap, rules: &AdapterRules) -> Vec<SourceNotice> {
        let dates = &rules.dates;
        let begins = match self.effective {
            EffectiveDay::NotSaid => return vec![SourceNotice::Event(self.said(kind, attributes))],
            EffectiveDay::Unusable(_) => {
                return vec![SourceNotice::Event(self.without_its_day(kind, attributes))];
            }
            EffectiveDay::Begins(at) => Some(at),
            EffectiveDay::At(when) if kind == EventKind::WorkerLeft && rules.end_date == EndDate::LastDay => {
                dates.end(dates.as_day(when))
            }
            EffectiveDay::At(when) if is_employment(kind) => dates.begin(dates.as_day(when)),
            EffectiveDay::At(when) => dates.begin(when),
        };
        let explicit = EmploymentClaim { kind, effective_at: begins, dated: StatementDating::Explicit };
        let is_now = begins.is_none_or(|begins| begins == self.at);
        if !is_employment(kind) || is_now || attributes.is_empty() {
            let said = self.stated(explicit);
            return vec![SourceNotice::Event(NoticeEvent { attributes, ..said })];
        }
        let changed = self.said(EventKind::WorkerChanged, attributes);
        vec![SourceNotice::Event(changed), self.employment(explicit)]
    }

    /// Returns an event without the day, which cannot be used: "no date" does not mean "now". The values of a hire or
    /// departure count all the same; those of a change would count from an unknown day.
    fn without_its_day(&self, kind: EventKind, attributes: AttributeMap) -> NoticeEvent {
        let unread = self.unread();
        if is_employment(kind) {
            return NoticeEvent { unread, ..self.said(EventKind::WorkerChanged, attributes) };
        }
        let mut said = NoticeEvent::nothing_but(unread, &self.subject, self.at, StatementDating::Implied);
        said.id.clone_from(&self.id);
        said
    }

    fn unread(&self) -> Vec<UnreadValue> {
        let EffectiveDay::Unusable(unread) = &self.effective else { return Vec::new() };
        let is_departure = match self.meaning {
            EventMeaning::Says(kind) | EventMeaning::Asks(Some(kind)) => kind.is_departure(),
            EventMeaning::Nothing(_) | EventMeaning::Withdraws(_) | EventMeaning::Asks(None) => false,
        };
        vec![if is_departure { unread.clone().of_departure() } else { unread.clone() }]
    }

    /// Returns a statement about employment that accompanies an event with values.
    pub(crate) fn employment(&self, statement: EmploymentClaim) -> SourceNotice {
        SourceNotice::Event(NoticeEvent { id: employment_id(self.id.as_deref()), ..self.stated(statement) })
    }

    fn stated(&self, EmploymentClaim { kind, effective_at, dated }: EmploymentClaim) -> NoticeEvent {
        let effective_at = effective_at.filter(|begins| *begins != self.at);
        NoticeEvent { effective_at, dated, ..self.said(kind, AttributeMap::new()) }
    }

    fn said(&self, kind: EventKind, attributes: AttributeMap) -> NoticeEvent {
        NoticeEvent {
            id: self.id.clone(),
            attributes,
            members: self.members.clone(),
            ..NoticeEvent::new(kind, self.subject.clone(), self.at)
        }
    }
}

/// Returns whether the kind is a statement about employment.
fn is_employment(kind: EventKind) -> bool {
    use EventKind::{WorkerDeleted, WorkerJoined, WorkerLeft, WorkerRehired};
    matches!(kind, WorkerJoined | WorkerLeft | WorkerRehired | WorkerDeleted)
}

/// Returns the id of a statement about employment that accompanies values.
fn employment_id(id: Option<&str>) -> Option<String> {
    id.map(|id| format!("{id}#employment"))
}
