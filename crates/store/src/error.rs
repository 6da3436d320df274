//! Database errors, and whether a retry helps.

use retry::LostRace;
use sea_orm::{DbErr, RuntimeErr, SqlErr};

/// A failed database operation.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL has an unsupported scheme.
    #[error("the database URL must begin with sqlite: or postgres:")]
    UnknownScheme,
    /// The database could not be opened.
    #[error("could not open the database")]
    Open {
        /// The error of the database.
        #[source]
        source: DbErr,
    },
    /// The tables could not be migrated.
    #[error("could not migrate the database")]
    Migrate {
        /// The error of the database.
        #[source]
        source: DbErr,
    },
    /// A newer version has changed the tables.
    #[error(
        "the database was brought up to date by a newer version of Usher (it has `{migration}`, which this version does \
         not know): start that version or a later one; to go back, restore the database from before the upgrade"
    )]
    Newer {
        /// The name of a migration that the newer version applied.
        migration: String,
    },
    /// No transaction could be started.
    #[error("could not begin a transaction")]
    Begin {
        /// The error of the database.
        #[source]
        source: DbErr,
    },
    /// A stored state cannot be read: a newer version wrote it, or it is damaged.
    #[error("the stored state of {of} cannot be read")]
    Unreadable {
        /// The table and key.
        of: String,
        /// The error of the parser.
        #[source]
        source: serde_json::Error,
    },
    /// A statement or a commit failed.
    #[error("could not {operation}")]
    Statement {
        /// The operation, as a verb phrase.
        operation: &'static str,
        /// The error of the database.
        #[source]
        source: DbErr,
    },
}

impl LostRace for StoreError {
    fn is_lost_race(&self) -> bool {
        self.is_conflict()
    }
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

    /// Returns a closure for `map_err`: the statement that does `operation` (a verb phrase) failed.
    pub fn statement(operation: &'static str) -> impl Fn(DbErr) -> Self {
        move |source| Self::Statement { operation, source }
    }

    /// Returns whether another transaction won a conflict (unique violation, serialization failure, deadlock, busy).
    /// The whole transaction should be repeated on the current data.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Statement { source, .. } | Self::Begin { source } => {
                matches!(source.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) || is_retryable(source)
            }
            _ => false,
        }
    }

    /// Returns whether the database is available but refuses the content, or stored data cannot be read. A retry does
    /// not help; all other data can still be stored.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Unreadable { .. } => true,
            Self::Statement { source, .. } => match source {
                DbErr::Exec(_) | DbErr::Query(_) => {
                    !self.is_conflict() && code_of(source).is_some_and(|code| is_about_content(&code))
                }
                DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. } | DbErr::ConvertFromU64(_) => true,
                _ => false,
            },
            _ => false,
        }
    }
}

/// Returns the error code of the database, if the database reported the error.
fn code_of(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner))) = error
    else {
        return None;
    };
    let sqlx::Error::Database(database) = inner.as_ref() else { return None };
    database.code().map(|code| code.into_owned())
}

/// Returns whether the code is about the content of a statement. PostgreSQL: data exceptions, violated constraints, limits of the program
/// (an index entry that is too long), missing features. SQLite: 18 too large, 19 and its extensions a violated constraint, 20 another type.
fn is_about_content(code: &str) -> bool {
    if code.len() == 5 {
        return ["0A", "21", "22", "23", "44", "54"].iter().any(|class| code.starts_with(class));
    }
    code.parse::<u32>().is_ok_and(|code| [18, 19, 20].contains(&(code & 0xff)))
}

/// Returns whether the code asks for a retry. PostgreSQL: 40001 serialization failure, 40P01 deadlock, 55P03 lock not
/// available. SQLite: 5 busy, 517 busy snapshot, 6 locked.
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
