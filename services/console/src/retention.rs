//! Deletes expired timeline rows, in steps small enough that facts are written in between.

use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use store::{Store, StoreError};
use telemetry::{Shutdown, chain};
use time::OffsetDateTime;

use crate::rows::timeline;

/// Rows deleted per transaction.
pub(crate) const ROWS_PER_STEP: u64 = 1_000;

const ROUND_EVERY: Duration = Duration::from_secs(600);
const PAUSE_BETWEEN_STEPS: Duration = Duration::from_millis(50);

/// Prunes the timeline periodically until the shutdown begins.
pub(crate) async fn run_retention(store: Store, days: u16, shutdown: Shutdown) {
    let mut pause = ROUND_EVERY;
    loop {
        tokio::select! {
            () = shutdown.soft.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let cutoff = OffsetDateTime::now_utc() - time::Duration::days(i64::from(days));
        pause = match delete_page(&store, cutoff).await {
            Ok(deleted) if deleted == ROWS_PER_STEP => PAUSE_BETWEEN_STEPS,
            Ok(_) => ROUND_EVERY,
            Err(error) => {
                tracing::warn!(error = chain(&error), "old timeline rows stay for now");
                ROUND_EVERY
            }
        };
    }
}

/// Deletes at most [`ROWS_PER_STEP`] rows older than `cutoff` and returns their number.
pub(crate) async fn delete_page(store: &Store, cutoff: OffsetDateTime) -> Result<u64, StoreError> {
    let oldest = timeline::Entity::find()
        .select_only()
        .column(timeline::Column::Id)
        .filter(timeline::Column::At.lt(lifecycle::unix_micros(cutoff)))
        .order_by_asc(timeline::Column::At)
        .limit(ROWS_PER_STEP)
        .into_query();
    let done = timeline::Entity::delete_many()
        .filter(timeline::Column::Id.in_subquery(oldest))
        .exec(store.writer())
        .await
        .map_err(StoreError::statement("forget old timeline rows"))?;
    Ok(done.rows_affected)
}
