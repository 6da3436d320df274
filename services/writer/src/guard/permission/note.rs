//! Notes the rows that are about to be sent, and reserves the guard's permission in the same transaction.

use std::collections::{BTreeMap, HashSet};

use lifecycle::ResourceKind;
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use store::StoreError;

use super::{AccessSum, hold_too_many};
use crate::guard::{orphans, restored};
use crate::lease::TargetLease;
use crate::rows::access::AccessChange;
use crate::rows::facts::TransactionFacts;
use crate::rows::orphan;
use crate::rows::words::RowStatus;
use crate::rows::{ResourceKey, load_resources, resource, save_resources};

/// The rows that may be sent.
#[derive(Debug, Default)]
pub(crate) struct NotedJobs {
    pub(crate) may_go: HashSet<ResourceKey>,
    /// The number of changes of access that are held now, and the reason.
    pub(crate) held: Option<(u64, String)>,
}

/// Notes rows of these revisions as about to be sent, so that a crash leaves no doubt about any others, and reserves the
/// permission for their changes of access. Rows that have changed since they were read may not be sent.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn note_sending(
    tx: &DatabaseTransaction,
    lease: &TargetLease,
    target: &str,
    asked: &[(ResourceKey, i64)],
    news: &mut TransactionFacts,
) -> Result<NotedJobs, StoreError> {
    if !lease.in_force_alone(tx).await? {
        return Ok(NotedJobs::default());
    }
    let mut rows = asked_rows(tx, target, asked).await?;
    leave_orphans_alone(tx, target, &mut rows).await?;
    let mut held = None;
    if rows.iter().any(|row| row.access_change() == Some(AccessChange::Enable)) {
        restored::hold_withheld(tx, target, news).await?;
        rows = asked_rows(tx, target, asked).await?;
    }
    if rows.iter().any(resource::Model::needs_permission) {
        let sum = AccessSum::read(tx, target).await?;
        held = hold_too_many(tx, target, &sum, news).await?;
        let is_held = |row: &resource::Model| {
            let change = row.access_change().filter(|_| row.needs_permission());
            change.is_some_and(|change| sum.objections().iter().any(|(too_many, _)| *too_many == change))
        };
        rows.retain(|row| !is_held(row));
    }
    let (reserving, others): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.needs_permission());
    note_rows(tx, target, lease.epoch(), &reserving, true).await?;
    note_rows(tx, target, lease.epoch(), &others, false).await?;
    Ok(NotedJobs { may_go: rows.iter().map(key_of).collect(), held })
}

/// Reserves the permission for a change of access that only the target's answer revealed. Returns the reason if the
/// permission is refused.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn reserve_permission(
    tx: &DatabaseTransaction,
    lease: &TargetLease,
    target: &str,
    (kind, subject): &ResourceKey,
    change: AccessChange,
) -> Result<ReservedPermission, StoreError> {
    if !lease.in_force_alone(tx).await? {
        return Ok(ReservedPermission::Overtaken);
    }
    let mut rows = load_resources(tx, target, *kind, std::slice::from_ref(subject), true).await?;
    let Some(row) = rows.get_mut(subject).filter(|row| row.is_queued()) else {
        return Ok(ReservedPermission::Overtaken);
    };
    let was_reserved = row.reserved;
    row.access_change = Some(change.as_str().to_owned());
    row.reserved = true;
    save_resources(tx, vec![row.clone()]).await?;
    let objection = AccessSum::read(tx, target).await?.objection(change);
    if let Some(reason) = objection {
        row.reserved = was_reserved;
        save_resources(tx, vec![row.clone()]).await?;
        return Ok(ReservedPermission::Refused(reason));
    }
    Ok(ReservedPermission::Given)
}

/// The result of reserving one permission.
#[derive(Debug)]
pub(crate) enum ReservedPermission {
    Given,
    /// The guard refused the permission for this reason.
    Refused(String),
    /// The row, or the owner of the target, has changed in the meantime.
    Overtaken,
}

fn key_of(row: &resource::Model) -> ResourceKey {
    (row.kind(), row.subject.clone())
}

