//! Merges the events of a batch into people and groups.

use lifecycle::{Event, EventKind, Fact, FactRecord, TraceContext, unix_micros};

use super::{Cause, Input, Work};
use crate::rows::inbox;

impl Work<'_> {
    /// Merges every event that was not merged before; marks what has to be decided about.
    pub(super) fn merge(&mut self, inputs: &[Input], backfill: bool) {
        for input in inputs {
            match input {
                Input::Event { event, sequence, trace } => self.merge_event(event, *sequence, *trace),
                Input::Person(key) => {
                    let cause = Cause::again(self.now, backfill);
                    if let Some(person) = self.people.get_mut(key) {
                        person.touched.get_or_insert(cause);
                    }
                }
                Input::Group(key) => {
                    let cause = Cause::again(self.now, backfill);
                    if let Some(group) = self.groups.get_mut(key) {
                        group.touched.get_or_insert_with(|| cause.clone());
                        // Otherwise nobody came or went.
                        if group.next_due_at.is_some_and(|due| due <= unix_micros(self.now)) {
                            self.whole_groups.entry(key.clone()).or_insert(cause);
                        }
                    }
                }
                Input::Cancel { person, planned, actor } => self.cancel(person, planned, actor),
                // Raises the group's revision, for the reason given at `merge_group`.
                Input::Edge { group, .. } => {
                    let cause = Cause::again(self.now, backfill);
                    if let Some(group) = self.groups.get_mut(group) {
                        group.touched.get_or_insert(cause);
                    }
                }
            }
        }
    }

    fn merge_event(&mut self, event: &Event, sequence: u64, trace: Option<TraceContext>) {
        let span = tracing::info_span!("event.merge", otel.kind = "consumer", event = %event.id, trace_id = tracing::field::Empty);
        let trace = telemetry::in_trace(&span, trace);
        let _entered = span.entered();
        let fresh = self.seen.insert(event.id.to_string());
        if let Some(run) = &event.feed {
            self.feeds.note(event, run, fresh);
        }
        if !fresh {
            self.tell_merged(event, format!("dup:{}:{sequence}", event.id), 0, "duplicate", trace);
            return;
        }
        self.merged.push(inbox::Model {
            event_id: event.id.to_string(),
            sequence: i64::try_from(sequence).unwrap_or(i64::MAX),
            received_at: self.micros(),
        });
        let cause = Cause::of(event, trace);
        let (changed, revision) = match event.kind {
            EventKind::FeedCompleted => (false, 0),
            kind if kind.is_worker() => self.merge_worker(event, sequence, cause),
            _ => self.merge_group(event, sequence, cause),
        };
        let outcome = match () {
            () if event.effective_at > self.now => "scheduled",
            () if changed => "changed",
            () => "unchanged",
        };
        self.tell_merged(event, format!("mrg:{}", event.id), revision, outcome, trace);
    }

    fn merge_worker(&mut self, event: &Event, sequence: u64, cause: Cause) -> (bool, i64) {
        let now = self.micros();
        let Some(person) = self.people.get_mut(&event.subject) else { return (false, 0) };
        let before = person.state.clone();
        person.state.merge(event, sequence, now);
        let changed = person.state != before;
        if changed {
            person.touched = Some(cause);
        }
        (changed, person.revision + 1)
    }

    /// Every event about a group raises the group's revision, also one about a membership: whoever makes the group exist
    /// at a target at the same moment must see that membership.
    fn merge_group(&mut self, event: &Event, sequence: u64, cause: Cause) -> (bool, i64) {
        let now = self.micros();
        let Some(group) = self.groups.get_mut(&event.subject) else { return (false, 0) };
        group.state.merge(event, sequence, now);
        group.touched = Some(cause.clone());
        if event.kind == EventKind::GroupUpserted && event.members.is_some() {
            self.whole_groups.insert(event.subject.clone(), cause);
        }
        (true, group.revision + 1)
    }

    fn tell_merged(&mut self, event: &Event, id: String, revision: i64, outcome: &str, trace: TraceContext) {
        telemetry::metrics::merged(outcome, 1);
        self.facts.push(FactRecord {
            id,
            at: self.now,
            subject: event.subject.clone(),
            trace: Some(trace),
            fact: Fact::Merged {
                event: event.id.clone(),
                event_type: event.kind.to_string(),
                source: event.source.clone(),
                revision,
                outcome: outcome.to_owned(),
            },
        });
        debug_assert!(unix_micros(self.now) >= 0, "the clock is past 1970");
    }
}
