//! Turns changed memberships into commands.

use std::collections::BTreeMap;

use lifecycle::{
    Command, CommandId, Desired, EDGES_PER_COMMAND_MAX, Edge, Fact, FactRecord, Lane, ResourceKind,
};

use super::{Cause, Work};

/// Memberships of one group for one target, all of one urgency.
type Told = BTreeMap<(String, String, Lane), (Vec<Edge>, Cause)>;

impl Work<'_> {
    /// Tells every target where the group exists of memberships that changed; a target where it came to exist, of all
    /// that were ever known, because it may have missed some.
    pub(super) fn emit_edges(&mut self) {
        let mut told: Told = BTreeMap::new();
        for ((group, member), known) in &self.edges {
            // No target is told of groups in groups: who is in scope because of them has been decided here.
            if known.row.revision == 0 || self.nested.contains(member) {
                continue;
            }
            for policy in self.policies.iter().filter(|policy| policy.has_groups()) {
                let target = policy.target();
                let cause = match (&known.changed, self.appeared.get(&(target.to_owned(), group.clone()))) {
                    (Some(cause), _) | (None, Some(cause)) => cause,
                    (None, None) => continue,
                };
                if !self.group_exists(target, group) {
                    continue;
                }
                let lane = match (known.row.is_member(), cause.backfill) {
                    (_, true) => Lane::Backfill,
                    (false, false) => Lane::Mover,
                    (true, false) => Lane::Joiner,
                };
                let edge = Edge {
                    member: member.clone(),
                    present: known.row.is_member(),
                    revision: known.row.revision,
                };
                let entry = told.entry((target.to_owned(), group.clone(), lane));
                entry.or_insert_with(|| (Vec::new(), cause.clone())).0.push(edge);
            }
        }
        for ((target, group, lane), (edges, cause)) in told {
            for edge in &edges {
                self.facts.push(self.membership_decided(&target, &group, lane, edge, &cause));
            }
            for chunk in edges.chunks(EDGES_PER_COMMAND_MAX) {
                telemetry::metrics::decided(&target, ResourceKind::Membership, lane);
                let command = Command {
                    id: CommandId::fresh(),
                    target: target.clone(),
                    subject: group.clone(),
                    revision: 0,
                    lane,
                    desired: Desired::Membership { edges: chunk.to_vec() },
                    event: cause.event.clone(),
                    accepted_at: cause.accepted_at,
                    guard: None,
                    planned: cause.backfill,
                };
                self.commands.push((command, cause.trace));
            }
        }
    }

    /// For the timeline of the person.
    fn membership_decided(
        &self,
        target: &str,
        group: &str,
        lane: Lane,
        edge: &Edge,
        cause: &Cause,
    ) -> FactRecord {
        FactRecord {
            id: format!("dec:{target}:membership:{group}:{}:{}", edge.member, edge.revision),
            at: self.now,
            subject: edge.member.clone(),
            trace: Some(cause.trace),
            fact: Fact::MembershipDecided {
                target: target.to_owned(),
                member_of: group.to_owned(),
                revision: edge.revision,
                state: if edge.present { "member" } else { "no_member" }.to_owned(),
                lane,
                event: cause.event.clone(),
            },
        }
    }

    fn group_exists(&self, target: &str, group: &str) -> bool {
        let key = (target.to_owned(), ResourceKind::Group, group.to_owned());
        self.desired.get(&key).is_some_and(|row| row.state == "exists")
    }
}
