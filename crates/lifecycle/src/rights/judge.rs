//! Judges an event by the rights of its sender.

use crate::{Event, EventKind};

use super::{EmploymentRight, GroupRight, KeyPattern, MissingRight, PeopleRight, SenderRights};

/// The tie between the sender of an event and its person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonTie {
    /// The sender introduced the person, or the event is about a record of the sender's own.
    Own,
    /// Nothing is known of the person yet: the sender introduces them.
    New,
    /// Others introduced the person.
    OfOthers,
    /// It is not known here, as in the gateway.
    Unknown,
}

/// The judgement of one event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RightsVerdict {
    /// The right that the whole event lacks. Nothing of it counts.
    pub refused: Option<MissingRight>,
    /// `true` if its statement about employment does not count.
    pub without_employment: bool,
    /// The attributes that do not count.
    pub dropped: Vec<String>,
}

impl RightsVerdict {
    /// Returns whether the whole event counts.
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }

    fn refuse(missing: MissingRight) -> Self {
        Self { refused: Some(missing), ..Self::default() }
    }
}

impl SenderRights {
    /// Judges an event of this sender. Events about feeds need the right to speak of people; their rows are judged one by one.
    pub fn judge(&self, event: &Event, tie: PersonTie) -> RightsVerdict {
        if let Some(missing) = self.missing_for_kind(event.kind) {
            return RightsVerdict::refuse(missing);
        }
        if event.kind.is_worker() {
            return self.judge_worker(event, tie);
        }
        if event.kind.is_group() && !self.covers_group(&event.subject) {
            return RightsVerdict::refuse(MissingRight::Group);
        }
        RightsVerdict::default()
    }

    /// Returns the right that every event of this type lacks, for any person and group.
    pub fn missing_for_kind(&self, kind: EventKind) -> Option<MissingRight> {
        let is_feed = !kind.is_worker() && !kind.is_group();
        if kind.is_group() && self.groups == GroupRight::None {
            return Some(MissingRight::Group);
        }
        if !kind.is_group() && self.people == PeopleRight::None {
            return Some(MissingRight::Person);
        }
        let covered = self.kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|one| one.covers(kind)));
        (!covered && !is_feed).then_some(MissingRight::Kind)
    }

    /// Returns the right for which the gateway refuses an event that a sender posts by itself. A whole record without the right
    /// to employment is accepted, because its attributes count.
    pub fn refused_at_once(&self, event: &Event) -> Option<MissingRight> {
        let verdict = self.judge(event, PersonTie::Unknown);
        let is_notice = event.kind != EventKind::WorkerSnapshot;
        let is_withheld = self.employment == EmploymentRight::Withheld;
        let is_refused = verdict.without_employment && is_notice && is_withheld;
        let employment = is_refused.then_some(MissingRight::Employment);
        verdict.refused.or(employment)
    }

    /// Returns whether the sender may speak of the person, if it is known how it is tied to them.
    pub fn covers_person(&self, key: &str, tie: PersonTie) -> bool {
        match &self.people {
            PeopleRight::None => false,
            PeopleRight::Introduced => tie != PersonTie::OfOthers,
            PeopleRight::Keys(keys) => KeyPattern::any_matches(keys, key),
            PeopleRight::All => true,
        }
    }

    /// Returns whether the sender may speak of the group.
    pub fn covers_group(&self, key: &str) -> bool {
        match &self.groups {
            GroupRight::None => false,
            GroupRight::Keys(keys) => KeyPattern::any_matches(keys, key),
            GroupRight::All => true,
        }
    }

    fn judge_worker(&self, event: &Event, tie: PersonTie) -> RightsVerdict {
        if !self.covers_person(&event.subject, tie) {
            return RightsVerdict::refuse(MissingRight::Person);
        }
        let employs = self.employment == EmploymentRight::Granted;
        let active = event.kind == EventKind::WorkerSnapshot;
        let names = event.attributes.keys().filter(|name| !(active && *name == "active"));
        RightsVerdict {
            refused: None,
            without_employment: !employs && event.states_employment(),
            dropped: names.filter(|name| !self.attributes.covers(name)).cloned().collect(),
        }
    }
}
