//! The lease of a target: a row with an owner, an expiry time and an epoch.
//!
//! The epoch rises with each acquisition, also by the same replica. Results are only committed in a transaction that sees
//! the epoch they were made under, so no request that an old owner still had under way can overwrite newer state.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait,
    IntoActiveModel, QueryFilter, QuerySelect, Statement,
};
use store::{Store, StoreError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::rows::stored;
use crate::rows::target;
use crate::{micros, now};

/// The SQL expression for PostgreSQL's clock in microseconds since the Unix epoch.
const CLOCK: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
/// The value of `lease_until` after an orderly release.
const RELEASED: i64 = 0;

/// The right to converge one target.
#[derive(Debug, Clone)]
pub(crate) struct TargetLease {
    target: String,
    owner: String,
    epoch: i64,
    length: Duration,
    after_crash: bool,
    /// True if the previous owner noted its requests before it sent them.
    noted: bool,
    /// True if it was taken from another replica that had not released it.
    taken: bool,
    /// The time until which no other replica can have the target. It is measured by our own monotonic clock: one term after the start of
    /// the last successful renewal. A process that was stopped finds the lease expired when it goes on.
    until: Arc<Mutex<Instant>>,
    /// Cancelled when another replica has the target.
    lost: CancellationToken,
}

impl TargetLease {
    /// Takes the target unless another replica holds it.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn acquire(
        store: &Store,
        target: &str,
        owner: &str,
        length: Duration,
    ) -> Result<Option<Self>, StoreError> {
        let asked_at = Instant::now();
        if is_held_by_another(store, target, owner).await? {
            return Ok(None);
        }
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
        let taken = after_crash && row.as_ref().is_some_and(|row| row.owner.as_deref() != Some(owner));
        let noted = row.as_ref().is_none_or(|row| row.noting_epoch == row.epoch);
        let new = target::Model {
            name: target.to_owned(),
            owner: Some(owner.to_owned()),
            epoch,
            lease_until,
            noting_epoch: epoch,
            circuit: None,
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
            taken,
            until: Arc::new(Mutex::new(asked_at + length)),
            lost: CancellationToken::new(),
        }))
    }

    /// Renews the lease for another term, also if it had expired and no other replica took it. Returns `false` if another replica did.
    ///
    /// # Errors
    /// Returns an error if the database fails. No request is sent from the end of the term until a later renewal succeeds.
    pub(crate) async fn renew(&self, store: &Store) -> Result<bool, StoreError> {
        let asked_at = Instant::now();
        let length = i64::try_from(self.length.as_micros()).unwrap_or(i64::MAX);
        let until = if store.backend() == DbBackend::Postgres {
            Expr::cust(format!("{CLOCK} + {length}"))
        } else {
            Expr::value(micros(now()).saturating_add(length))
        };
        if !self.set_lease_until(store, until).await? {
            self.lost.cancel();
            return Ok(false);
        }
        *self.until.lock().expect("nothing panics while holding it") = asked_at + self.length;
        Ok(true)
    }

    /// Releases the lease, so that another replica can have the target at once.
    ///
    /// # Errors
    /// Returns an error if the database fails. The lease then expires by itself.
    pub(crate) async fn release(&self, store: &Store) -> Result<(), StoreError> {
        // This comes before the release in the database: no more requests are sent under this lease.
        *self.until.lock().expect("nothing panics while holding it") = Instant::now();
        self.set_lease_until(store, Expr::value(RELEASED)).await.map(|_| ())
    }

    /// Stores the reason why the circuit is open, for the other replicas. Does nothing if another replica has the target.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn tell_circuit(&self, store: &Store, reason: Option<&str>) -> Result<(), StoreError> {
        target::Entity::update_many()
            .col_expr(target::Column::Circuit, Expr::value(reason.map(stored::stored_text)))
            .filter(target::Column::Name.eq(&self.target))
            .filter(target::Column::Epoch.eq(self.epoch))
            .filter(target::Column::Owner.eq(&self.owner))
            .exec(store.writer())
            .await
            .map_err(StoreError::statement("write down why requests do not flow"))?;
        Ok(())
    }

    /// Sets the end of the lease if it is still ours and not released. Returns whether it was set.
    async fn set_lease_until(&self, store: &Store, until: Expr) -> Result<bool, StoreError> {
        let updated = target::Entity::update_many()
            .col_expr(target::Column::LeaseUntil, until)
            .filter(target::Column::Name.eq(&self.target))
            .filter(target::Column::Epoch.eq(self.epoch))
            .filter(target::Column::Owner.eq(&self.owner))
            .filter(target::Column::LeaseUntil.ne(RELEASED)) // a renewal that comes late extends nothing
            .exec(store.writer())
            .await
            .map_err(StoreError::statement("renew the lease"))?;
        Ok(updated.rows_affected == 1)
    }

    /// Returns `true` while no other replica can have the target: a request may begin.
    pub(crate) fn is_ours(&self) -> bool {
        let until = *self.until.lock().expect("nothing panics while holding it");
        !self.is_lost() && Instant::now() < until
    }

    /// Returns `true` once another replica has the target.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.is_cancelled()
    }

    /// Waits until another replica has the target.
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Returns whether this is still the epoch in force, and keeps it so until the transaction ends. Renewals do not wait
    /// for the transaction.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn in_force(&self, tx: &DatabaseTransaction) -> Result<bool, StoreError> {
        self.check(tx, LockType::KeyShare).await
    }

    /// Checks the epoch like [`TargetLease::in_force`], and locks out all other decisions and commits under the lease:
    /// the counts of this transaction stay valid until it ends.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn in_force_alone(&self, tx: &DatabaseTransaction) -> Result<bool, StoreError> {
        self.check(tx, LockType::Update).await
    }

    /// Checks the epoch under a lock of this strength. Marks the lease as lost if it is not ours.
    async fn check(&self, tx: &DatabaseTransaction, lock: LockType) -> Result<bool, StoreError> {
        let row = target::Entity::find_by_id(self.target.clone())
            .lock(lock)
            .one(tx)
            .await
            .map_err(StoreError::statement("check the lease"))?;
        let is_ours =
            row.is_some_and(|row| row.epoch == self.epoch && row.owner.as_deref() == Some(&self.owner));
        if !is_ours {
            self.lost.cancel();
        }
        Ok(is_ours)
    }

    /// Returns the name of the target.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// Returns whether another replica owned the target before and did not release it. It may still have requests under way.
    pub(crate) fn was_taken(&self) -> bool {
        self.taken
    }

    /// Returns the epoch. It rises by one with each acquisition.
    pub(crate) fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Returns whether the previous owner did not release the lease: requests may have been under way.
    pub(crate) fn after_crash(&self) -> bool {
        self.after_crash
    }

    /// Returns whether the previous owner noted its requests before it sent them, so that no other rows are in doubt.
    pub(crate) fn is_noted(&self) -> bool {
        self.noted
    }

    /// Returns the length of a term.
    pub(crate) fn length(&self) -> Duration {
        self.length
    }
}

