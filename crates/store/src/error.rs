//! What can go wrong with a database, and whether doing it again helps.

use sea_orm::{DbErr, RuntimeErr, SqlErr};

/// A failed database operation.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL is of no kind that is supported.
    #[error("the database URL must begin with sqlite: or postgres:")]
    UnknownScheme,
    /// The database could not be opened.
    #[error("could not open the database")]
    Open {
        /// Why.
        #[source]
        source: DbErr,
    },
    /// The tables could not be brought up to date.
    #[error("could not migrate the database")]
    Migrate {
        /// Why.
        #[source]
        source: DbErr,
    },
    /// A newer version has changed the tables.
    #[error(
        "the database was brought up to date by a newer version of Usher (it has `{migration}`, which this version does \
         not know): start that version or a later one; to go back, restore the database from before the upgrade"
    )]
    Newer {
        /// What that version applied.
        migration: String,
    },
    /// No transaction could be begun.
    #[error("could not begin a transaction")]
    Begin {
        /// Why.
        #[source]
        source: DbErr,
    },
    /// A statement or a commit failed.
    #[error("could not {operation}")]
    Statement {
        /// What was being done, as a verb phrase.
        operation: &'static str,
        /// Why.
        #[source]
        source: DbErr,
    },
}

impl StoreError {
    pub(crate) fn open(source: DbErr) -> Self {
        Self::Open { source }
    }

    pub(crate) fn migrate(source: DbErr) -> Self {
        Self::Migrate { source }
    }

    pub(crate) fn begin(source: DbErr) -> Self {
        Self::Begin { source }
    }

    /// For `map_err`: the statement that does `operation` (a verb phrase) failed.
    pub fn statement(operation: &'static str) -> impl Fn(DbErr) -> Self {
        move |source| Self::Statement { operation, source }
    }

    /// Whether somebody else was quicker (unique violation, serialization failure, deadlock, busy): the whole
    /// transaction should be done again on what is there now.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Statement { source, .. } | Self::Begin { source } => {
                matches!(source.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) || is_retryable(source)
            }
            _ => false,
        }
    }
}

/// PostgreSQL: 40001 serialization failure, 40P01 deadlock, 55P03 lock not available. SQLite: 5 busy, 517 busy
/// snapshot, 6 locked.
fn is_retryable(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(inner))
    | DbErr::Query(RuntimeErr::SqlxError(inner))
    | DbErr::Conn(RuntimeErr::SqlxError(inner))) = error
    else {
        return false;
    };
    let sqlx::Error::Database(database) = inner.as_ref() else { return false };
    let code = database.code();
    matches!(code.as_deref(), Some("40001" | "40P01" | "55P03" | "5" | "517" | "6"))
}
