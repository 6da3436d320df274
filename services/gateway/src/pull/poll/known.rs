//! The table of rows that earlier readings of a list have seen.

use std::collections::HashMap;

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, Store, StoreError};

use super::row::{ActiveModel, Column, Entity, Model};

/// The maximum number of future rows that are tracked; more than anyone plans.
const FUTURE_MAX: u64 = 100_000;

/// The identity of a row: the person's key, and the time at which it takes effect.
pub(super) type RowName = (String, i64);

/// The known rows of one list.
#[derive(Debug, Clone)]
pub(super) struct KnownRows {
    pub(super) store: Store,
    pub(super) poll: String,
}

impl KnownRows {
    /// Returns the hashes of the known rows of these people.
    pub(super) async fn hashes(&self, keys: &[&str]) -> Result<HashMap<RowName, String>, StoreError> {
        let mut hashes = HashMap::new();
        for some in keys.chunks(ROWS_PER_STATEMENT_MAX) {
            let rows = Entity::find()
                .filter(Column::Poll.eq(&self.poll))
                .filter(Column::Key.is_in(some.iter().copied()))
                .all(self.store.reader())
                .await
                .map_err(StoreError::statement("look up rows of a list"))?;
            hashes.extend(rows.into_iter().map(|row| ((row.key, row.effective_at), row.hash)));
        }
        Ok(hashes)
    }

    /// Stores rows whose events are stored, or that were known before.
    pub(super) async fn keep(&self, rows: Vec<Model>) -> Result<(), StoreError> {
        let failed = StoreError::statement("keep rows of a list");
        // One statement cannot change the same row twice, so of two rows with the same name the later one counts.
        let by_name: HashMap<RowName, Model> =
            rows.into_iter().map(|row| ((row.key.clone(), row.effective_at), row)).collect();
        let rows: Vec<ActiveModel> = by_name.into_values().map(all_set).collect();
        let tx = self.store.begin().await?;
        for some in rows.chunks(ROWS_PER_STATEMENT_MAX) {
            let columns = [Column::Hash, Column::Departs, Column::SeenAt];
            let replace = OnConflict::columns([Column::Poll, Column::Key, Column::EffectiveAt])
                .update_columns(columns)
                .to_owned();
            let insert = Entity::insert_many(some.to_vec()).on_conflict(replace);
            insert.exec_without_returning(&tx).await.map_err(&failed)?;
        }
        tx.commit().await.map_err(&failed)
    }

    /// Returns the rows that take effect after `now`, by person.
    pub(super) async fn future(&self, now: i64) -> Result<HashMap<String, Vec<Model>>, StoreError> {
        let rows = Entity::find()
            .filter(Column::Poll.eq(&self.poll))
            .filter(Column::EffectiveAt.gt(now))
            .order_by_asc(Column::EffectiveAt)
            .limit(FUTURE_MAX)
            .all(self.store.reader())
            .await
            .map_err(StoreError::statement("look for rows of days to come"))?;
        let mut future: HashMap<String, Vec<Model>> = HashMap::new();
        for row in rows {
            future.entry(row.key.clone()).or_default().push(row);
        }
        Ok(future)
    }

    /// Deletes a row that was withdrawn.
    pub(super) async fn forget(&self, key: &str, effective_at: i64) -> Result<(), StoreError> {
        let name = (self.poll.clone(), key.to_owned(), effective_at);
        let deleted = Entity::delete_by_id(name).exec(self.store.writer()).await;
        deleted.map(|_| ()).map_err(StoreError::statement("forget a row of a list"))
    }

    /// Deletes rows that were last seen before `before` and are in effect already; no reading returns them again.
    pub(super) async fn forget_before(&self, before: i64, now: i64) -> Result<(), StoreError> {
        let deleted = Entity::delete_many()
            .filter(Column::Poll.eq(&self.poll))
            .filter(Column::SeenAt.lt(before))
            .filter(Column::EffectiveAt.lte(now))
            .exec(self.store.writer())
            .await;
        deleted.map(|_| ()).map_err(StoreError::statement("forget old rows of a list"))
    }
}

fn all_set(row: Model) -> ActiveModel {
    ActiveModel {
        poll: ActiveValue::Set(row.poll),
        key: ActiveValue::Set(row.key),
        effective_at: ActiveValue::Set(row.effective_at),
        hash: ActiveValue::Set(row.hash),
        departs: ActiveValue::Set(row.departs),
        seen_at: ActiveValue::Set(row.seen_at),
    }
}
