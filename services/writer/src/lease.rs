//! Who owns a target: a row with an owner, a time and an epoch.
//!
//! The epoch rises with each acquisition, also by the same replica. Results are only committed in a transaction that
//! sees the epoch they were made under, so nothing that an old owner still had under way can overwrite newer state.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sea_orm::sea_query::LockType;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait,
    IntoActiveModel, QueryFilter, QuerySelect, Statement,
};
use store::{Store, StoreError};
use tokio::time::Instant;

use crate::rows::target;
use crate::{micros, now};

/// What `lease_until` says after an orderly end.
const RELEASED: i64 = 0;

/// The right to converge one target.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    target: String,
    owner: String,
    epoch: i64,
    length: Duration,
    after_crash: bool,
    /// Whether the owner before noted what it sent.
    noted: bool,
    /// Until when nobody else can have it.
    until: Arc<Mutex<Instant>>,
}

impl Lease {
    /// Takes the target unless somebody else holds it.
    ///
    /// # Errors
    /// As the database reports them.
    pub(crate) async fn acquire(
        store: &Store,
        target: &str,
        owner: &str,
        length: Duration,
    ) -> Result<Option<Self>, StoreError> {
        let asked_at = Instant::now();
        let tx = store.begin().await?;
        let row = target::Entity::find_by_id(target.to_owned())
            .lock(LockType::Update)
            .one(&tx)
            .await
            .map_err(StoreError::statement("read the lease"))?;
        let now = database_now(store, &tx).await?;
        let lease_until = now.saturating_add(i64::try_from(length.as_micros()).unwrap_or(i64::MAX));
        let epoch = match &row {
            Some(row) if row.owner.as_deref().is_some_and(|o| o != owner) && row.lease_until > now => {
                return Ok(None);
            }
            Some(row) => row.epoch + 1,
            None => 1,
        };
        let after_crash = row.as_ref().is_some_and(|row| row.lease_until != RELEASED);
        let noted = row.as_ref().is_none_or(|row| row.noting_epoch == row.epoch);
        let new = target::Model {
            name: target.to_owned(),
            owner: Some(owner.to_owned()),
            epoch,
            lease_until,
            noting_epoch: epoch,
        };
        let active = new.into_active_model().reset_all();
        let written = match row {
            Some(_) => active.update(&tx).await.map(|_| ()),
            None => active.insert(&tx).await.map(|_| ()),
        };
        written.map_err(StoreError::statement("write the lease"))?;
        tx.commit().await.map_err(StoreError::statement("write the lease"))?;
        Ok(Some(Self {
            target: target.to_owned(),
            owner: owner.to_owned(),
            epoch,
            length,
            after_crash,
            noted,
            until: Arc::new(Mutex::new(asked_at + length)),
        }))
    }

    /// Keeps the target for another term; `false` when somebody else has taken it.
    ///
    /// # Errors
    /// As the database reports them; the lease then runs out unless a later renewal succeeds.
    pub(crate) async fn renew(&self, store: &Store) -> Result<bool, StoreError> {
        let asked_at = Instant::now();
        let length = i64::try_from(self.length.as_micros()).unwrap_or(i64::MAX);
        if !self
            .set_lease_until(store, async |tx| Ok(database_now(store, tx).await?.saturating_add(length)))
            .await?
        {
            return Ok(false);
        }
        *self.until.lock().expect("nothing panics while holding it") = asked_at + self.length;
        Ok(true)
    }

    /// Lets another replica have the target at once.
    ///
    /// # Errors
    /// As the database reports them; the lease then runs out by itself.
    pub(crate) async fn release(&self, store: &Store) -> Result<(), StoreError> {
        // Before anybody else can have it: nothing more is sent under this lease.
        *self.until.lock().expect("nothing panics while holding it") = Instant::now();
        self.set_lease_until(store, async |_| Ok(RELEASED)).await.map(|_| ())
    }

