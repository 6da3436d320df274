//! What is due by itself: accounts whose grace is over are read once more and deleted if they are still off; what another
//! replica may have changed is read back.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use store::{Store, StoreError};

use crate::lease::database_now;
use crate::micros;
use crate::now;
use crate::rows::{edge, resource, save_resources, status};

/// Rows that are woken at once; the others follow with the next sweep.
const AT_ONCE_MAX: u64 = 500;

/// Puts what is to be deleted or read back by now into the queue.
///
/// # Errors
/// As the database reports them.
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

fn wake_resource(row: &mut resource::Model, due: i64) {
    row.delete_at.take_if(|at| *at <= due);
    let looks_again = row.look_again_at.take_if(|at| *at <= due).is_some();
    row.in_doubt |= looks_again;
    if row.queued {
        // Also what is being worked on just now stays in the queue, and in doubt.
        row.next_attempt_at =
            if looks_again { row.next_attempt_at.max(micros(now())) } else { row.next_attempt_at };
        return;
    }
    if row.status != status::IN_SYNC {
        return;
    }
    row.in_doubt = true;
    row.attempts = 0;
    if let Ok(desired) = row.desired() {
        row.count_change(&desired);
    }
    row.enqueue(status::PENDING, micros(now()));
}

/// What a request under way is about comes with a later sweep; what waits for its other end, or for a human, is read back when
/// it goes on.
async fn wake_memberships(tx: &DatabaseTransaction, target: &str, due: i64) -> Result<(), StoreError> {
    let due_of = |statuses: Vec<&'static str>| {
        edge::Entity::update_many()
            .col_expr(edge::Column::LookAgainAt, Expr::value(Option::<i64>::None))
            .filter(edge::Column::Target.eq(target))
            .filter(edge::Column::LookAgainAt.lte(due))
            .filter(edge::Column::Status.is_in(statuses))
    };
    let woken = StoreError::statement("read memberships back");
    due_of(vec![status::IN_SYNC, status::PENDING, status::RETRYING, status::UNSURE])
        .col_expr(edge::Column::Status, Expr::value(status::UNSURE))
        .col_expr(edge::Column::Queued, Expr::value(true))
        .col_expr(edge::Column::NextAttemptAt, Expr::value(micros(now())))
        .exec(tx)
        .await
        .map_err(&woken)?;
    due_of(vec![status::WAITING, status::HELD, status::DEAD, status::REJECTED])
        .exec(tx)
        .await
        .map_err(&woken)?;
    Ok(())
}
