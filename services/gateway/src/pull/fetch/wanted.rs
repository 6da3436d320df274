//! The table of wanted records, and the operations on its rows.

use std::collections::BTreeMap;
use std::time::Duration;

use lifecycle::{EventKind, ThinNotice, TraceContext};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, Store, StoreError};

use super::row::{ActiveModel, Column, Entity, FetchState, Model};

/// The maximum length of a stored failure reason, in characters.
const ERROR_CHARS_MAX: usize = 300;

/// A person whose record must be fetched.
#[derive(Debug, Clone)]
pub(super) struct WantedRecord {
    /// The source's key of the person.
    pub(super) key: String,
    /// The number of notices when the row was read.
    pub(super) asked: i64,
    /// The time since which the record is wanted, in microseconds since the Unix epoch. With `asked` it tells this row from a
    /// later one about the same person.
    pub(super) wanted_since: i64,
    /// The event kind of the last notice that announced a hire or departure.
    pub(super) hint: Option<EventKind>,
    /// The number of failures attributed to the record itself.
    pub(super) attempts: i32,
    /// The time before which the record is not fetched, in microseconds since the Unix epoch.
    pub(super) due_at: i64,
    pub(super) parked: bool,
    pub(super) trace: Option<TraceContext>,
}

impl From<Model> for WantedRecord {
    fn from(row: Model) -> Self {
        Self {
            key: row.key,
            asked: row.asked,
            wanted_since: row.wanted_since,
            hint: row.hint.and_then(|hint| hint.parse().ok()),
            attempts: row.attempts,
            due_at: row.due_at,
            parked: row.state == FetchState::Parked.as_str(),
            trace: row.trace.and_then(|trace| trace.parse().ok()),
        }
    }
}

/// The number of a source's rows in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct WantedCounts {
    pub(super) waiting: i64,
    pub(super) parked: i64,
}

/// The next step for a row whose fetch failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextAttempt {
    /// Try again after this delay.
    Again(Duration),
    /// Park the row, and try once more after this delay.
    Parked(Duration),
}

/// The table of wanted records.
#[derive(Debug, Clone)]
pub(crate) struct WantedTable(pub(super) Store);

/// Returns whether the kind is a hire or a departure. For every other kind the record itself has all that is needed.
fn is_employment(kind: EventKind) -> bool {
    use EventKind::{WorkerDeleted, WorkerJoined, WorkerLeft, WorkerRehired};
    matches!(kind, WorkerJoined | WorkerLeft | WorkerRehired | WorkerDeleted)
}

/// Combines the notices about each person into one row.
fn coalesce_notices(
    notices: Vec<(ThinNotice, Option<TraceContext>)>,
    now: i64,
    delay: impl Fn(&str) -> Duration,
) -> Vec<ActiveModel> {
    let mut rows: BTreeMap<(String, String), Model> = BTreeMap::new();
    for (notice, trace) in notices {
        let due_at = later_micros(now, delay(&notice.source));
        let name = (notice.source.clone(), notice.key.clone());
        let row = rows.entry(name).or_insert_with(|| Model {
            source: notice.source,
            key: notice.key,
            asked: 0,
            state: FetchState::Waiting.as_str().to_owned(),
            hint: None,
            wanted_since: now,
            due_at,
            attempts: 0,
            last_error: None,
            trace: None,
        });
        row.asked += 1;
        if let Some(hint) = notice.hint.filter(|hint| is_employment(*hint)) {
            row.hint = Some(hint.to_string());
        }
        row.trace = trace.map(|trace| trace.to_string()).or_else(|| row.trace.take());
    }
    rows.into_values().map(all_set).collect()
}

fn all_set(row: Model) -> ActiveModel {
    ActiveModel {
        source: ActiveValue::Set(row.source),
        key: ActiveValue::Set(row.key),
        asked: ActiveValue::Set(row.asked),
        state: ActiveValue::Set(row.state),
        hint: ActiveValue::Set(row.hint),
        wanted_since: ActiveValue::Set(row.wanted_since),
        due_at: ActiveValue::Set(row.due_at),
        attempts: ActiveValue::Set(row.attempts),
        last_error: ActiveValue::Set(row.last_error),
        trace: ActiveValue::Set(row.trace),
    }
}