    async fn set_lease_until(
        &self,
        store: &Store,
        until: impl AsyncFnOnce(&DatabaseTransaction) -> Result<i64, StoreError>,
    ) -> Result<bool, StoreError> {
        let tx = store.begin().await?;
        let until = until(&tx).await?;
        let updated = target::Entity::update_many()
            .col_expr(target::Column::LeaseUntil, until.into())
            .filter(target::Column::Name.eq(&self.target))
            .filter(target::Column::Epoch.eq(self.epoch))
            .filter(target::Column::Owner.eq(&self.owner))
            .exec(&tx)
            .await
            .map_err(StoreError::statement("renew the lease"))?;
        tx.commit().await.map_err(StoreError::statement("renew the lease"))?;
        Ok(updated.rows_affected == 1)
    }

    /// Whether a request that takes up to `timeout` ends before anybody else can have the target.
    pub(crate) fn covers(&self, timeout: Duration) -> bool {
        *self.until.lock().expect("nothing panics while holding it") > Instant::now() + timeout
    }

    /// Whether this is still the epoch in force, within a transaction; keeps it so until the transaction ends.
    ///
    /// # Errors
    /// As the database reports them.
    pub(crate) async fn in_force(&self, tx: &DatabaseTransaction) -> Result<bool, StoreError> {
        self.check(tx, LockType::Share).await
    }

    /// The same, and lets nothing else be decided or committed under the lease meanwhile: what this transaction counts
    /// stays so until it ends.
    ///
    /// # Errors
    /// As the database reports them.
    pub(crate) async fn in_force_alone(&self, tx: &DatabaseTransaction) -> Result<bool, StoreError> {
        self.check(tx, LockType::Update).await
    }

    async fn check(&self, tx: &DatabaseTransaction, lock: LockType) -> Result<bool, StoreError> {
        let row = target::Entity::find_by_id(self.target.clone())
            .lock(lock)
            .one(tx)
            .await
            .map_err(StoreError::statement("check the lease"))?;
        Ok(row.is_some_and(|row| row.epoch == self.epoch && row.owner.as_deref() == Some(&self.owner)))
    }

    /// Rises by one with each change of owner.
    pub(crate) fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Whether the owner before did not release it: requests may have been under way.
    pub(crate) fn after_crash(&self) -> bool {
        self.after_crash
    }

    /// Whether the owner before noted what it was about to send, so that nothing else is in doubt.
    pub(crate) fn is_noted(&self) -> bool {
        self.noted
    }

    /// How long a term is.
    pub(crate) fn length(&self) -> Duration {
        self.length
    }
}

/// The time by the clock that all replicas share; microseconds since the Unix epoch. Those of the replicas may differ by more
/// than a term.
pub(crate) async fn database_now(store: &Store, tx: &DatabaseTransaction) -> Result<i64, StoreError> {
    if store.backend() != DbBackend::Postgres {
        return Ok(micros(now())); // SQLite's replicas are on one machine
    }
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now";
    let row = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
    let row = row.map_err(StoreError::statement("ask for the time"))?;
    let told = row.map(|row| row.try_get("", "now")).transpose();
    Ok(told.map_err(StoreError::statement("ask for the time"))?.unwrap_or_else(|| micros(now())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Migrator;

    #[tokio::test]
    async fn one_owner_at_a_time_and_an_old_epoch_is_refused() {
        for database in store::testing::databases() {
            let store = Store::open::<Migrator>(&database.url).await.unwrap();
            let term = Duration::from_secs(60);
            let first = Lease::acquire(&store, "zscaler", "a", term).await.unwrap().unwrap();
            assert!(
                Lease::acquire(&store, "zscaler", "b", term).await.unwrap().is_none(),
                "{}",
                database.name
            );
            assert!(first.renew(&store).await.unwrap());
            assert!(first.covers(Duration::from_secs(10)) && !first.covers(Duration::from_secs(61)));

            first.release(&store).await.unwrap();
            let second = Lease::acquire(&store, "zscaler", "b", term).await.unwrap().unwrap();
            assert!(!first.renew(&store).await.unwrap(), "{}", database.name);
            let tx = store.begin().await.unwrap();
            assert!(!first.in_force(&tx).await.unwrap());
            assert!(second.in_force(&tx).await.unwrap());
            tx.commit().await.unwrap();

            let restarted = Lease::acquire(&store, "zscaler", "b", term).await.unwrap().unwrap();
            let tx = store.begin().await.unwrap();
            assert!(restarted.in_force(&tx).await.unwrap() && !second.in_force(&tx).await.unwrap());
        }
    }
}
