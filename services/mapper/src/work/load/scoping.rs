//! Finds out which groups of a batch decide who has an account, directly or through groups that contain them. It is needed
//! only for senders whose rights to people are limited.

use std::collections::BTreeSet;

use lifecycle::{EventKind, PeopleRight};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use crate::rows::edge;
use crate::subjects::display_name;
use crate::work::{BatchInput, BatchState};

/// Loads the groups above those that senders with limited rights name, and the people that they remove, and notes the groups
/// that decide about accounts.
pub(super) async fn load_scoping_groups(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    inputs: &[BatchInput],
) -> Result<(), StoreError> {
    let (groups, members) = limited_subjects(work, inputs);
    if groups.is_empty() {
        return Ok(());
    }
    super::load_states(tx, work, &members).await?;
    for group in groups {
        let mut above = BTreeSet::from([group.clone()]);
        let mut fresh = vec![group.clone()];
        while !fresh.is_empty() {
            let containing = containing_groups(tx, &fresh).await?;
            fresh = containing.into_iter().filter(|key| above.insert(key.clone())).collect();
        }
        super::load_groups(tx, work, &above).await?;
        let now = work.micros();
        let decides = above.iter().any(|key| {
            let attributes = work.groups.get(key).map(|known| known.state.attributes_at(now));
            let name = attributes.and_then(|attributes| display_name(&attributes));
            work.policies.decide_by_group(key, name.as_deref())
        });
        if decides {
            work.scoping_groups.insert(group);
        }
    }
    Ok(())
}

/// Returns the groups that senders with limited rights change, and the members that they remove.
fn limited_subjects(work: &BatchState<'_>, inputs: &[BatchInput]) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut found: (BTreeSet<String>, BTreeSet<String>) = Default::default();
    if work.policies.rights().is_empty() || !work.policies.use_groups() {
        return found;
    }
    for input in inputs {
        let BatchInput::Event { event, .. } = input else { continue };
        let rights = work.policies.rights().of(event.sender());
        if !event.kind.is_group() || rights.is_none_or(|rights| rights.people == PeopleRight::All) {
            continue;
        }
        found.0.insert(event.subject.clone());
        if event.kind == EventKind::GroupMemberRemoved {
            found.1.extend(event.members.iter().flatten().cloned());
        }
    }
    found
}

/// Returns the groups that contain one of these groups.
async fn containing_groups(
    tx: &DatabaseTransaction,
    groups: &[String],
) -> Result<BTreeSet<String>, StoreError> {
    let mut found = BTreeSet::new();
    for chunk in groups.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows: Vec<String> = edge::Entity::find()
            .select_only()
            .column(edge::Column::GroupKey)
            .filter(edge::Column::MemberKey.is_in(chunk))
            .filter(edge::Column::Present.eq(true))
            .into_tuple()
            .all(tx)
            .await
            .map_err(StoreError::statement("read groups above"))?;
        found.extend(rows);
    }
    Ok(found)
}
