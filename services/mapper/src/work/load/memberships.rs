//! Loads memberships.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use crate::rows::edge;
use crate::work::{BatchInput, BatchState, KnownMembership, ResendRequest};

/// Loads the memberships that the inputs name, and all those of groups that are evaluated completely.
pub(in crate::work) async fn load_edges(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    inputs: &[BatchInput],
) -> Result<(), StoreError> {
    let whole: BTreeSet<String> = work.whole_groups.keys().cloned().collect();
    all_edges(tx, work, &whole).await?;
    for (group, members) in named_edges(inputs) {
        for chunk in members.chunks(ROWS_PER_STATEMENT_MAX) {
            let rows = edge::Entity::find()
                .filter(edge::Column::GroupKey.eq(&group))
                .filter(edge::Column::MemberKey.is_in(chunk))
                .all(tx)
                .await
                .map_err(StoreError::statement("read memberships"))?;
            keep_edges(work, rows);
        }
    }
    Ok(())
}

/// Loads all memberships of `groups`.
pub(in crate::work) async fn all_edges(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    groups: &BTreeSet<String>,
) -> Result<(), StoreError> {
    let groups: Vec<String> = groups.iter().cloned().collect();
    for chunk in groups.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = edge::Entity::find()
            .filter(edge::Column::GroupKey.is_in(chunk))
            .all(tx)
            .await
            .map_err(StoreError::statement("read memberships"))?;
        keep_edges(work, rows);
    }
    Ok(())
}

/// Collects the memberships that the inputs name: members by group.
fn named_edges(inputs: &[BatchInput]) -> BTreeMap<String, Vec<String>> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for input in inputs {
        match input {
            BatchInput::Event { event, .. } if event.kind.is_group() => {
                out.entry(event.subject.clone()).or_default().extend(event.members.iter().flatten().cloned());
            }
            BatchInput::Edge { group, member }
            | BatchInput::Again(ResendRequest { subject: group, member: Some(member), .. }) => {
                out.entry(group.clone()).or_default().push(member.clone());
            }
            _ => {}
        }
    }
    out
}

/// Adds membership rows to the batch. Those that it has already are kept.
pub(in crate::work) fn keep_edges(work: &mut BatchState<'_>, rows: Vec<edge::Model>) {
    for row in rows {
        let key = (row.group_key.clone(), row.member_key.clone());
        let read = |row: edge::Model| {
            let state = serde_json::from_str(&row.state).ok();
            KnownMembership { row, state, touched: false, changed: None }
        };
        work.edges.entry(key).or_insert_with(|| read(row));
    }
}
