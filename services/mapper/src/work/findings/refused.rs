//! Findings of statements that their senders have no right to make.

use std::collections::BTreeMap;

use lifecycle::{Event, FindingKind, MissingRight, unix_micros};

use super::BatchFindings;
use crate::rows::finding::Model;

/// The person of findings that are listed once per sender and right.
const EVERYONE: &str = "";
/// The beginning of the field of a refused removal from a group.
const MEMBERSHIP: &str = "member of ";

/// What a statement settles: the person or group, the sender whose departures it settles (every sender if empty), and the
/// membership that it is about (`None` for employment and for groups).
type SettledPlace = (String, String, Option<String>);

/// Refused statements of a batch, and what settles earlier ones.
#[derive(Debug, Default)]
pub(super) struct RefusedStatements {
    rows: BTreeMap<[String; 5], Model>,
    /// The time of the last statement that settles refused departures.
    settled: BTreeMap<SettledPlace, i64>,
}

impl RefusedStatements {
    /// Returns the rows to write.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Model> {
        self.rows.values()
    }

    /// Returns the people whose stored findings are needed.
    pub(super) fn people(&self) -> impl Iterator<Item = &String> {
        self.rows.values().map(|row| &row.person).chain(self.settled.keys().map(|(person, ..)| person))
    }

    /// Returns whether a later statement settles the departure.
    pub(super) fn is_settled(&self, row: &Model) -> bool {
        let membership = row.field.starts_with(MEMBERSHIP).then(|| row.field.clone());
        let by =
            |sender: &str| self.settled.get(&(row.person.clone(), sender.to_owned(), membership.clone()));
        let last = [by(""), by(&row.sender)].into_iter().flatten().max();
        last.is_some_and(|last| row.since < *last)
    }

    fn add(&mut self, row: Model) {
        self.rows.insert(row.key().map(str::to_owned), row);
    }
}

impl BatchFindings {
    /// Lists a departure that the sender may not state. `what` is the event type or the membership.
    pub(in crate::work) fn refuse_departure(&mut self, person: &str, event: &Event, what: &str) {
        let row = Model {
            person: person.to_owned(),
            kind: FindingKind::RefusedDeparture.as_str().to_owned(),
            target: String::new(),
            sender: event.sender().to_owned(),
            field: what.to_owned(),
            detail: "its sender may not state it".to_owned(),
            since: unix_micros(event.time),
            departure: true,
        };
        if !self.refused.is_settled(&row) {
            self.refused.add(row);
        }
    }

    /// Lists another statement that the sender may not make. Only the first one of a kind is kept.
    pub(in crate::work) fn refuse_statement(&mut self, subject: &str, event: &Event, missing: &MissingRight) {
        let field = match missing {
            MissingRight::Attribute(_) => missing.to_string(),
            _ => format!("{}: {missing}", event.kind),
        };
        let row = Model {
            person: EVERYONE.to_owned(),
            kind: FindingKind::Refused.as_str().to_owned(),
            target: String::new(),
            sender: event.sender().to_owned(),
            field,
            detail: format!("first about {subject}; `may.{}` does not grant it", missing.setting()),
            since: unix_micros(event.accepted_at),
            departure: false,
        };
        let key = row.key().map(str::to_owned);
        self.refused.rows.entry(key).or_insert(row);
    }

    /// Lists a removal from a group that the sender may not state.
    pub(in crate::work) fn refuse_removal(&mut self, member: &str, event: &Event) {
        self.refuse_departure(member, event, &membership_field(&event.subject));
    }

    /// Notes that earlier refused departures of the person or group are settled, those of `sender` or of every sender.
    pub(in crate::work) fn settle_refused(&mut self, subject: &str, sender: Option<&str>, event: &Event) {
        self.settle((subject.to_owned(), sender.unwrap_or_default().to_owned(), None), event);
    }

    /// Notes that earlier refused removals of the member from the event's group are settled.
    pub(in crate::work) fn settle_membership(&mut self, member: &str, event: &Event) {
        let membership = membership_field(&event.subject);
        self.settle((member.to_owned(), String::new(), Some(membership)), event);
    }

    fn settle(&mut self, key: SettledPlace, event: &Event) {
        let said_at = unix_micros(event.time);
        let last = self.refused.settled.entry(key).or_insert(said_at);
        *last = said_at.max(*last);
        let refused = &mut self.refused;
        let settled: Vec<[String; 5]> = refused
            .rows
            .iter()
            .filter(|(_, row)| is_departure(row) && refused.is_settled(row))
            .map(|(key, _)| key.clone())
            .collect();
        settled.iter().for_each(|key| drop(refused.rows.remove(key)));
    }
}

/// Returns the field of a refused removal from the group.
fn membership_field(group: &str) -> String {
    format!("{MEMBERSHIP}{group}")
}

/// Returns whether the finding is a refused departure.
pub(super) fn is_departure(row: &Model) -> bool {
    row.kind == FindingKind::RefusedDeparture.as_str()
}
