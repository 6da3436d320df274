//! Leases for work that only one replica may do at a time: a row with an owner, a time and an epoch.
//!
//! The time is that of the database, which all replicas share. The owner renews its lease well before it expires. An
//! owner that cannot renew it has lost it, and another replica takes over. The epoch rises with each acquisition.

use std::time::Duration;

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sea_orm_migration::prelude::{ColumnDef, SchemaManager, Table};
use time::OffsetDateTime;

use crate::{Store, StoreError};

/// The value of `lease_until` after a release.
const RELEASED: i64 = 0;

/// A lease: the exclusive right to do the work that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLease {
    service: &'static str,
    name: String,
    owner: String,
    epoch: i64,
    length: Duration,
}

/// Returns the name of the service's table of leases.
fn lease_table(service: &str) -> Alias {
    Alias::new(format!("{service}_leases"))
}

/// Creates the table of the service's leases; for use in a migration.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn create_leases(manager: &SchemaManager<'_>, service: &str) -> Result<(), sea_orm::DbErr> {
    let statement = Table::create()
        .table(lease_table(service))
        .col(ColumnDef::new("name").text().not_null().primary_key())
        .col(ColumnDef::new("owner").text().not_null())
        .col(ColumnDef::new("epoch").big_integer().not_null())
        .col(ColumnDef::new("lease_until").big_integer().not_null())
        .take();
    manager.create_table(statement).await
}

/// Drops the table of the service's leases; for use in a migration.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn drop_leases(manager: &SchemaManager<'_>, service: &str) -> Result<(), sea_orm::DbErr> {
    manager.drop_table(Table::drop().table(lease_table(service)).take()).await
}

impl TableLease {
    /// Acquires `name` for `length`, unless an owner other than `owner` holds it.
    ///
    /// # Errors
    /// Returns the error that the database reports.
    pub async fn acquire(
        store: &Store,
        service: &'static str,
        name: &str,
        owner: &str,
        length: Duration,
    ) -> Result<Option<Self>, StoreError> {
        let now = store.now().await?;
        let table = format!("{service}_leases");
        let sql = format!(
            "INSERT INTO {table} (name, owner, epoch, lease_until) VALUES ($1, $2, 1, $3) \
             ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, epoch = {table}.epoch + 1, \
             lease_until = excluded.lease_until \
             WHERE {table}.owner = excluded.owner OR {table}.lease_until <= $4 RETURNING epoch"
        );
        let values = [name.into(), owner.into(), lease_end(now, length).into(), now.into()];
        let statement = Statement::from_sql_and_values(store.backend(), sql, values);
        let failed = StoreError::statement("take a lease");
        let row = store.writer().query_one_raw(statement).await.map_err(&failed)?;
        let epoch: Option<i64> = row.map(|row| row.try_get("", "epoch")).transpose().map_err(&failed)?;
        Ok(epoch.map(|epoch| Self { service, name: name.to_owned(), owner: owner.to_owned(), epoch, length }))
    }

    /// Renews the lease for another term. Returns `false` if another owner holds it now.
    ///
    /// # Errors
    /// Returns the error that the database reports. The lease then expires unless a later renewal succeeds.
    pub async fn renew(&self, store: &Store) -> Result<bool, StoreError> {
        let until = lease_end(store.now().await?, self.length);
        self.set(store, until).await
    }

    /// Releases the lease, so that another replica can acquire it at once.
    ///
    /// # Errors
    /// Returns the error that the database reports. The lease then expires without a release.
    pub async fn release(&self, store: &Store) -> Result<(), StoreError> {
        self.set(store, RELEASED).await.map(|_| ())
    }

    async fn set(&self, store: &Store, until: i64) -> Result<bool, StoreError> {
        let statement = Query::update()
            .table(lease_table(self.service))
            .value(Alias::new("lease_until"), until)
            .and_where(Expr::col(Alias::new("name")).eq(self.name.as_str()))
            .and_where(Expr::col(Alias::new("owner")).eq(self.owner.as_str()))
            .and_where(Expr::col(Alias::new("epoch")).eq(self.epoch))
            .to_owned();
        let result = store.writer().execute(&statement).await;
        Ok(result.map_err(StoreError::statement("renew a lease"))?.rows_affected() == 1)
    }
}

/// Returns the time at which a lease of `length` that starts at `now` expires.
fn lease_end(now: i64, length: Duration) -> i64 {
    now.saturating_add(i64::try_from(length.as_micros()).unwrap_or(i64::MAX))
}

impl Store {
    /// Returns the time by the clock that all replicas share, in microseconds since the Unix epoch. The replicas' own
    /// clocks may differ by more than the measured durations. SQLite's replicas are on one machine.
    ///
    /// # Errors
    /// Returns the error that the database reports.
    pub async fn now(&self) -> Result<i64, StoreError> {
        let ours =
            || i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
        if self.backend() != DbBackend::Postgres {
            return Ok(ours());
        }
        let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now";
        let failed = StoreError::statement("ask for the time");
        let row = self.reader().query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
        let told = row.map_err(&failed)?.map(|row| row.try_get("", "now")).transpose();
        Ok(told.map_err(&failed)?.unwrap_or_else(ours))
    }
}
