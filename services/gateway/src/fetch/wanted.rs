//! Whose records are to be fetched: what is done with the rows.

use std::collections::BTreeMap;
use std::time::Duration;

use lifecycle::{EventKind, ThinNotice, TraceContext};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, Store, StoreError};

use super::row::{ActiveModel, Column, Entity, FetchState, Model};

/// Longest reason that is kept, in characters.
const ERROR_CHARS_MAX: usize = 300;

/// Somebody whose record is to be fetched.
#[derive(Debug, Clone)]
pub(super) struct WantedRecord {
    pub(super) key: String,
    /// How many notices there were when it was read.
    pub(super) asked: i64,
    pub(super) hint: Option<EventKind>,
    pub(super) attempts: i32,
    pub(super) due_at: i64,
    pub(super) parked: bool,
    pub(super) trace: Option<TraceContext>,
}

impl From<Model> for WantedRecord {
    fn from(row: Model) -> Self {
        Self {
            key: row.key,
            asked: row.asked,
            hint: row.hint.and_then(|hint| hint.parse().ok()),
            attempts: row.attempts,
            due_at: row.due_at,
            parked: row.state == FetchState::Parked.as_str(),
            trace: row.trace.and_then(|trace| trace.parse().ok()),
        }
    }
}

/// How many rows of a source are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct WantedCounts {
    pub(super) waiting: i64,
    pub(super) parked: i64,
}

/// What becomes of a row whose fetch failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextAttempt {
    /// It is tried again after so long.
    Again(Duration),
    /// It is put aside, and tried once more after so long.
    Parked(Duration),
}

/// The rows.
#[derive(Debug, Clone)]
pub(crate) struct WantedTable(pub(super) Store);

/// Coming and going; of anything else the record itself says what is to be known.
fn is_employment(kind: EventKind) -> bool {
    use EventKind::{WorkerDeleted, WorkerJoined, WorkerLeft, WorkerRehired};
    matches!(kind, WorkerJoined | WorkerLeft | WorkerRehired | WorkerDeleted)
}

/// One row for all notices about one person.
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

fn later_micros(now: i64, delay: Duration) -> i64 {
    now.saturating_add(i64::try_from(delay.as_micros()).unwrap_or(i64::MAX))
}

impl WantedTable {
    /// Takes note of notices, in one transaction. Whoever is waiting already waits no longer for it; whoever was put aside is
    /// tried again, for something has changed.
    pub(super) async fn want(
        &self,
        notices: Vec<(ThinNotice, Option<TraceContext>)>,
        delay: impl Fn(&str) -> Duration,
    ) -> Result<(), StoreError> {
        let failed = StoreError::statement("keep whose records are wanted");
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

    /// Who of `source` is due first, due or not yet, put aside or not; nobody of `in_flight`.
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

    /// The record is fetched and what it says is stored. Whether nobody asked for it again meanwhile; otherwise it is due again
    /// after `delay`.
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

    /// It failed, for the `attempts`-th time that counts: what becomes of it is `next`. Not put aside when somebody asked
    /// for it again meanwhile.
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

    /// How many rows there are.
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
