//! Judges events by the rights of their senders (docs/authority.md). What a sender may not say has no effect and is listed.

use std::borrow::Cow;

use lifecycle::{
    Employment, Event, EventKind, MissingRight, PeopleRight, PersonRecord, PersonTie, SenderRights,
};

use super::merge::{MergeResult, with_unread};
use super::{BatchState, CommandCause, records};
use crate::subjects::is_known;

/// The part of an event that counts, and the rights that it lacks.
pub(super) struct AdmittedEvent<'e> {
    /// The events to merge instead of it; none if nothing of it counts.
    pub(super) parts: Vec<Cow<'e, Event>>,
    pub(super) missing: Vec<MissingRight>,
    /// `true` if it would have revoked access, and does not.
    refuses_departure: bool,
    /// Members whose removal does not count.
    kept_members: Vec<String>,
    /// `true` if the sender introduces the person.
    introduces: bool,
}

impl<'e> AdmittedEvent<'e> {
    /// Returns an event that counts as it is.
    fn whole(event: &'e Event) -> Self {
        Self {
            parts: vec![Cow::Borrowed(event)],
            missing: Vec::new(),
            refuses_departure: false,
            kept_members: Vec::new(),
            introduces: false,
        }
    }
}

impl BatchState<'_> {
    /// Merges the part of an event that its sender may state, and lists the rest.
    pub(super) fn merge_admitted(
        &mut self,
        event: &Event,
        sequence: u64,
        cause: &CommandCause,
    ) -> MergeResult {
        let admitted = self.admit(event);
        self.note_rights(event, &admitted);
        let mut merged = MergeResult::nothing(&self.listed_subject(event));
        for part in &admitted.parts {
            merged = match part.kind {
                EventKind::FeedCompleted => MergeResult::nothing(&part.subject),
                kind if kind.is_worker() => self.merge_worker(part, sequence, cause.clone()),
                _ => self.merge_group(part, sequence, cause.clone()),
            };
        }
        merged.is_refused = admitted.parts.is_empty();
        if !merged.is_refused {
            self.findings.note(&merged.subject, event);
            merged.note = with_unread(merged.note, event);
        }
        if !cause.repeated
            && let Some(refused) = rights_note(event, &admitted.missing)
        {
            merged.note = Some(merged.note.map_or(refused.clone(), |note| format!("{note}; {refused}")));
        }
        if event.kind.is_group() && !admitted.missing.is_empty() {
            let parts = admitted.parts.into_iter().map(Cow::into_owned).collect();
            self.admitted.insert(event.id.to_string(), parts);
        }
        merged
    }

    /// Returns the part of an event that its sender may state.
    pub(super) fn admit<'e>(&self, event: &'e Event) -> AdmittedEvent<'e> {
        let Some(rights) = self.policies.rights().of(event.sender()) else {
            return AdmittedEvent::whole(event);
        };
        if event.kind.is_group() {
            return self.admit_group(rights, event);
        }
        if !event.kind.is_worker() {
            return AdmittedEvent::whole(event);
        }
        let tie = self.tie(event);
        let verdict = rights.judge(event, tie);
        let stated = || {
            let state = self.state_of(event);
            state.map_or_else(Vec::new, |state| {
                state.attributes_stated_by(event.sender(), |name| rights.attributes.covers(name))
            })
        };
        let part = verdict.admit(event, !rights.attributes.is_everything(), stated);
        let introduces = part.is_some() && tie == PersonTie::New && rights.people == PeopleRight::Introduced;
        AdmittedEvent {
            parts: part.into_iter().collect(),
            missing: verdict.missing(),
            refuses_departure: verdict.refuses_departure(event),
            kept_members: Vec::new(),
            introduces,
        }
    }

    /// Judges an event about a group. In a group that decides who has an account, a removal is about the access of people.
    fn admit_group<'e>(&self, rights: &SenderRights, event: &'e Event) -> AdmittedEvent<'e> {
        let verdict = rights.judge(event, PersonTie::Unknown);
        let mut admitted = AdmittedEvent {
            missing: verdict.missing(),
            refuses_departure: verdict.refuses_departure(event),
            ..AdmittedEvent::whole(event)
        };
        if verdict.refused.is_some() {
            admitted.parts.clear();
            return admitted;
        }
        if rights.people == PeopleRight::All || !self.scoping_groups.contains(&event.subject) {
            return admitted;
        }
        match event.kind {
            EventKind::GroupMemberRemoved => {
                let members = event.members.iter().flatten().cloned();
                let (may, may_not): (Vec<String>, Vec<String>) = members
                    .partition(|member| rights.covers_person(member, self.tie_to(event.sender(), member)));
                if may_not.is_empty() {
                    return admitted;
                }
                admitted.parts = vec![Cow::Owned(Event { members: Some(may), ..event.clone() })];
                admitted.kept_members = may_not;
            }
            EventKind::GroupDeleted => {
                admitted.parts.clear();
                admitted.refuses_departure = true;
            }
            EventKind::GroupUpserted => {
                let is_renamed = self.is_renamed(event);
                if event.members.is_none() && !is_renamed {
                    return admitted;
                }
                admitted.parts = without_removals(event, is_renamed);
                admitted.refuses_departure = true;
            }
            _ => return admitted,
        }
        admitted.missing.push(MissingRight::Members);
        admitted
    }

    /// Returns whether the event gives a known group another name.
    fn is_renamed(&self, event: &Event) -> bool {
        let Some(name) = event.attributes.get("displayName") else { return false };
        let known = self.groups.get(&event.subject).map(|group| group.state.attributes_at(self.micros()));
        known.and_then(|known| known.get("displayName").cloned()).is_some_and(|known| known != *name)
    }

    /// Returns how the sender of an event is tied to its person.
    fn tie(&self, event: &Event) -> PersonTie {
        match self.matched_source(event) {
            Some(_) => PersonTie::Own,
            None => self.tie_to(event.sender(), &event.subject),
        }
    }

    fn tie_to(&self, sender: &str, key: &str) -> PersonTie {
        match self.people.get(self.who_is(key)).map(|person| &person.state) {
            Some(state) if is_known(state) && state.is_introduced_by(sender) => PersonTie::Own,
            Some(state) if is_known(state) => PersonTie::OfOthers,
            _ => PersonTie::New,
        }
    }

    /// Returns the state that an event about a person is merged into.
    fn state_of(&self, event: &Event) -> Option<&PersonRecord> {
        match self.matched_source(event) {
            Some(source) => {
                let key = (source.to_owned(), event.subject.clone());
                self.records.get(&key).map(|record| &record.state)
            }
            None => self.people.get(self.who_is(&event.subject)).map(|person| &person.state),
        }
    }

    /// Returns the subject under which an event about a person, a record or a group is listed.
    fn listed_subject(&self, event: &Event) -> String {
        match self.matched_source(event).filter(|_| event.kind.is_worker()) {
            Some(source) => {
                let record = self.records.get(&(source.to_owned(), event.subject.clone()));
                let owner = record.and_then(|record| record.row.person.clone());
                owner.unwrap_or_else(|| records::record_subject(source, &event.subject))
            }
            None if event.kind.is_worker() => self.who_is(&event.subject).to_owned(),
            None => event.subject.clone(),
        }
    }

    /// Lists and counts what the sender of `event` may not state, and what an admitted statement about employment settles.
    pub(super) fn note_rights(&mut self, event: &Event, admitted: &AdmittedEvent<'_>) {
        if !self.policies.track_refusals() {
            return;
        }
        let subject = self.listed_subject(event);
        if event.kind.is_worker() && event.states_employment() {
            let is_admitted =
                !admitted.missing.contains(&MissingRight::Employment) && !admitted.parts.is_empty();
            if is_admitted || event.asserts_employment() {
                self.findings.settle_refused(&subject, (!is_admitted).then(|| event.sender()), event);
            }
        }
        if event.kind.is_group() {
            self.settle_group(event, admitted);
        }
        if admitted.introduces
            && let Some(person) = self.people.get_mut(&subject)
        {
            person.state.note_introduction(event.sender());
        }
        for missing in &admitted.missing {
            telemetry::metrics::statement_refused(missing.limit());
        }
        let is_listed = admitted.refuses_departure && self.has_access(event, &subject);
        if is_listed {
            self.findings.refuse_departure(&subject, event, event.kind.as_str());
            tracing::warn!(
                subject,
                sender = event.sender(),
                kind = event.kind.as_str(),
                "a departure was refused: its sender has no right to state it"
            );
        }
        for member in &admitted.kept_members {
            let member = self.who_is(member).to_owned();
            self.findings.refuse_removal(&member, event);
        }
        if !is_listed {
            for missing in admitted.missing.iter().filter(|one| **one != MissingRight::Members) {
                self.findings.refuse_statement(&subject, event, missing);
            }
        }
    }

    /// Settles refused removals and deletions by an admitted statement about the same membership or the same group.
    fn settle_group(&mut self, event: &Event, admitted: &AdmittedEvent<'_>) {
        let is_whole = event.kind == EventKind::GroupDeleted || event.members.is_some();
        if admitted.missing.is_empty() && is_whole {
            self.findings.settle_refused(&event.subject, None, event);
        }
        for member in admitted.parts.iter().flat_map(|part| part.members.iter().flatten()) {
            let member = self.who_is(member).to_owned();
            self.findings.settle_membership(&member, event);
        }
    }

    /// Returns whether the person may have access, or the group exists.
    fn has_access(&self, event: &Event, subject: &str) -> bool {
        let now = self.micros();
        if event.kind.is_group() {
            return self.groups.get(subject).is_none_or(|group| !group.state.gone_at(now));
        }
        let state = self.people.get(subject).map(|person| &person.state);
        state.is_some_and(|state| {
            let employment = state.view(subject, now).employment;
            is_known(state) && !matches!(employment, Employment::Left { .. } | Employment::Deleted { .. })
        })
    }
}

/// Returns the parts of a group's whole list that remove no one, without a new name for it if `is_renamed`.
fn without_removals(event: &Event, is_renamed: bool) -> Vec<Cow<'_, Event>> {
    let mut group = Event { members: None, ..event.clone() };
    if is_renamed {
        group.attributes.remove("displayName");
    }
    let added = Event {
        kind: EventKind::GroupMemberAdded,
        attributes: lifecycle::AttributeMap::new(),
        ..event.clone()
    };
    let mut parts = vec![Cow::Owned(group)];
    parts.extend(event.members.is_some().then_some(Cow::Owned(added)));
    parts
}

/// Describes the missing rights in the timeline; `None` if there are none.
pub(super) fn rights_note(event: &Event, missing: &[MissingRight]) -> Option<String> {
    let named: Vec<String> = missing.iter().map(MissingRight::to_string).collect();
    (!named.is_empty())
        .then(|| format!("{} may not state: {} (docs/authority.md)", event.sender(), named.join(", ")))
}
