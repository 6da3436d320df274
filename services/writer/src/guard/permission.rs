//! Permission to change access: changes beyond the policy's guard are held before any of them is sent.
//!
//! A permission is reserved in the transaction that notes the rows about to be sent. One statement counts the changes
//! that were carried out, are reserved, are held, and wait. No other transaction counts or commits under the lease until
//! that transaction ends. So every change is counted, and no two changes take the last place. A reservation counts until
//! the result of its request is known, also if another replica has taken the target in the meantime.
//!
//! So a thousand leavers who arrive together are held as a whole, and a thousand who arrive one by one are held from the
//! first that exceeds the guard. Changes that switch accounts on again are counted in the same way, by themselves.
//! Changes from a new policy were checked against the guard when they were planned, and are not counted.

mod note;
mod sum;

use lifecycle::HeldBy;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::StoreError;

pub(crate) use note::{ReservedPermission, forget_noted, note_sending, reserve_permission};
pub(crate) use sum::AccessSum;

use crate::guard::restored;
use crate::guard::safety::{PROTECTED, tell_held};
use crate::rows::access::AccessChange;
use crate::rows::facts::TransactionFacts;
use crate::rows::{removal, resource, save_resources};
use crate::{micros, now};

/// The number of rows that are held per statement.
const PAGE: u64 = 1_000;

/// Holds every waiting change that the guard does not allow. Returns the number and the reason.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn hold_excess(
    tx: &DatabaseTransaction,
    target: &str,
    news: &mut TransactionFacts,
) -> Result<Option<(u64, String)>, StoreError> {
    restored::hold_withheld(tx, target, news).await?;
    let sum = AccessSum::read(tx, target).await?;
    hold_too_many(tx, target, &sum, news).await
}

/// Holds the waiting changes of each kind that exceeds the guard. Returns the number and the reason.
async fn hold_too_many(
    tx: &DatabaseTransaction,
    target: &str,
    sum: &AccessSum,
    news: &mut TransactionFacts,
) -> Result<Option<(u64, String)>, StoreError> {
    let mut held: Option<(u64, String)> = None;
    for (change, reason) in sum.objections() {
        let count = hold_waiting(tx, target, change, &reason, news).await?;
        held = Some(match held {
            None => (count, reason),
            Some((before, reasons)) if count > 0 => (before + count, format!("{reasons}; {reason}")),
            Some(held) => held,
        });
    }
    Ok(held)
}

/// Holds the changes of one kind that wait for permission.
async fn hold_waiting(
    tx: &DatabaseTransaction,
    target: &str,
    change: AccessChange,
    reason: &str,
    news: &mut TransactionFacts,
) -> Result<u64, StoreError> {
    let mut count = 0;
    loop {
        let mut rows = resource::Entity::find()
            .filter(resource::Column::Target.eq(target))
            .filter(resource::Column::AccessChange.eq(change.as_str()))
            .filter(sum::waiting_changes())
            .filter(resource::Column::Reserved.eq(false))
            .order_by_asc(resource::Column::Subject)
            .limit(PAGE)
            .lock_exclusive()
            .all(tx)
            .await
            .map_err(StoreError::statement("read changes of access"))?;
        if rows.is_empty() {
            return Ok(count);
        }
        count += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        for row in &mut rows {
            // A protected person is not let through together with those held by the guard.
            let (by, reason) = match row.desired().is_ok_and(|desired| desired.is_protected()) {
                true => (HeldBy::Protected, PROTECTED),
                false => (HeldBy::Guard, reason),
            };
            row.hold(by, reason.to_owned(), micros(now()));
            tell_held(row, reason, news);
        }
        save_resources(tx, rows).await?;
    }
}

/// Stores that access was changed.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn count_change(
    tx: &DatabaseTransaction,
    row: &resource::Model,
    change: AccessChange,
) -> Result<(), StoreError> {
    use sea_orm::ActiveValue::Set;
    let counted = removal::ActiveModel {
        target: Set(row.target.clone()),
        kind: Set(row.kind.clone()),
        subject: Set(row.subject.clone()),
        at: Set(micros(now())),
        access_change: Set(change.as_str().to_owned()),
    };
    removal::Entity::insert(counted)
        .exec_without_returning(tx)
        .await
        .map_err(StoreError::statement("count a change of access"))?;
    Ok(())
}

#[cfg(test)]
mod documented;
#[cfg(test)]
mod tests;
