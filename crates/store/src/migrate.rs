//! Migration of the tables, by one process at a time.

use sea_orm::sqlx::{self, Connection as _, PgConnection};
use sea_orm::{DbBackend, DbErr, RuntimeErr};
use sea_orm_migration::MigratorTrait;

use crate::{Store, StoreError};

/// The key of PostgreSQL's advisory lock, which the migrating process holds: "usher" in ASCII.
const LOCK: i64 = 0x75_73_68_65_72;

/// Applies the missing migrations. If several processes start on one PostgreSQL database, one migrates and the others
/// wait for it.
///
/// # Errors
/// Returns an error if a newer version has migrated the database, or if a migration fails.
pub(crate) async fn apply_migrations<M: MigratorTrait>(store: &Store, url: &str) -> Result<(), StoreError> {
    let lock = match store.backend() {
        DbBackend::Postgres => Some(lock_migrations(url).await?),
        _ => None, // SQLite has one writer
    };
    refuse_newer::<M>(store).await?;
    M::up(store.writer(), None).await.map_err(StoreError::migrate)?;
    if let Some(connection) = lock {
        // The server releases the lock at the end of the session, also if the process dies.
        let _ = connection.close().await;
    }
    Ok(())
}

/// Opens a separate session that holds the lock.
async fn lock_migrations(url: &str) -> Result<PgConnection, StoreError> {
    let failed = |error: sqlx::Error| StoreError::migrate(DbErr::Conn(RuntimeErr::SqlxError(error.into())));
    let mut connection = PgConnection::connect(url).await.map_err(failed)?;
    let free: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(LOCK)
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
    if !free {
        tracing::info!("another process migrates the database: waiting for it");
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(LOCK)
            .execute(&mut connection)
            .await
            .map_err(failed)?;
    }
    Ok(connection)
}

/// Returns an error if the database has a migration that this version does not know.
async fn refuse_newer<M: MigratorTrait>(store: &Store) -> Result<(), StoreError> {
    M::install(store.writer()).await.map_err(StoreError::migrate)?;
    let applied = M::get_migration_models(store.writer()).await.map_err(StoreError::migrate)?;
    let known = M::migrations();
    let is_known = |version: &str| known.iter().any(|migration| migration.name() == version);
    match applied.into_iter().find(|row| !is_known(&row.version)) {
        Some(row) => Err(StoreError::Newer { migration: row.version }),
        None => Ok(()),
    }
}
