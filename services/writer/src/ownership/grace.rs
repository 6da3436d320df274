//! Wakes rows that are due by time. Accounts whose grace is over are read once more and deleted if they are still off.
//! Rows that another replica may have changed are read back.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use store::{Store, StoreError};

use crate::lease::database_now;
use crate::rows::words::RowStatus;
use crate::rows::{edge, resource, save_resources};
use crate::{micros, now};

/// The maximum number of rows to wake at once. The others follow with the next sweep.
const AT_ONCE_MAX: u64 = 500;

/// Queues the rows that must be deleted or read back by now.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn wake_due_rows(
    tx: &DatabaseTransaction,
    store: &Store,
    target: &str,
) -> Result<(), StoreError> {
    let due = database_now(store, tx).await?;
    for column in [resource::Column::DeleteAt, resource::Column::LookAgainAt] {
        let mut rows = resource::Entity::find()
            .filter(resource::Column::Target.eq(target))
            .filter(column.lte(due))
            .limit(AT_ONCE_MAX)
            .lock_exclusive()
            .all(tx)
            .await
            .map_err(StoreError::statement("find what is due"))?;
        rows.iter_mut().for_each(|row| wake_resource(row, due));
        save_resources(tx, rows).await?;
    }
    wake_memberships(tx, target, due).await
}

/// Queues a row that is due, in doubt. A row that is queued already is only marked.
fn wake_resource(row: &mut resource::Model, due: i64) {
    row.delete_at.take_if(|at| *at <= due);
    let looks_again = row.look_again_at.take_if(|at| *at <= due).is_some();
    row.in_doubt |= looks_again;
    if row.is_queued() {
        // A row that is being worked on stays in the queue and in doubt, too.
        row.next_attempt_at =
            if looks_again { row.next_attempt_at.max(micros(now())) } else { row.next_attempt_at };
        return;
    }
    if *row.status() != RowStatus::InSync {
        return;
    }
    row.in_doubt = true;
    row.attempts = 0;
    if let Ok(desired) = row.desired() {
        row.count_change(&desired);
    }
    row.enqueue(RowStatus::Pending, micros(now()));
}

/// Wakes memberships. Those with a request under way follow with a later sweep. Those that wait for their other end or
/// for an operator are read back when they go on.
async fn wake_memberships(tx: &DatabaseTransaction, target: &str, due: i64) -> Result<(), StoreError> {
    let due_of = |statuses: Vec<RowStatus>| {
        edge::Entity::update_many()
            .col_expr(edge::Column::LookAgainAt, Expr::value(Option::<i64>::None))
            .filter(edge::Column::Target.eq(target))
            .filter(edge::Column::LookAgainAt.lte(due))
            .filter(edge::Column::Status.is_in(statuses))
    };
    let woken = StoreError::statement("read memberships back");
    due_of(vec![RowStatus::InSync, RowStatus::Pending, RowStatus::Retrying, RowStatus::Unsure])
        .col_expr(edge::Column::Status, Expr::value(RowStatus::Unsure))
        .col_expr(edge::Column::Queued, Expr::value(true))
        .col_expr(edge::Column::NextAttemptAt, Expr::value(micros(now())))
        .exec(tx)
        .await
        .map_err(&woken)?;
    due_of(vec![RowStatus::Waiting, RowStatus::Held, RowStatus::Dead, RowStatus::Rejected])
        .exec(tx)
        .await
        .map_err(&woken)?;
    Ok(())
}