/// Returns `now` plus `delay`, in microseconds.
fn later_micros(now: i64, delay: Duration) -> i64 {
    now.saturating_add(i64::try_from(delay.as_micros()).unwrap_or(i64::MAX))
}

impl WantedTable {
    /// Records notices in one transaction. The due time of a waiting row does
    /// not move. A parked row is tried again, because something has changed.
    pub(super) async fn want(
        &self,
        notices: Vec<(ThinNotice, Option<TraceContext>)>,
        delay: impl Fn(&str) -> Duration,
    ) -> Result<(), StoreError> {
        let failed = StoreError::statement("store wanted records");
        let now = self.0.now().await?;
        let rows = coalesce_notices(notices, now, delay);
        let tx = self.0.begin().await?;
        for some in rows.chunks(ROWS_PER_STATEMENT_MAX) {
            let known = |name: &str, otherwise: &str| {
                format!(
                    "CASE WHEN gateway_fetches.state = '{}' THEN {otherwise} ELSE gateway_fetches.{name} END",
                    FetchState::Parked.as_str()
                )
            };
            let merge = OnConflict::columns([Column::Source, Column::Key])
                .values([
                    (Column::Asked, Expr::cust("gateway_fetches.asked + excluded.asked")),
                    (Column::Hint, Expr::cust("COALESCE(excluded.hint, gateway_fetches.hint)")),
                    (Column::Trace, Expr::cust("COALESCE(excluded.trace, gateway_fetches.trace)")),
                    (Column::DueAt, Expr::cust(known("due_at", "excluded.due_at"))),
                    (Column::Attempts, Expr::cust(known("attempts", "0"))),
                    (Column::State, Expr::cust("excluded.state")),
                ])
                .to_owned();
            let insert = Entity::insert_many(some.to_vec()).on_conflict(merge);
            insert.exec_without_returning(&tx).await.map_err(&failed)?;
        }
        tx.commit().await.map_err(&failed)
    }

    /// Returns the row of `source` that is due first, whether it is due yet or parked, except those in `in_flight`.
    pub(super) async fn first(
        &self,
        source: &str,
        in_flight: &[&str],
    ) -> Result<Option<WantedRecord>, StoreError> {
        let rows = Entity::find()
            .filter(Column::Source.eq(source))
            .order_by_asc(Column::DueAt)
            .order_by_asc(Column::Key)
            .limit(in_flight.len() as u64 + 1)
            .all(self.0.reader())
            .await
            .map_err(StoreError::statement("look for wanted records"))?;
        Ok(rows.into_iter().find(|row| !in_flight.contains(&row.key.as_str())).map(WantedRecord::from))
    }

    /// Removes the row of a fetched record whose events are stored. Returns `true` if no
    /// notice arrived meanwhile; otherwise the row stays and is due again after `delay`.
    pub(super) async fn done(
        &self,
        source: &str,
        wanted: &WantedRecord,
        delay: Duration,
    ) -> Result<bool, StoreError> {
        let failed = StoreError::statement("note that a record was fetched");
        let deleted = Entity::delete_many()
            .filter(Column::Source.eq(source))
            .filter(Column::Key.eq(&wanted.key))
            .filter(Column::Asked.eq(wanted.asked))
            .filter(Column::WantedSince.eq(wanted.wanted_since))
            .exec(self.0.writer())
            .await
            .map_err(&failed)?;
        if deleted.rows_affected > 0 {
            return Ok(true);
        }
        let now = self.0.now().await?;
        Entity::update_many()
            .col_expr(Column::Attempts, 0.into())
            .col_expr(Column::LastError, Expr::value(Option::<String>::None))
            .col_expr(Column::WantedSince, now.into())
            .col_expr(Column::DueAt, later_micros(now, delay).into())
            .filter(Column::Source.eq(source))
            .filter(Column::Key.eq(&wanted.key))
            .exec(self.0.writer())
            .await
            .map_err(&failed)?;
        Ok(false)
    }