/// Returns those of `asked` that are still in the queue at the same revision, locked.
async fn asked_rows(
    tx: &DatabaseTransaction,
    target: &str,
    asked: &[(ResourceKey, i64)],
) -> Result<Vec<resource::Model>, StoreError> {
    let mut by_kind: BTreeMap<&str, (ResourceKind, Vec<String>)> = BTreeMap::new();
    for ((kind, subject), _) in asked {
        by_kind.entry(kind.as_str()).or_insert((*kind, Vec::new())).1.push(subject.clone());
    }
    let mut found = Vec::new();
    for (kind, subjects) in by_kind.into_values() {
        found.extend(load_resources(tx, target, kind, &subjects, true).await?.into_values());
    }
    let is_asked = |row: &resource::Model| {
        asked.iter().any(|((kind, subject), revision)| {
            *kind == row.kind() && *subject == row.subject && *revision == row.desired_revision
        })
    };
    found.retain(|row| row.is_queued() && is_asked(row));
    Ok(found)
}

/// Leaves orphans alone while a person lacks an account: an orphan of the last reconciliation may belong to that person by now.
async fn leave_orphans_alone(
    tx: &DatabaseTransaction,
    target: &str,
    rows: &mut Vec<resource::Model>,
) -> Result<(), StoreError> {
    let is_at_risk = |row: &resource::Model| orphan::is_orphan(&row.subject) && !row.is_approved();
    if !rows.iter().any(is_at_risk) || orphans::without_account(tx, target).await? == 0 {
        return Ok(());
    }
    let (mut left, kept): (Vec<_>, Vec<_>) = std::mem::take(rows).into_iter().partition(is_at_risk);
    *rows = kept;
    for row in &mut left {
        row.rest(RowStatus::InSync);
        row.access_change = None;
        row.last_error = Some("left alone while a person who should have an account has none".to_owned());
    }
    save_resources(tx, left).await
}

/// Notes rows as being sent under this epoch, with a reservation if `reserves`.
async fn note_rows(
    tx: &DatabaseTransaction,
    target: &str,
    epoch: i64,
    rows: &[&resource::Model],
    reserves: bool,
) -> Result<(), StoreError> {
    for rows in rows.chunks(store::ROWS_PER_STATEMENT_MAX) {
        let mut update = resource::Entity::update_many()
            .col_expr(resource::Column::SendingEpoch, Expr::value(epoch))
            .filter(resource::Column::Target.eq(target))
            .filter(any_of(rows.iter().map(|row| (row.kind.as_str(), row.subject.as_str()))));
        if reserves {
            update = update.col_expr(resource::Column::Reserved, Expr::value(true));
        }
        update.exec(tx).await.map_err(StoreError::statement("note what is sent"))?;
    }
    Ok(())
}

/// Returns the condition for rows of these kinds and subjects.
fn any_of<'r>(keys: impl Iterator<Item = (&'r str, &'r str)>) -> Condition {
    let mut by_kind: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (kind, subject) in keys {
        by_kind.entry(kind).or_default().push(subject);
    }
    by_kind.into_iter().fold(Condition::any(), |any, (kind, subjects)| {
        any.add(resource::Column::Kind.eq(kind).and(resource::Column::Subject.is_in(subjects)))
    })
}

/// Clears the notes of rows that were not sent after all.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn forget_noted(
    tx: &DatabaseTransaction,
    lease: &TargetLease,
    target: &str,
    keys: &[ResourceKey],
) -> Result<(), StoreError> {
    for keys in keys.chunks(store::ROWS_PER_STATEMENT_MAX) {
        resource::Entity::update_many()
            .col_expr(resource::Column::SendingEpoch, Expr::value(Option::<i64>::None))
            .col_expr(resource::Column::Reserved, Expr::value(false))
            .filter(resource::Column::Target.eq(target))
            .filter(resource::Column::SendingEpoch.eq(lease.epoch()))
            .filter(resource::Column::InDoubt.eq(false))
            .filter(any_of(keys.iter().map(|(kind, subject)| (kind.as_str(), subject.as_str()))))
            .exec(tx)
            .await
            .map_err(StoreError::statement("clear the notes of rows that were not sent"))?;
    }
    Ok(())
}