/// Returns whether another replica seems to hold the lease. It reads without a lock, and decides nothing.
async fn is_held_by_another(store: &Store, target: &str, owner: &str) -> Result<bool, StoreError> {
    let row = target::Entity::find_by_id(target.to_owned())
        .one(store.reader())
        .await
        .map_err(StoreError::statement("read the lease"))?;
    Ok(row.is_some_and(|row| {
        row.owner.as_deref().is_some_and(|other| other != owner) && row.lease_until > micros(now())
    }))
}

/// Returns the time of the clock that all replicas share, in microseconds since the Unix epoch. The clocks of the
/// replicas may differ by more than a term.
pub(crate) async fn database_now(store: &Store, tx: &DatabaseTransaction) -> Result<i64, StoreError> {
    if store.backend() != DbBackend::Postgres {
        return Ok(micros(now())); // SQLite's replicas are on one machine
    }
    let sql = format!("SELECT {CLOCK} AS now");
    let row = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
    let row = row.map_err(StoreError::statement("ask for the time"))?;
    let told = row.map(|row| row.try_get("", "now")).transpose();
    Ok(told.map_err(StoreError::statement("ask for the time"))?.unwrap_or_else(|| micros(now())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WriterMigrator;

    #[tokio::test]
    async fn one_owner_at_a_time_and_an_old_epoch_is_refused() {
        for database in store::testing::test_databases() {
            let store = Store::open::<WriterMigrator>(&database.url).await.unwrap();
            let term = Duration::from_secs(60);
            let first = TargetLease::acquire(&store, "zscaler", "a", term).await.unwrap().unwrap();
            assert!(
                TargetLease::acquire(&store, "zscaler", "b", term).await.unwrap().is_none(),
                "{}",
                database.name
            );
            assert!(first.renew(&store).await.unwrap());
            assert!(first.is_ours() && !first.is_lost());

            first.release(&store).await.unwrap();
            let second = TargetLease::acquire(&store, "zscaler", "b", term).await.unwrap().unwrap();
            assert!(!first.renew(&store).await.unwrap(), "{}", database.name);
            assert!(first.is_lost() && !first.is_ours() && second.is_ours());
            let tx = store.begin().await.unwrap();
            assert!(!first.in_force(&tx).await.unwrap());
            assert!(second.in_force(&tx).await.unwrap());
            tx.commit().await.unwrap();

            let restarted = TargetLease::acquire(&store, "zscaler", "b", term).await.unwrap().unwrap();
            let tx = store.begin().await.unwrap();
            assert!(restarted.in_force(&tx).await.unwrap() && !second.in_force(&tx).await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_term_that_is_over_lets_nothing_be_sent_and_is_lost_only_to_another_replica() {
        for database in store::testing::test_databases() {
            let store = Store::open::<WriterMigrator>(&database.url).await.unwrap();
            let term = Duration::from_secs(60);
            let lease = TargetLease::acquire(&store, "zscaler", "a", term).await.unwrap().unwrap();
            // This simulates a stop of the process: the clock goes on while the process does not.
            tokio::time::pause();
            tokio::time::advance(term).await;
            tokio::time::resume();
            assert!(!lease.is_ours() && !lease.is_lost(), "{}", database.name);
            assert!(lease.renew(&store).await.unwrap(), "{}: no other replica took it", database.name);
            assert!(lease.is_ours());
            let tx = store.begin().await.unwrap();
            assert!(lease.in_force(&tx).await.unwrap(), "what was done before counts");
        }
    }

    #[tokio::test]
    async fn a_renewal_does_not_wait_for_a_commit_and_another_replica_does() {
        let Some(database) = store::testing::postgres_database() else { return };
        let store = Store::open::<WriterMigrator>(&database.url).await.unwrap();
        let lease =
            TargetLease::acquire(&store, "zscaler", "a", Duration::from_micros(1)).await.unwrap().unwrap();
        let tx = store.begin().await.unwrap();
        assert!(lease.in_force(&tx).await.unwrap());
        assert!(lease.renew(&store).await.unwrap());
        let (other, term) = (store.clone(), Duration::from_secs(60));
        let mut taking = tokio::spawn(async move {
            TargetLease::acquire(&other, "zscaler", "b", term).await.unwrap().is_some()
        });
        let waited = tokio::time::timeout(Duration::from_millis(200), &mut taking).await;
        assert!(waited.is_err(), "not before what is being committed is committed");
        tx.commit().await.unwrap();
        assert!(taking.await.unwrap());
        assert!(!lease.renew(&store).await.unwrap());
    }
}
