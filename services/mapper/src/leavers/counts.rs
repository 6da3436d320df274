//! How many accounts of leavers are not proven to be off.

use std::collections::BTreeMap;

use lifecycle::{LeaverCounts, ObligationState, TargetLeaverCounts};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use store::StoreError;

use crate::rows::obligation::{Column, Entity};

/// Counts by index: only what is open or kept is counted.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn counts(connection: &impl ConnectionTrait, now: i64) -> Result<LeaverCounts, StoreError> {
    let mut by_target: BTreeMap<String, TargetLeaverCounts> = BTreeMap::new();
    for (target, count) in count(connection, ObligationState::Open, None).await? {
        by_target.entry(target).or_default().with_access = count;
    }
    for (target, count) in count(connection, ObligationState::Open, Some(now)).await? {
        by_target.entry(target).or_default().overdue = count;
    }
    for (target, count) in count(connection, ObligationState::KeptByPolicy, None).await? {
        by_target.entry(target).or_default().kept_by_policy = count;
    }
    let sum = |of: fn(&TargetLeaverCounts) -> u64| by_target.values().map(of).sum();
    Ok(LeaverCounts {
        with_access: sum(|counts| counts.with_access),
        overdue: sum(|counts| counts.overdue),
        kept_by_policy: sum(|counts| counts.kept_by_policy),
        by_target,
    })
}

async fn count(
    connection: &impl ConnectionTrait,
    state: ObligationState,
    due_before: Option<i64>,
) -> Result<Vec<(String, u64)>, StoreError> {
    let mut query = Entity::find()
        .select_only()
        .column(Column::Target)
        .column_as(Column::Id.count(), "count")
        .filter(Column::State.eq(state.as_str()))
        .group_by(Column::Target);
    if let Some(before) = due_before {
        query = query.filter(Column::DueAt.lt(before));
    }
    let rows: Vec<(String, i64)> =
        query.into_tuple().all(connection).await.map_err(StoreError::statement("count leavers"))?;
    Ok(rows.into_iter().map(|(target, count)| (target, count.unsigned_abs())).collect())
}
