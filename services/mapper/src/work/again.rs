//! Sends a decision again because the writer turned out to have another state.

use lifecycle::{
    Command, CommandId, DesiredState, Fact, FactRecord, Lane, ResourceKind, TraceContext, is_revision_ahead,
    next_revision,
};

use super::{BatchState, CommandCause, DesiredKey, ResendRequest, WriterDecision};
use crate::moment_of;
use crate::rows::desired;
use crate::unreadable::StateKind;

/// The reason in the journal.
pub(super) const SENT_AGAIN: &str = "the writer had another state; sent again";

impl BatchState<'_> {
    /// Returns a revision that is greater than both. A revision of ours that no correct clock has reached is ignored, unless
    /// the writer has one like that too.
    pub(super) fn revision_after(&self, ours: i64, theirs: Option<i64>) -> i64 {
        let ours = if theirs.is_some() && is_revision_ahead(ours, self.clock) { 0 } else { ours };
        next_revision(ours.max(theirs.unwrap_or(0)), self.clock)
    }

    /// Schedules a decision about the subject, with a command whether or not it changes.
    pub(super) fn note_again(&mut self, again: &ResendRequest) {
        let cause = CommandCause::again(self.now, false);
        let touched = match again.kind {
            ResourceKind::User => self.people.get_mut(&again.subject).map(|known| &mut known.touched),
            _ => self.groups.get_mut(&again.subject).map(|known| &mut known.touched),
        };
        if let Some(touched) = touched {
            touched.get_or_insert(cause);
        }
        if again.kind != ResourceKind::Membership {
            let key = (again.target.clone(), again.kind, again.subject.clone());
            self.again
                .insert(key, WriterDecision { revision: again.theirs, is_later_removal: again.is_outdated });
        }
    }

    /// Sends the membership again to every target at which the group exists.
    pub(super) fn tell_edge_again(&mut self, group: &str, member: &str, theirs: i64) {
        let cause = CommandCause::again(self.now, false);
        let key = (group.to_owned(), member.to_owned());
        let Some(ours) = self.edges.get(&key).map(|known| known.row.revision) else { return };
        let revision = self.revision_after(ours, Some(theirs));
        let Some(known) = self.edges.get_mut(&key) else { return };
        if ours > 0 {
            known.row.revision = revision;
            known.touched = true;
            known.changed.get_or_insert(cause);
        }
    }

    /// Sends the last requested state of the resources about which no policy decided in this batch.
    pub(super) fn send_the_rest_again(&mut self) {
        for (key, theirs) in std::mem::take(&mut self.again) {
            let Some(row) = self.desired.get(&key) else { continue };
            let desired = match row.desired() {
                Ok(desired) => desired,
                Err(error) => {
                    let kind = match key.1 {
                        ResourceKind::User => StateKind::DesiredUser,
                        _ => StateKind::DesiredGroup,
                    };
                    self.unreadable.note(kind, &[&key.0, &key.2], &error);
                    continue;
                }
            };
            let mut row = row.clone();
            row.revision = self.revision_after(row.revision, Some(theirs.revision));
            row.version += 1;
            self.commands.push(self.command_again(&key, &row, desired, theirs.is_later_removal));
            self.facts.push(self.fact_again(&key, row.revision, &row.state));
            self.desired.insert(key.clone(), row);
            self.changed_desired.insert(key);
        }
    }

    fn command_again(
        &self,
        (target, _, subject): &DesiredKey,
        row: &desired::Model,
        desired: DesiredState,
        is_outdated: bool,
    ) -> (Command, TraceContext) {
        let gives = matches!(row.state.as_str(), "active" | "exists");
        let command = Command {
            id: CommandId::fresh(),
            target: target.clone(),
            subject: subject.clone(),
            revision: row.revision,
            lane: lane_again(gives),
            desired,
            event: None,
            accepted_at: self.now,
            guard: self.policies.of(target).map(|in_force| in_force.policy.guard()),
            planned: false,
            ordered: false,
            needs_approval: gives && (is_outdated || self.withholds_access),
            stated_at: row.stated_at.map(moment_of),
            orphans: None,
        };
        (command, TraceContext::root())
    }

    fn fact_again(&self, (target, kind, subject): &DesiredKey, revision: i64, state: &str) -> FactRecord {
        FactRecord {
            id: format!("dec:{target}:{}:{subject}:{revision}", kind.as_str()),
            at: self.now,
            subject: subject.clone(),
            trace: None,
            fact: Fact::Decided {
                target: target.clone(),
                kind: *kind,
                revision,
                state: state.to_owned(),
                lane: lane_again(matches!(state, "active" | "exists")),
                reason: SENT_AGAIN.to_owned(),
                changed: Vec::new(),
                user_name: None,
            },
        }
    }
}

/// Returns the lane: states without access go first, and the rest waits behind events.
pub(super) fn lane_again(gives: bool) -> Lane {
    if gives { Lane::Backfill } else { Lane::Leaver }
}