    /// Records the `attempts`-th failure that counts, and applies `next`. The row is not parked if another notice arrived
    /// meanwhile.
    pub(super) async fn failed(
        &self,
        source: &str,
        wanted: &WantedRecord,
        attempts: i32,
        why: &str,
        next: NextAttempt,
    ) -> Result<(), StoreError> {
        let failed = StoreError::statement("note that a record was not fetched");
        let now = self.0.now().await?;
        let why: String = why.chars().take(ERROR_CHARS_MAX).collect();
        let update = Entity::update_many()
            .col_expr(Column::LastError, why.into())
            .filter(Column::Source.eq(source))
            .filter(Column::Key.eq(&wanted.key));
        let update = match next {
            NextAttempt::Again(delay) => update
                .col_expr(Column::Attempts, attempts.into())
                .col_expr(Column::DueAt, later_micros(now, delay).into()),
            NextAttempt::Parked(delay) => {
                let state = |state: FetchState| format!("'{}'", state.as_str());
                let again = |then: &str, otherwise: &str| {
                    Expr::cust(format!("CASE WHEN asked = {} THEN {then} ELSE {otherwise} END", wanted.asked))
                };
                update
                    .col_expr(Column::State, again(&state(FetchState::Parked), &state(FetchState::Waiting)))
                    .col_expr(Column::Attempts, again(&attempts.to_string(), "0"))
                    .col_expr(Column::DueAt, again(&later_micros(now, delay).to_string(), &now.to_string()))
            }
        };
        update.exec(self.0.writer()).await.map_err(&failed)?;
        Ok(())
    }

    /// Returns the number of rows in each state.
    pub(super) async fn counts(&self, source: &str) -> Result<WantedCounts, StoreError> {
        let count = async |state: FetchState| {
            let rows = Entity::find()
                .filter(Column::Source.eq(source))
                .filter(Column::State.eq(state.as_str()))
                .count(self.0.reader())
                .await;
            Ok(i64::try_from(rows.map_err(StoreError::statement("count wanted records"))?)
                .unwrap_or(i64::MAX))
        };
        Ok(WantedCounts {
            waiting: count(FetchState::Waiting).await?,
            parked: count(FetchState::Parked).await?,
        })
    }
}

#[cfg(test)]
mod tests {
    use lifecycle::EventId;
    use store::testing::test_databases;
    use time::OffsetDateTime;

    use super::*;
    use crate::migrations::GatewayMigrator;

    fn left(key: &str) -> Vec<(ThinNotice, Option<TraceContext>)> {
        let at = OffsetDateTime::UNIX_EPOCH;
        let (source, key, hint) = ("hr".to_owned(), key.to_owned(), Some(EventKind::WorkerLeft));
        vec![(ThinNotice { id: EventId::of("hr", &key), source, key, at, accepted_at: at, hint }, None)]
    }

    #[tokio::test]
    async fn a_fetch_from_before_a_row_was_done_does_not_end_a_later_one() {
        for database in test_databases() {
            let table = WantedTable(Store::open::<GatewayMigrator>(&database.url).await.unwrap());
            table.want(left("p-1"), |_| Duration::ZERO).await.unwrap();
            let slow = table.first("hr", &[]).await.unwrap().unwrap();
            let quick = table.first("hr", &[]).await.unwrap().unwrap();
            assert!(table.done("hr", &quick, Duration::ZERO).await.unwrap());
            table.want(left("p-1"), |_| Duration::ZERO).await.unwrap();
            assert!(
                !table.done("hr", &slow, Duration::ZERO).await.unwrap(),
                "it was fetched before the notice"
            );
            let again = table.first("hr", &[]).await.unwrap().expect("the record is wanted still");
            assert!(table.done("hr", &again, Duration::ZERO).await.unwrap());
        }
    }
}
