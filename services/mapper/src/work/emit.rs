//! Turns changed memberships into commands.

use std::collections::BTreeMap;

use lifecycle::{
    Command, CommandId, DesiredMembership, DesiredState, EDGES_PER_COMMAND_MAX, Fact, FactRecord, Lane,
    MemberKind, ResourceKind,
};

use super::leavers::{AccessRight, DepartureReason, LeaverDuty};
use super::{BatchState, CommandCause};
use crate::rows::edge;

/// The number of ended memberships of one group above which they are not sent in the lane of departures.
const DEPARTURES_PER_GROUP_MAX: usize = 100;

/// Memberships by target, group and lane.
type MembershipBatch = BTreeMap<(String, String, Lane), (Vec<DesiredMembership>, CommandCause)>;

impl BatchState<'_> {
    /// Sends changed memberships to every target at which the group exists. A target at which it came into existence gets all
    /// known memberships, because it may have missed some.
    pub(super) fn emit_edges(&mut self) {
        let mut told: MembershipBatch = BTreeMap::new();
        for ((group, member), known) in &self.edges {
            if known.row.revision == 0 {
                continue;
            }
            let edge = self.edge(member, &known.row);
            for policy in self.policies.iter().filter(|policy| policy.has_groups()) {
                let target = policy.target();
                let cause = match (&known.changed, self.appeared.get(&(target.to_owned(), group.clone()))) {
                    (Some(cause), _) | (None, Some(cause)) => cause,
                    (None, None) => continue,
                };
                if !self.group_exists(target, group) {
                    continue;
                }
                let lane = match (edge.present, cause.backfill) {
                    (_, true) => Lane::Backfill,
                    (false, false) => Lane::Leaver,
                    (true, false) => Lane::Joiner,
                };
                let entry = told.entry((target.to_owned(), group.clone(), lane));
                entry.or_insert_with(|| (Vec::new(), cause.clone())).0.push(edge.clone());
            }
        }
        self.note_memberships();
        for ((target, group, lane), (edges, cause)) in told {
            // So many removals at once are not a departure of a person, and departures must not wait behind them.
            let is_bulk = lane == Lane::Leaver && edges.len() > DEPARTURES_PER_GROUP_MAX;
            let lane = if is_bulk { Lane::Mover } else { lane };
            for edge in edges.iter().filter(|edge| edge.member_is.is_person()) {
                self.facts.push(self.membership_decided(&target, &group, lane, edge, &cause));
            }
            for chunk in edges.chunks(EDGES_PER_COMMAND_MAX) {
                telemetry::metrics::count_decision(&target, ResourceKind::Membership, lane);
                let command = Command {
                    id: CommandId::fresh(),
                    target: target.clone(),
                    subject: group.clone(),
                    revision: 0,
                    lane,
                    desired: DesiredState::Membership { edges: chunk.to_vec() },
                    event: cause.event.clone(),
                    accepted_at: cause.accepted_at,
                    guard: None,
                    planned: cause.backfill,
                    ordered: false,
                    needs_approval: false,
                    stated_at: None,
                    orphans: None,
                };
                self.commands.push((command, cause.trace));
            }
        }
    }

    /// Records the consequences for people who came into a group of a target or were removed from it. For a group that a target has
    /// again, that includes all people who were removed from it before.
    fn note_memberships(&mut self) {
        let mut duties = Vec::new();
        for ((group, member), known) in &self.edges {
            if known.row.revision == 0 {
                continue;
            }
            let edge = self.edge(member, &known.row);
            if !edge.member_is.is_person() {
                continue;
            }
            let right = match edge.present {
                true => AccessRight::Has,
                false => AccessRight::Lost(DepartureReason::from_group(self.micros())),
            };
            for policy in self.policies.iter().filter(|policy| policy.has_groups()) {
                let appeared = self.appeared.get(&(policy.target().to_owned(), group.clone()));
                let Some(cause) = known.changed.as_ref().or(appeared) else { continue };
                if self.group_exists(policy.target(), group) {
                    duties.push(LeaverDuty {
                        target: policy.target().to_owned(),
                        subject: member.clone(),
                        member_of: group.clone(),
                        right,
                        rule: policy.users().leaver,
                        cause: cause.clone(),
                        revision: edge.revision,
                    });
                }
            }
        }
        self.duties.append(&mut duties);
    }

    /// Builds the membership for a target. Commands contain both nested groups and the people in them; the target's profile
    /// selects one of the two.
    fn edge(&self, member: &str, row: &edge::Model) -> DesiredMembership {
        let is_group = self.nested.contains(member);
        DesiredMembership {
            member: member.to_owned(),
            present: if is_group { row.present } else { row.is_member() },
            revision: row.revision,
            through_groups: !is_group && row.indirect && !row.present,
            member_is: if is_group { MemberKind::Group } else { MemberKind::Person },
        }
    }

    /// Builds the fact for the person's timeline.
    fn membership_decided(
        &self,
        target: &str,
        group: &str,
        lane: Lane,
        edge: &DesiredMembership,
        cause: &CommandCause,
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
                state: match (edge.present, edge.through_groups) {
                    (true, false) => "member",
                    (true, true) => "member_through_groups",
                    (false, _) => "no_member",
                }
                .to_owned(),
                lane,
                event: cause.event.clone(),
            },
        }
    }

    /// Returns whether the group exists at the target by the last decision.
    fn group_exists(&self, target: &str, group: &str) -> bool {
        let key = (target.to_owned(), ResourceKind::Group, group.to_owned());
        self.desired.get(&key).is_some_and(|row| row.state == "exists")
    }
}
