//! Counts the rows of a target by kind, status and lane, for operators and metrics.

use std::collections::BTreeMap;

use lifecycle::{Lane, ResourceKind};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use store::{Store, StoreError};
use telemetry::chain;

use crate::guard::touches;
use crate::rows::words::RowStatus;
use crate::rows::{edge, resource};

/// The number of rows with the same kind, status, lane and place in the queue.
#[derive(Debug, FromQueryResult)]
struct StatusCount {
    kind: String,
    status: RowStatus,
    lane: i16,
    queued: bool,
    rows: i64,
}

/// The counts of all rows of one target.
pub(crate) struct QueueCounts(Vec<StatusCount>);

impl QueueCounts {
    /// Returns the counts by `<kind>.<status>`.
    pub(crate) fn by_status(&self) -> BTreeMap<String, i64> {
        let mut out = BTreeMap::new();
        for count in &self.0 {
            *out.entry(format!("{}.{}", count.kind, count.status)).or_default() += count.rows;
        }
        out
    }

    /// Returns the counts of queued rows by lane.
    pub(crate) fn by_lane(&self) -> BTreeMap<String, i64> {
        let mut out: BTreeMap<String, i64> =
            Lane::ALL.into_iter().map(|lane| (lane.as_str().to_owned(), 0)).collect();
        for count in self.0.iter().filter(|count| count.queued) {
            *out.entry(Lane::from_rank(count.lane).as_str().to_owned()).or_default() += count.rows;
        }
        out
    }
}

/// Counts the resources and memberships of a target.
pub(crate) async fn count_queue(store: &Store, target: &str) -> Result<QueueCounts, StoreError> {
    let read = StoreError::statement("count the queue");
    let mut counts = resource::Entity::find()
        .select_only()
        .columns([
            resource::Column::Kind,
            resource::Column::Status,
            resource::Column::Lane,
            resource::Column::Queued,
        ])
        .column_as(resource::Column::Subject.count(), "rows")
        .filter(resource::Column::Target.eq(target))
        .group_by(resource::Column::Kind)
        .group_by(resource::Column::Status)
        .group_by(resource::Column::Lane)
        .group_by(resource::Column::Queued)
        .into_model::<StatusCount>()
        .all(store.reader())
        .await
        .map_err(&read)?;
    let edges = edge::Entity::find()
        .select_only()
        .column_as(Expr::value(ResourceKind::Membership.as_str()), "kind")
        .columns([edge::Column::Status, edge::Column::Lane, edge::Column::Queued])
        .column_as(edge::Column::MemberSubject.count(), "rows")
        .filter(edge::Column::Target.eq(target))
        .group_by(edge::Column::Status)
        .group_by(edge::Column::Lane)
        .group_by(edge::Column::Queued)
        .into_model::<StatusCount>()
        .all(store.reader())
        .await
        .map_err(&read)?;
    counts.extend(edges);
    Ok(QueueCounts(counts))
}

/// Updates the queue depth metrics of a target.
pub(crate) async fn observe_queue(store: &Store, target: &str) {
    match count_queue(store, target).await {
        Ok(QueueCounts(counts)) => {
            for lane in Lane::ALL {
                for status in RowStatus::KNOWN {
                    let here =
                        counts.iter().filter(|count| count.lane == lane.rank() && count.status == *status);
                    telemetry::metrics::queue_depth(
                        target,
                        lane,
                        status.as_str(),
                        here.map(|count| count.rows).sum(),
                    );
                }
            }
        }
        Err(error) => {
            tracing::warn!(target_name = target, error = chain(&error), "could not count the queue")
        }
    }
    for by in touches::REASONS {
        match touches::count_held(store.reader(), target, by).await {
            Ok(count) => telemetry::metrics::touch_held(target, by, count),
            Err(error) => {
                tracing::warn!(target_name = target, error = chain(&error), "could not count what is held");
            }
        }
    }
}
