//! Takes commands for memberships.

use std::collections::{BTreeMap, HashMap};

use lifecycle::{DesiredMembership, DesiredState, ResourceKind};
use scim::NestedGroups;
use sea_orm::DatabaseTransaction;
use store::StoreError;

use super::{TracedCommand, is_refused};
use crate::guard::nesting;
use crate::rows::facts::TransactionFacts;
use crate::rows::words::RowStatus;
use crate::rows::{dead, edge, load_edges, load_resources, make_edges_lockable, resource, save_edges};
use crate::{micros, now};

/// Applies commands for memberships of one target, group by group.
pub(super) async fn take_edges(
    tx: &DatabaseTransaction,
    (target, clock): (&str, i64),
    nested: NestedGroups,
    commands: &[&TracedCommand],
    news: &mut TransactionFacts,
) -> Result<(), StoreError> {
    let mut by_group: BTreeMap<&str, Vec<(&DesiredMembership, &TracedCommand)>> = BTreeMap::new();
    for traced in commands {
        if let DesiredState::Membership { edges } = &traced.0.desired {
            let group = by_group.entry(&traced.0.subject).or_default();
            group.extend(edges.iter().map(|edge| (edge, *traced)));
        }
    }
    for (group, edges) in by_group {
        let members: Vec<String> = edges.iter().map(|(edge, _)| edge.member.clone()).collect();
        let linked = LinkedEnds::load(tx, target, group, edges.iter().map(|(edge, _)| *edge)).await?;
        make_edges_lockable(tx, target, group, &members).await?;
        let mut rows = load_edges(tx, target, group, &members).await?;
        let mut outlived = Vec::new();
        for (edge, traced) in edges {
            let row = rows
                .entry(edge.member.clone())
                .or_insert_with(|| edge::Model::new(target, group, &edge.member));
            if is_refused(row.revision, edge.revision, clock, !edge.present) {
                let about = (edge.member.as_str(), edge.revision);
                news.refused(target, ResourceKind::Membership, about, traced.1);
                continue;
            }
            outlived.extend(want_edge(row, edge, nested, traced, &linked, news));
        }
        dead::close_letters(tx, &outlived, dead::DISCARDED).await?;
        save_edges(tx, rows.into_values().collect()).await?;
    }
    Ok(())
}

/// Makes `edge` the desired state of the membership, unless the row has a newer one. Returns the dead letter that this closes.
fn want_edge(
    row: &mut edge::Model,
    edge: &DesiredMembership,
    nested: NestedGroups,
    (command, trace): &TracedCommand,
    linked: &LinkedEnds,
    news: &mut TransactionFacts,
) -> Option<String> {
    if edge.revision <= row.revision {
        return None;
    }
    let outlived = row.dead_letter.take();
    if let Some(letter) = &outlived {
        news.outlived(letter, &row.member_subject, edge.revision);
    }
    row.revision = edge.revision;
    row.told = edge.present;
    row.through_groups = edge.through_groups;
    row.is_group = !edge.member_is.is_person();
    row.desired = nesting::wants_membership(nested, row);
    row.lane = command.lane.rank();
    row.accepted_at = micros(command.accepted_at);
    row.trace = trace.map(|trace| trace.to_string());
    row.attempts = 0;
    row.failures = None;
    row.last_error = None;
    match row.status() {
        // The effect of a request under way or in doubt is settled first.
        RowStatus::Sending | RowStatus::Unsure => {}
        // A request that was given up may have been carried out all the same.
        RowStatus::Dead | RowStatus::Rejected => row.doubt(micros(now())),
        _ => row.place(linked.both(&edge.member), micros(now())),
    }
    outlived
}

/// The ends of one group's memberships that exist at the target.
struct LinkedEnds {
    group: bool,
    members: HashMap<String, resource::Model>,
}

impl LinkedEnds {
    async fn load(
        tx: &DatabaseTransaction,
        target: &str,
        group: &str,
        edges: impl Iterator<Item = &DesiredMembership>,
    ) -> Result<Self, StoreError> {
        let groups = load_resources(tx, target, ResourceKind::Group, &[group.to_owned()], false).await?;
        let members =
            nesting::load_members(tx, target, edges.map(|edge| (edge.member.as_str(), edge.member_is)))
                .await?;
        Ok(Self { group: groups.into_values().any(|row| row.remote_id.is_some()), members })
    }

    fn both(&self, member: &str) -> bool {
        self.group && self.members.get(member).is_some_and(|row| row.remote_id.is_some())
    }
}
