//! Ids of accounts that are gone and that groups may still list. The writer learns whether a target keeps them: a target
//! that was seen to remove them itself, each time, is not asked again.

use std::sync::atomic::{AtomicU32, Ordering};

use lifecycle::{DesiredState, ResourceKind};
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use store::{ROWS_PER_STATEMENT_MAX, Store, StoreError};

use crate::rows::words::RowStatus;
use crate::rows::{edge, leftover, load_resources, resource};

/// The number of groups that must have been seen without such ids, and none with them.
const CLEAN_MIN: u32 = 5;
/// The maximum number of ids that one job removes.
const PER_JOB_MAX: u64 = 500;

/// The observations of a target since this process owns it.
#[derive(Debug, Default)]
pub(crate) struct LeftoverSearch {
    clean: AtomicU32,
    kept: AtomicU32,
}

impl LeftoverSearch {
    /// Notes that a group was read, and whether it listed an id that is gone.
    pub(crate) fn seen(&self, kept: bool) {
        let counter = if kept { &self.kept } else { &self.clean };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns whether the target removes such ids itself.
    pub(crate) fn takes_them_out(&self) -> bool {
        self.kept.load(Ordering::Relaxed) == 0 && self.clean.load(Ordering::Relaxed) >= CLEAN_MIN
    }
}

/// Notes the groups that may list ids that are gone. `gone` holds the keys and their former ids.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn note_leftovers(
    tx: &DatabaseTransaction,
    target: &str,
    kind: ResourceKind,
    gone: &[(String, String)],
    now: i64,
) -> Result<(), StoreError> {
    let failed = StoreError::statement("note what groups may still list");
    for some in gone.chunks(ROWS_PER_STATEMENT_MAX) {
        let may_be_listed = Condition::any()
            .add(edge::Column::Applied.eq(true))
            .add(edge::Column::Queued.eq(true))
            .add(edge::Column::Status.eq(RowStatus::Sending));
        let edges = edge::Entity::find()
            .filter(edge::Column::Target.eq(target))
            .filter(edge::Column::MemberSubject.is_in(some.iter().map(|(subject, _)| subject)))
            .filter(edge::Column::IsGroup.eq(kind == ResourceKind::Group))
            .filter(may_be_listed)
            .all(tx)
            .await
            .map_err(&failed)?;
        let row = |edge: edge::Model| {
            let (_, id) = some.iter().find(|(subject, _)| *subject == edge.member_subject)?;
            Some(leftover::Model {
                target: edge.target,
                group_subject: edge.group_subject,
                member_id: id.clone(),
                member_subject: edge.member_subject,
                next_attempt_at: now,
                attempts: 0,
            })
        };
        let rows: Vec<leftover::Model> = edges.into_iter().filter_map(row).collect();
        let key = [leftover::Column::Target, leftover::Column::GroupSubject, leftover::Column::MemberId];
        for rows in rows.chunks(ROWS_PER_STATEMENT_MAX) {
            leftover::Entity::insert_many(rows.iter().map(|row| row.clone().into_active_model().reset_all()))
                .on_conflict(
                    OnConflict::columns(key).update_column(leftover::Column::NextAttemptAt).to_owned(),
                )
                .exec_without_returning(tx)
                .await
                .map_err(&failed)?;
        }
    }
    Ok(())
}

/// Forgets ids that are in use again: groups list them rightly.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn forget_ids(
    tx: &DatabaseTransaction,
    target: &str,
    ids: &[String],
) -> Result<(), StoreError> {
    for ids in ids.chunks(ROWS_PER_STATEMENT_MAX) {
        forget_leftovers(tx, target, leftover::Column::MemberId.is_in(ids)).await?;
    }
    Ok(())
}

/// Forgets groups that are gone themselves.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn forget_groups(
    tx: &DatabaseTransaction,
    target: &str,
    groups: &[String],
) -> Result<(), StoreError> {
    for groups in groups.chunks(ROWS_PER_STATEMENT_MAX) {
        forget_leftovers(tx, target, leftover::Column::GroupSubject.is_in(groups)).await?;
    }
    Ok(())
}

/// Deletes the leftovers of a target that fulfil a condition.
async fn forget_leftovers(
    tx: &DatabaseTransaction,
    target: &str,
    which: sea_orm::sea_query::SimpleExpr,
) -> Result<(), StoreError> {
    leftover::Entity::delete_many()
        .filter(leftover::Column::Target.eq(target))
        .filter(which)
        .exec(tx)
        .await
        .map_err(StoreError::statement("forget what groups may still list"))?;
    Ok(())
}

