//! Departures that rows of full feeds state. A row that would switch a person off waits until its run is judged, so that a
//! file in which a status is written otherwise switches no one off. All other rows are merged when they arrive.

use lifecycle::{Employment, Event, Fact, FactRecord, FeedRun, PersonRecord, TraceContext};

use super::feeds::WaitingDeparture;
use super::{BatchInput, BatchState, KnownPerson};
use crate::rows::feed_departure::WaitingEvent;

/// The note of an event that waits.
const WAITS: &str = "waits until the run of the feed is judged";

impl BatchState<'_> {
    /// Keeps back an event that would switch a person off by a row of a full feed. Returns `false` for any other event, which
    /// must be merged now.
    pub(super) fn keep_back(&mut self, input: &BatchInput) -> bool {
        let BatchInput::Event { event, sequence, trace, content, .. } = input else { return false };
        let Some(run) = event.feed.as_ref().filter(|run| !run.absent) else { return false };
        let is_new = !self.seen.contains_key(event.id.as_str());
        if !is_new || !event.kind.is_worker() || !event.takes_away() {
            return false;
        }
        let admitted = self.admit(event);
        let Some(part) = admitted.parts.first().filter(|part| part.takes_away()) else { return false };
        let Some(person) = self.person_switched_off(part, *sequence) else { return false };
        let waiting = WaitingEvent {
            event: event.as_ref().clone(),
            sequence: *sequence,
            trace: *trace,
            hash: content.clone(),
        };
        self.tell_waiting(event, run, &person, trace.unwrap_or_else(TraceContext::root));
        self.feeds.keep_back(run, WaitingDeparture { person, since: self.micros(), waiting });
        true
    }

    /// Merges a departure of an accepted run.
    pub(super) fn release(&mut self, departure: &WaitingEvent) {
        let WaitingEvent { event, sequence, trace, hash } = departure;
        self.merge_event(event, *sequence, *trace, hash.as_deref());
        if let Some(run) = &event.feed {
            let is_active = self.person_of(event).is_some_and(|(_, person)| self.works_here(&person.state));
            self.feeds.release(event, run, is_active);
        }
    }

    /// Returns the person of an event about a worker, with their key. `None` if the record's person is not known.
    fn person_of<'s>(&'s self, event: &'s Event) -> Option<(&'s str, &'s KnownPerson)> {
        let key = match self.matched_source(event) {
            Some(source) => {
                let record = self.records.get(&(source.to_owned(), event.subject.clone()))?;
                record.row.person.as_deref()?
            }
            None => self.who_is(&event.subject),
        };
        Some((key, self.people.get(key)?))
    }

    /// Returns the event's source if its records are matched with people.
    pub(super) fn matched_source(&self, event: &Event) -> Option<&str> {
        let people = self.policies.people();
        people.name_of_event(event).filter(|source| !people.match_on(source).is_empty())
    }

    /// Returns the key of the person if they work here now, and would not once the event is merged.
    fn person_switched_off(&self, event: &Event, sequence: u64) -> Option<String> {
        let (key, person) = self.person_of(event)?;
        if !self.works_here(&person.state) {
            return None;
        }
        let (now, people) = (self.micros(), self.policies.people());
        let mut after = person.state.clone();
        match (self.matched_source(event), people.name_of_event(event)) {
            (Some(source), _) => {
                let record = self.records.get(&(source.to_owned(), event.subject.clone()))?;
                let mut record = record.state.clone();
                record.merge(event, sequence, now);
                after.link(source, &event.subject, people, &record);
            }
            (None, source) if key != event.subject => {
                let source = source.unwrap_or_default();
                after.merge_as(&event.subject, source, people, (event, sequence), now);
            }
            (None, Some(source)) => {
                after.merge_from(source, people, event, sequence, now);
            }
            (None, None) => {
                after.merge(event, sequence, now);
            }
        }
        (!self.works_here(&after)).then(|| key.to_owned())
    }

    /// Returns whether the person works here now, by the current precedence of sources.
    fn works_here(&self, state: &PersonRecord) -> bool {
        let mut ranked = state.clone();
        ranked.rank(self.policies.people());
        ranked.view("", self.micros()).employment == Employment::Active
    }

    /// Publishes a fact about an event that waits.
    fn tell_waiting(&mut self, event: &Event, run: &FeedRun, person: &str, trace: TraceContext) {
        telemetry::metrics::count_merged("waiting", 1);
        self.facts.push(FactRecord {
            id: format!("wai:{}", event.id),
            at: self.now,
            subject: person.to_owned(),
            trace: Some(trace),
            fact: Fact::Merged {
                event: event.id.clone(),
                event_type: event.kind.to_string(),
                source: event.source.clone(),
                sender: event.sender.clone(),
                revision: self.people.get(person).map_or(0, |person| person.revision),
                outcome: "waiting".to_owned(),
                note: Some(format!("{WAITS}: `usher feed show {}`", run.run)),
            },
        });
    }
}
