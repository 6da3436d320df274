//! Merges the events of a batch into memberships.

use std::collections::BTreeSet;

use lifecycle::{
    Event, EventKind, MembershipState, RefusedPart, StatementIntake, StatementProvenance, TraceContext,
    next_revision,
};

use store::StoreError;

use super::{BatchInput, BatchState, CommandCause, KnownMembership, ResendRequest};
use crate::rows::{decode_state, edge};
use crate::unreadable::StateKind;

impl BatchState<'_> {
    /// Merges memberships, and evaluates those again whose time or whose group's list has changed.
    ///
    /// # Errors
    /// Returns [`StoreError::Unreadable`] for a membership whose state cannot be read.
    pub(super) fn merge_edges(&mut self, inputs: &[BatchInput], backfill: bool) -> Result<(), StoreError> {
        let fresh: BTreeSet<String> = self.merged.iter().map(|row| row.event_id.clone()).collect();
        for input in inputs {
            match input {
                BatchInput::Event { event, sequence, trace, .. }
                    if fresh.contains(event.id.as_str()) && !self.reused.contains_key(sequence) =>
                {
                    match self.admitted.remove(event.id.as_str()) {
                        Some(parts) => {
                            for part in &parts {
                                self.merge_members(part, *sequence, *trace)?;
                            }
                        }
                        None => self.merge_members(event, *sequence, *trace)?,
                    }
                }
                BatchInput::Edge { group, member } => {
                    let cause = CommandCause::again(self.now, backfill);
                    self.look_again(group, member, &cause)?;
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
                // The rest of the group does not wait for one membership.
                if let Err(error) = self.look_again(&group, &member, &cause) {
                    self.unreadable.note(StateKind::Membership, &[&group, &member], &error);
                }
            }
        }
        Ok(())
    }

    /// Merges the members that an event adds or removes.
    fn merge_members(
        &mut self,
        event: &Event,
        sequence: u64,
        trace: Option<TraceContext>,
    ) -> Result<(), StoreError> {
        let present = match event.kind {
            EventKind::GroupUpserted | EventKind::GroupMemberAdded => true,
            EventKind::GroupMemberRemoved => false,
            _ => return Ok(()),
        };
        let now = self.micros();
        let from = StatementProvenance::of(event, sequence);
        let cause = CommandCause::of(event, trace.unwrap_or_else(TraceContext::root));
        for member in event.members.iter().flatten() {
            let key = (event.subject.clone(), member.clone());
            let known = self.edges.entry(key).or_insert_with(|| unknown_edge(&event.subject, member));
            let state = known.state.as_mut().ok_or_else(|| unreadable_membership(&known.row))?;
            let before = state.clone();
            if !present && before == MembershipState::default() {
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
            known.touched |= *state != before;
            self.look_again(&event.subject, member, &cause)?;
        }
        Ok(())
    }

    /// Evaluates a membership at the current time. If it changes, targets receive it with a new revision.
    fn look_again(&mut self, group: &str, member: &str, cause: &CommandCause) -> Result<(), StoreError> {
        let (now, clock) = (self.micros(), self.clock);
        let floor = self.groups.get(group).and_then(|group| group.state.member_floor_at(now).cloned());
        let Some(known) = self.edges.get_mut(&(group.to_owned(), member.to_owned())) else { return Ok(()) };
        let state = known.state.as_ref().ok_or_else(|| unreadable_membership(&known.row))?;
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
        Ok(())
    }
}

/// Returns the error for a membership whose state cannot be read.
fn unreadable_membership(row: &edge::Model) -> StoreError {
    let cause = decode_state::<MembershipState>(&row.state, &row.member_key).err();
    cause.unwrap_or_else(|| StoreError::Unreadable {
        of: row.member_key.clone(),
        source: serde::de::Error::custom("its state was not read"),
    })
}

/// Returns a membership about which no statement exists.
pub(super) fn unknown_edge(group: &str, member: &str) -> KnownMembership {
    let row = edge::Model {
        group_key: group.to_owned(),
        member_key: member.to_owned(),
        version: 0,
        state: String::new(),
        present: false,
        indirect: false,
        revision: 0,
        next_due_at: None,
    };
    KnownMembership { row, state: Some(MembershipState::default()), touched: false, changed: None }
}
