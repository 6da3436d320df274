//! Merges the events of a batch into memberships.

use std::collections::BTreeSet;

use lifecycle::{
    Event, EventKind, MembershipState, RefusedPart, StatementIntake, StatementProvenance, TraceContext,
    next_revision,
};

use super::load::state_of;
use super::{BatchInput, BatchState, CommandCause, KnownMembership, ResendRequest};
use crate::rows::edge;

impl BatchState<'_> {
    /// Merges memberships, and evaluates those again whose time or whose group's list has changed.
    pub(super) fn merge_edges(&mut self, inputs: &[BatchInput], backfill: bool) {
        let fresh: BTreeSet<String> = self.merged.iter().map(|row| row.event_id.clone()).collect();
        for input in inputs {
            match input {
                BatchInput::Event { event, sequence, trace, .. }
                    if fresh.contains(event.id.as_str()) && !self.reused.contains_key(sequence) =>
                {
                    self.merge_members(event, *sequence, *trace);
                }
                BatchInput::Edge { group, member } => {
                    let cause = CommandCause::again(self.now, backfill);
                    self.look_again(group, member, &cause);
                }
                BatchInput::Again(ResendRequest { subject, member: Some(member), theirs, .. }) => {
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

    /// Merges the members that an event adds or removes.
    fn merge_members(&mut self, event: &Event, sequence: u64, trace: Option<TraceContext>) {
        let present = match event.kind {
            EventKind::GroupUpserted | EventKind::GroupMemberAdded => true,
            EventKind::GroupMemberRemoved => false,
            _ => return,
        };
        let now = self.micros();
        let from = StatementProvenance::of(event, sequence);
        let cause = CommandCause::of(event, trace.unwrap_or_else(TraceContext::root));
        for member in event.members.iter().flatten() {
            let key = (event.subject.clone(), member.clone());
            let known = self.edges.entry(key).or_insert_with(|| unknown_edge(&event.subject, member));
            let mut state = state_of(&known.row);
            if !present && state == MembershipState::default() {
                self.findings.removal_unmatched(member, event);
            }
            if state.say(from, present, now) == StatementIntake::Refused {
                self.findings.refuse(member, event, &[RefusedPart::Members]);
                telemetry::metrics::statement_refused(RefusedPart::Members.limit());
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

    /// Evaluates a membership at the current time. If it changes, targets receive it with a new revision.
    fn look_again(&mut self, group: &str, member: &str, cause: &CommandCause) {
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

/// Returns a membership about which no statement exists.
pub(super) fn unknown_edge(group: &str, member: &str) -> KnownMembership {
    let state = serde_json::to_string(&MembershipState::default()).expect("a state is plain data");
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
    KnownMembership { row, touched: false, changed: None }
}
