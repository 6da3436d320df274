//! Deletes expired timeline rows, in steps small enough that facts are written in between.

use std::time::Duration;

use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};
use store::{Store, StoreError};
use telemetry::{Shutdown, chain};
use time::OffsetDateTime;

use crate::schema::TimelineTable;

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
    let oldest = Query::select()
        .column(TimelineTable::Id)
        .from(TimelineTable::Table)
        .and_where(Expr::col(TimelineTable::At).lt(lifecycle::unix_micros(cutoff)))
        .order_by(TimelineTable::At, Order::Asc)
        .limit(ROWS_PER_STEP)
        .to_owned();
    let delete = Query::delete()
        .from_table(TimelineTable::Table)
        .and_where(Expr::col(TimelineTable::Id).in_subquery(oldest))
        .to_owned();
    let done =
        store.writer().execute(&delete).await.map_err(StoreError::statement("forget old timeline rows"))?;
    Ok(done.rows_affected())
}
