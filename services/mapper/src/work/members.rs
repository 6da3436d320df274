//! Merges the events of a batch into memberships.

use std::collections::BTreeSet;

use lifecycle::{EdgeState, Event, EventKind, Intake, Provenance, Refused, TraceContext, next_revision};

use super::load::state_of;
use super::{Again, Cause, Input, KnownEdge, Work};
use crate::rows::edge;

impl Work<'_> {
    /// Merges memberships, and looks again at those whose group's list or date has come.
    pub(super) fn merge_edges(&mut self, inputs: &[Input], backfill: bool) {
        let fresh: BTreeSet<String> = self.merged.iter().map(|row| row.event_id.clone()).collect();
        for input in inputs {
            match input {
                Input::Event { event, sequence, trace, .. }
                    if fresh.contains(event.id.as_str()) && !self.reused.contains_key(sequence) =>
                {
                    self.merge_members(event, *sequence, *trace);
                }
                Input::Edge { group, member } => {
                    let cause = Cause::again(self.now, backfill);
                    self.look_again(group, member, &cause);
                }
                Input::Again(Again { subject, member: Some(member), theirs, .. }) => {
                    self.tell_edge_again(subject, member, *theirs);
                }
                _ => {}
            }
        }
        for (group, cause) in self.whole_groups.clone() {
            let members: Vec<String> =
                self.edges.keys().filter(|(g, _)| *g == group).map(|(_, member)| member.clone()).collect();
            for member in members {
                self.look_again(&group, &member, &cause);
            }
        }
    }

    fn merge_members(&mut self, event: &Event, sequence: u64, trace: Option<TraceContext>) {
        let present = match event.kind {
            EventKind::GroupUpserted | EventKind::GroupMemberAdded => true,
            EventKind::GroupMemberRemoved => false,
            _ => return,
        };
        let now = self.micros();
        let from = Provenance::of(event, sequence);
        let cause = Cause::of(event, trace.unwrap_or_else(TraceContext::root));
        for member in event.members.iter().flatten() {
            let key = (event.subject.clone(), member.clone());
            let known = self.edges.entry(key).or_insert_with(|| unknown(&event.subject, member));
            let mut state = state_of(&known.row);
            if !present && state == EdgeState::default() {
                self.findings.removal_unmatched(member, event);
            }
            if state.say(from, present, now) == Intake::Refused {
                self.findings.refuse(member, event, &[Refused::Members]);
                telemetry::metrics::statement_refused(Refused::Members.limit());
                tracing::warn!(
                    group = event.subject,
                    member = member.as_str(),
                    sender = event.sender(),
                    "a membership that lies ahead was refused: its source said too many already"
                );
            }
            let state = serde_json::to_string(&state).expect("a state is plain data");
            known.touched |= known.row.state != state;
            known.row.state = state;
            self.look_again(&event.subject, member, &cause);
        }
    }

    fn look_again(&mut self, group: &str, member: &str, cause: &Cause) {
        let (now, clock) = (self.micros(), self.clock);
        let floor = self.groups.get(group).and_then(|group| group.state.member_floor_at(now).cloned());
        let Some(known) = self.edges.get_mut(&(group.to_owned(), member.to_owned())) else { return };
        let state = state_of(&known.row);
        let present = state.present_at(floor.as_ref(), now);
        let next_due_at = state.next_due(now);
        known.touched |= known.row.next_due_at != next_due_at;
        known.row.next_due_at = next_due_at;
        if present != known.row.present {
            known.touched = true;
            known.row.present = present;
            known.row.revision = next_revision(known.row.revision, clock);
            known.changed = Some(cause.clone());
        }
    }
}

pub(super) fn unknown(group: &str, member: &str) -> KnownEdge {
    let state = serde_json::to_string(&EdgeState::default()).expect("a state is plain data");
    let row = edge::Model {
        group_key: group.to_owned(),
        member_key: member.to_owned(),
        version: 0,
        state,
        present: false,
        indirect: false,
        revision: 0,
        next_due_at: None,
    };
    KnownEdge { row, touched: false, changed: None }
}
