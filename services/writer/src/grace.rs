//! Accounts whose grace is over: they go back to the queue, are read once more, and are deleted if they are still off.

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use store::{Store, StoreError};

use crate::lease::database_now;
use crate::micros;
use crate::now;
use crate::rows::{resource, save_resources, status};

/// Rows that are woken at once; the others follow with the next sweep.
const AT_ONCE_MAX: u64 = 500;

/// Puts what is to be deleted by now back into the queue.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn wake(tx: &DatabaseTransaction, store: &Store, target: &str) -> Result<(), StoreError> {
    let due = database_now(store, tx).await?;
    let mut rows = resource::Entity::find()
        .filter(resource::Column::Target.eq(target))
        .filter(resource::Column::DeleteAt.lte(due))
        .limit(AT_ONCE_MAX)
        .lock_exclusive()
        .all(tx)
        .await
        .map_err(StoreError::statement("find accounts whose grace is over"))?;
    for row in &mut rows {
        row.delete_at = None;
        if row.status != status::IN_SYNC || row.queued {
            continue;
        }
        row.in_doubt = true;
        row.attempts = 0;
        if let Ok(desired) = row.desired() {
            row.count_change(&desired);
        }
        row.enqueue(status::PENDING, micros(now()));
    }
    save_resources(tx, rows).await
}
