//! Access to SQLite and PostgreSQL: opening by URL, durability settings, migrations, transactions, the outbox.
//!
//! Services own their tables, prefixed with the service's name. This crate owns only the outbox, which it creates once
//! per service. It does not know the meaning of the rows.
//!
//! SQLite gets one write connection (`BEGIN IMMEDIATE`, WAL, `synchronous=FULL`), because it has no group commit and
//! its busy handler starves writers. Services put many changes into each transaction instead. PostgreSQL groups
//! parallel commits, so it gets a pool.
//!
//! To add a database: 1. a feature in the root `Cargo.toml`, 2. a case in [`Store::open`] and in
//! [`StoreError::is_conflict`], 3. a case in [`testing`].

pub mod clock;
mod error;
mod halves;
pub mod lease;
mod migrate;
pub mod outbox;
pub mod ownership;
mod position;
pub mod quarantine;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, sqlx,
};
use sea_orm_migration::MigratorTrait;

pub use error::StoreError;
pub use halves::BatchHalves;
use migrate::apply_migrations;
pub use position::{ListPosition, cut_to_limit};

/// The maximum number of rows per multi-row statement. SQLite and PostgreSQL both allow at least 32,766 bound values.
pub const ROWS_PER_STATEMENT_MAX: usize = 500;

/// The maximum number of read connections to SQLite.
const READ_CONNECTIONS_MAX: u32 = 4;
/// The maximum number of connections to PostgreSQL.
const POSTGRES_CONNECTIONS_MAX: u32 = 16;
/// The time to wait for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// The session setting that ends idle transactions. The time is far longer than any transaction waits between two statements, and no longer
/// than a lease: a process that was stopped within a transaction does not keep another replica from taking over.
const IDLE_IN_TRANSACTION_MAX: &str = "SET idle_in_transaction_session_timeout = '4s'";

/// An open database.
#[derive(Debug, Clone)]
pub struct Store {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
}

impl Store {
    /// Opens `url` (`sqlite://PATH?mode=rwc` or `postgres://...`) and migrates the service's tables.
    ///
    /// # Errors
    /// Returns an error if the database cannot be reached, the URL has another scheme, a newer version has migrated the
    /// database, or a migration fails. The URL is never part of the message, because it may contain a password.
    pub async fn open<M: MigratorTrait>(url: &str) -> Result<Self, StoreError> {
        let store = Self::connect(url).await?;
        apply_migrations::<M>(&store, url).await?;
        Ok(store)
    }

    /// Opens `url` without touching its tables.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::open`].
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") {
            let writer = sqlite_options(url, 1).await?;
            let reader = sqlite_options(url, READ_CONNECTIONS_MAX).await?;
            Ok(Self { writer, reader })
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let mut options = ConnectOptions::new(url);
            options
                .max_connections(POSTGRES_CONNECTIONS_MAX)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .sqlx_logging(false)
                .map_sqlx_postgres_pool_opts(|pool| {
                    pool.after_connect(|connection, _| Box::pin(end_forgotten_transactions(connection)))
                });
            let pool = Database::connect(options).await.map_err(StoreError::open)?;
            Ok(Self { writer: pool.clone(), reader: pool })
        } else {
            Err(StoreError::UnknownScheme)
        }
    }

    /// Starts a transaction that may write. On SQLite it waits for the transaction before it.
    ///
    /// # Errors
    /// Returns an error if no connection is available.
    pub async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: (self.backend() == DbBackend::Sqlite)
                .then_some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.writer.begin_with_options(options).await.map_err(StoreError::begin)
    }

    /// Writes all committed data, as of one moment, into a new SQLite file. Other connections can keep writing.
    ///
    /// # Errors
    /// Returns an error if the database is not SQLite, or if `path` exists or cannot be written.
    pub async fn copy_to(&self, path: &str) -> Result<(), StoreError> {
        let failed = StoreError::statement("copy the database");
        let statement = Statement::from_sql_and_values(self.backend(), "VACUUM INTO ?", [path.into()]);
        self.reader.execute_raw(statement).await.map(drop).map_err(failed)
    }

    /// Closes every connection. The last one checkpoints the write-ahead log of a SQLite file.
    ///
    /// # Errors
    /// Returns the error that the database reports.
    pub async fn close(self) -> Result<(), StoreError> {
        self.reader.close().await.map_err(StoreError::statement("close the database"))?;
        self.writer.close().await.map_err(StoreError::statement("close the database"))
    }

    /// Returns the connection for reads outside of a transaction.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Returns the connection for migrations and single statements outside of a transaction.
    pub fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// Returns the kind of the database.
    pub fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }
}

/// Sets the timeout of idle transactions. A process that is stopped within a transaction (a paused machine, a cut network) keeps its locks
/// as long as the server considers the connection alive. Without the timeout, the replica that takes over would wait for hours.
async fn end_forgotten_transactions(connection: &mut sqlx::PgConnection) -> Result<(), sqlx::Error> {
    sqlx::Executor::execute(connection, IDLE_IN_TRANSACTION_MAX).await.map(|_| ())
}

/// The number of rows buffered between SQLite's thread and the caller. With few, the two threads wake each other for
/// every handful of a long result.
const ROW_BUFFER: usize = 2_048;

/// Opens a pool of `connections` to a SQLite file with the durability settings.
async fn sqlite_options(url: &str, connections: u32) -> Result<DatabaseConnection, StoreError> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .pragma("journal_mode", "WAL")
                .pragma("synchronous", "FULL") // NORMAL may lose the last transactions when the power fails
                .pragma("foreign_keys", "ON")
                .pragma("temp_store", "MEMORY")
                .pragma("cache_size", "-32768")
                .busy_timeout(Duration::from_secs(20))
                .row_buffer_size(ROW_BUFFER) // rows come from another thread
        });
    Database::connect(options).await.map_err(StoreError::open)
}

#[cfg(test)]
mod tests;
