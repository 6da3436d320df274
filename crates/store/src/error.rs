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
    /// A stored state cannot be read: a newer version wrote it, or it is damaged.
    #[error("the stored state of {of} cannot be read")]
    Unreadable {
        /// The table and key.
        of: String,
        /// Why.
        #[source]
        source: serde_json::Error,
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

    /// Whether the database is there and refuses what it is asked to store, or what is stored cannot be read: doing the
    /// same again does not help, and everything else can be stored all the same.
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

/// The error code of the database, if it is one.
fn code_of(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner))) = error
    else {
        return None;
    };
    let sqlx::Error::Database(database) = inner.as_ref() else { return None };
    database.code().map(|code| code.into_owned())
}

/// PostgreSQL: data exceptions, violated constraints, limits of the program (an index entry that is too long), features
/// that there are not. SQLite: 18 too large, 19 and its extensions a violated constraint, 20 another type.
fn is_about_content(code: &str) -> bool {
    if code.len() == 5 {
        return ["0A", "21", "22", "23", "44", "54"].iter().any(|class| code.starts_with(class));
    }
    code.parse::<u32>().is_ok_and(|code| [18, 19, 20].contains(&(code & 0xff)))
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