/// Returns the due leftovers of groups that are at the target, by group: the group's id and the ids that it may still list.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn due_leftovers(
    store: &Store,
    target: &str,
    now: i64,
) -> Result<Vec<(String, Vec<leftover::Model>)>, StoreError> {
    let rows = leftover::Entity::find()
        .filter(leftover::Column::Target.eq(target))
        .filter(leftover::Column::NextAttemptAt.lte(now))
        .order_by_asc(leftover::Column::GroupSubject)
        .limit(PER_JOB_MAX)
        .all(store.reader())
        .await
        .map_err(StoreError::statement("read what groups may still list"))?;
    let subjects: Vec<String> = rows.iter().map(|row| row.group_subject.clone()).collect();
    let groups = load_resources(store.reader(), target, ResourceKind::Group, &subjects, false).await?;
    let mut due: Vec<(String, Vec<leftover::Model>)> = Vec::new();
    for row in rows {
        let Some(id) = groups.get(&row.group_subject).and_then(|group| group.remote_id.clone()) else {
            continue;
        };
        match due.last_mut().filter(|(_, rows)| rows[0].group_subject == row.group_subject) {
            Some((_, rows)) => rows.push(row),
            None => due.push((id, vec![row])),
        }
    }
    Ok(due)
}

/// Deletes leftovers that are in no group any more, and settles removals that waited for the member.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn finish_leftovers(
    tx: &DatabaseTransaction,
    done: &[leftover::Model],
) -> Result<(), StoreError> {
    let Some(first) = done.first() else { return Ok(()) };
    let (target, group) = (first.target.clone(), first.group_subject.clone());
    let ids: Vec<String> = done.iter().map(|row| row.member_id.clone()).collect();
    for ids in ids.chunks(ROWS_PER_STATEMENT_MAX) {
        let which = leftover::Column::GroupSubject.eq(&group).and(leftover::Column::MemberId.is_in(ids));
        forget_leftovers(tx, &target, which).await?;
    }
    let members: Vec<String> = done.iter().map(|row| row.member_subject.clone()).collect();
    for members in members.chunks(ROWS_PER_STATEMENT_MAX) {
        edge::Entity::update_many()
            .col_expr(edge::Column::Status, sea_orm::sea_query::Expr::value(RowStatus::InSync))
            .col_expr(edge::Column::Applied, sea_orm::sea_query::Expr::value(false))
            .filter(edge::Column::Target.eq(&target))
            .filter(edge::Column::GroupSubject.eq(&group))
            .filter(edge::Column::MemberSubject.is_in(members))
            .filter(edge::Column::Desired.eq(false))
            .filter(edge::Column::Status.eq(RowStatus::Waiting))
            .exec(tx)
            .await
            .map_err(StoreError::statement("settle removals of who is gone"))?;
    }
    Ok(())
}

/// Schedules the leftovers for a later try.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn postpone_leftovers(
    tx: &DatabaseTransaction,
    rows: &[leftover::Model],
    attempts: i32,
    at: i64,
) -> Result<(), StoreError> {
    for row in rows {
        leftover::Entity::update_many()
            .col_expr(leftover::Column::Attempts, sea_orm::sea_query::Expr::value(attempts))
            .col_expr(leftover::Column::NextAttemptAt, sea_orm::sea_query::Expr::value(at))
            .filter(leftover::Column::Target.eq(&row.target))
            .filter(leftover::Column::GroupSubject.eq(&row.group_subject))
            .filter(leftover::Column::MemberId.eq(&row.member_id))
            .exec(tx)
            .await
            .map_err(StoreError::statement("postpone what groups may still list"))?;
    }
    Ok(())
}

/// Returns whether a group should not be there and is not, or a key without an account was given up. Rows that wait for
/// it are then finished.
pub(crate) fn is_ended(row: &resource::Model) -> bool {
    row.remote_id.is_none()
        && *row.status() == RowStatus::InSync
        && match row.desired() {
            Ok(DesiredState::Group(group)) => !group.exists,
            Ok(DesiredState::User(account)) => account.is_given_up(),
            Ok(DesiredState::Membership { .. }) | Err(_) => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_believed_to_clean_up_only_while_it_was_never_seen_not_to() {
        let seen = LeftoverSearch::default();
        (1..CLEAN_MIN).for_each(|_| seen.seen(false));
        assert!(!seen.takes_them_out());
        seen.seen(false);
        assert!(seen.takes_them_out());
        seen.seen(true);
        assert!(!seen.takes_them_out());
    }
}
