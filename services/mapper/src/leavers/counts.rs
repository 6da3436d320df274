//! Counts the accounts of leavers that are not proven to be off.

use std::collections::BTreeMap;

use lifecycle::{LeaverCounts, ObligationState, TargetLeaverCounts};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use store::StoreError;

use crate::rows::obligation::{Column, Entity};
use crate::rows::other_accounts as other;

/// Counts obligations, by index: only open and kept ones are counted.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn count_obligations(
    connection: &impl ConnectionTrait,
    now: i64,
) -> Result<LeaverCounts, StoreError> {
    let mut by_target: BTreeMap<String, TargetLeaverCounts> = BTreeMap::new();
    for (target, count) in count_rows(connection, ObligationState::Open, None).await? {
        by_target.entry(target).or_default().with_access = count;
    }
    for (target, count) in count_rows(connection, ObligationState::Open, Some(now)).await? {
        by_target.entry(target).or_default().overdue = count;
    }
    for (target, count) in count_rows(connection, ObligationState::KeptByPolicy, None).await? {
        by_target.entry(target).or_default().kept_by_policy = count;
    }
    for (target, active) in active_others(connection).await? {
        by_target.entry(target).or_default().other_accounts = active;
    }
    for (target, people) in incomplete_others(connection).await? {
        by_target.entry(target).or_default().other_accounts_unknown = people;
    }
    let sum = |of: fn(&TargetLeaverCounts) -> u64| by_target.values().map(of).sum();
    Ok(LeaverCounts {
        with_access: sum(|counts| counts.with_access),
        overdue: sum(|counts| counts.overdue),
        kept_by_policy: sum(|counts| counts.kept_by_policy),
        other_accounts: sum(|counts| counts.other_accounts),
        other_accounts_unknown: sum(|counts| counts.other_accounts_unknown),
        unverified: count_unverified(connection).await?,
        undecided: super::undecided::count(connection).await?,
        by_target,
    })
}

/// Returns the number of proven obligations whose verification waits for something.
async fn count_unverified(connection: &impl ConnectionTrait) -> Result<u64, StoreError> {
    let unverified = Entity::find()
        .filter(Column::State.eq(ObligationState::Proven.as_str()))
        .filter(Column::Waiting.is_not_null());
    unverified.count(connection).await.map_err(StoreError::statement("count unverified obligations"))
}

/// Returns the number of obligations in a state, by target; with `due_before`, only of those that are due before that time.
async fn count_rows(
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
        query.into_tuple().all(connection).await.map_err(StoreError::statement("count obligations"))?;
    Ok(rows.into_iter().map(|(target, count)| (target, count.unsigned_abs())).collect())
}

/// Returns the number of other active accounts, by target.
async fn active_others(connection: &impl ConnectionTrait) -> Result<Vec<(String, u64)>, StoreError> {
    // Rows are added up here: the type of a sum differs between databases, and few leavers have other accounts.
    let rows: Vec<(String, i64)> = other::Entity::find()
        .select_only()
        .columns([other::Column::Target, other::Column::Active])
        .filter(other::Column::Active.gt(0))
        .into_tuple()
        .all(connection)
        .await
        .map_err(StoreError::statement("count other accounts of leavers"))?;
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (target, active) in rows {
        *sums.entry(target).or_default() += active.unsigned_abs();
    }
    Ok(sums.into_iter().collect())
}

/// Returns the number of leavers whose other accounts are not known, or not completely, by target.
async fn incomplete_others(connection: &impl ConnectionTrait) -> Result<Vec<(String, u64)>, StoreError> {
    let rows: Vec<(String, i64)> = other::Entity::find()
        .select_only()
        .column(other::Column::Target)
        .column_as(other::Column::Subject.count(), "count")
        .filter(other::Column::Incomplete.eq(true))
        .group_by(other::Column::Target)
        .into_tuple()
        .all(connection)
        .await
        .map_err(StoreError::statement("count leavers with unknown other accounts"))?;
    Ok(rows.into_iter().map(|(target, count)| (target, count.unsigned_abs())).collect())
}
