//! Evidence that people are no longer in groups, or the reason why it is missing.

use std::collections::HashMap;

use lifecycle::{
    ACCOUNT_OFF, AccountOffEvidence, DesiredState, MembershipEvidence, MembershipKey, ResourceKind,
    WaitReason, WaitingFor,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use store::StoreError;

use super::{TargetObstacles, off_evidence, status_reason};
use crate::control::WriterControl;
use crate::guard::looks::{is_membership_due, membership_unverified_since};
use crate::rows::words::RowStatus;
use crate::rows::{edge, load_resources, resource};
use crate::{micros, now};

/// Evidence: no account of the person was ever put into the group.
const NEVER_MEMBER: &str = "never_member";
/// Evidence: the group is no longer at the target, and is not wanted there.
const GROUP_GONE: &str = "group_gone";

/// The rows of both ends of memberships, by key.
struct MembershipEnds {
    people: HashMap<String, resource::Model>,
    groups: HashMap<String, resource::Model>,
}

impl WriterControl {
    /// Returns the evidence for `keys`, and those of them that must be read back.
    pub(super) async fn memberships(
        &self,
        target: &str,
        keys: &[MembershipKey],
        surroundings: &TargetObstacles,
    ) -> Result<(Vec<MembershipEvidence>, Vec<MembershipKey>), StoreError> {
        let mut keys: Vec<MembershipKey> = keys.to_vec();
        keys.sort();
        keys.dedup();
        let reader = self.store.reader();
        let subjects = |of: fn(&MembershipKey) -> &String| keys.iter().map(of).cloned().collect::<Vec<_>>();
        let (people, groups) = (subjects(|key| &key.person), subjects(|key| &key.group));
        let ends = MembershipEnds {
            people: load_resources(reader, target, ResourceKind::User, &people, false).await?,
            groups: load_resources(reader, target, ResourceKind::Group, &groups, false).await?,
        };
        let (mut told, mut due, at) = (Vec::new(), Vec::new(), micros(now()));
        for of_group in keys.chunk_by(|one, other| one.group == other.group) {
            let members: Vec<String> = of_group.iter().map(|key| key.person.clone()).collect();
            let mut rows = self.edges(target, &of_group[0].group, members).await?;
            for key in of_group {
                let row = rows.remove(&key.person).filter(|row| row.revision > 0);
                let evidence = membership_evidence(key, row.as_ref(), &ends, surroundings);
                let is_settled = row.as_ref().is_some_and(|row| !row.desired && !row.applied);
                let is_elsewhere =
                    evidence.off.as_ref().is_some_and(|off| matches!(&*off.kind, NEVER_MEMBER | GROUP_GONE));
                if is_settled && !is_elsewhere && row.is_some_and(|row| is_membership_due(&row, at)) {
                    due.push(key.clone());
                }
                told.push(evidence);
            }
        }
        Ok((told, due))
    }

    /// Loads the rows of these members of one group, by member.
    async fn edges(
        &self,
        target: &str,
        group: &str,
        members: Vec<String>,
    ) -> Result<HashMap<String, edge::Model>, StoreError> {
        let rows = edge::Entity::find()
            .filter(edge::Column::Target.eq(target))
            .filter(edge::Column::GroupSubject.eq(group))
            .filter(edge::Column::MemberSubject.is_in(members))
            .all(self.store.reader())
            .await
            .map_err(StoreError::statement("read memberships"))?;
        Ok(rows.into_iter().map(|row| (row.member_subject.clone(), row)).collect())
    }
}

/// Builds the evidence for one membership, or the reason why it is missing.
fn membership_evidence(
    key: &MembershipKey,
    row: Option<&edge::Model>,
    ends: &MembershipEnds,
    surroundings: &TargetObstacles,
) -> MembershipEvidence {
    let Some(row) = row else {
        let waiting = Some(WaitReason::new(WaitingFor::Delivery));
        return MembershipEvidence { key: key.clone(), revision: 0, off: None, waiting };
    };
    let off = shown_out(row, ends);
    let is_elsewhere = |off: &AccountOffEvidence| matches!(&*off.kind, NEVER_MEMBER | GROUP_GONE);
    let waiting = match &off {
        Some(off) if is_elsewhere(off) => None,
        Some(_) => surroundings.unverified(membership_unverified_since(row, micros(now()))),
        None => {
            Some(status_reason(row.status(), row.is_queued(), false, surroundings, row.last_error.clone()))
        }
    };
    MembershipEvidence { key: key.clone(), revision: row.revision, off, waiting }
}

/// Returns the evidence that the person is not in the group, or has no use of it.
fn shown_out(row: &edge::Model, ends: &MembershipEnds) -> Option<AccountOffEvidence> {
    if row.told {
        return None;
    }
    let account = ends.people.get(&row.member_subject);
    let at =
        |kind: &str, at: i64| Some(AccountOffEvidence { kind: kind.to_owned(), at: crate::moment_of(at) });
    if !row.applied
        && let Some((evidence, shown_at)) = row.off_evidence().zip(row.off_evidence_at)
    {
        return at(evidence.as_str(), shown_at);
    }
    if let Some(off) = account.and_then(off_evidence) {
        return Some(AccountOffEvidence { kind: ACCOUNT_OFF.to_owned(), at: off.at });
    }
    if ends.groups.get(&row.group_subject).is_some_and(is_gone) {
        return at(GROUP_GONE, row.accepted_at);
    }
    let is_linked = account.is_some_and(|account| account.remote_id.is_some());
    let is_at_rest = *row.status() == RowStatus::InSync && !row.applied;
    (is_at_rest && !is_linked).then(|| at(NEVER_MEMBER, row.accepted_at))?
}

fn is_gone(group: &resource::Model) -> bool {
    group.remote_id.is_none()
        && *group.status() == RowStatus::InSync
        && matches!(group.desired(), Ok(DesiredState::Group(group)) if !group.exists)
}
