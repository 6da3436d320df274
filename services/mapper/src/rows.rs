//! The mapper's tables as types, and writing rows under optimistic concurrency.

pub(crate) mod chain;
pub(crate) mod chain_head;
pub(crate) mod desired;
pub(crate) mod edge;
pub(crate) mod feed_departure;
pub(crate) mod feed_person;
pub(crate) mod feed_row;
pub(crate) mod feed_run;
pub(crate) mod feed_unread;
pub(crate) mod finding;
pub(crate) mod former_login;
pub(crate) mod group;
pub(crate) mod identity;
pub(crate) mod inbox;
pub(crate) mod login;
pub(crate) mod match_value;
pub(crate) mod obligation;
pub(crate) mod order;
pub(crate) mod other_accounts;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod policy_file;
pub(crate) mod record;
pub(crate) mod restored_target;
pub(crate) mod setting;
pub(crate) mod sweep;
pub(crate) mod verdict;
pub(crate) mod verification;

use retry::LostRace;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, IdenStatic, IntoActiveModel, Iterable};
use serde::de::DeserializeOwned;
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

/// Stands in place of a fingerprint if an input of the decision has changed since.
pub(crate) const STALE: &str = "stale";

/// Errors of writing rows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SaveError {
    /// Another replica changed one of the rows since they were read.
    #[error("another replica changed a row first")]
    Overtaken,
    /// The database failed.
    #[error("could not save the batch")]
    Store(#[source] StoreError),
    /// The work on the batch panicked, which is a bug. Nothing of the batch was written.
    #[error("processing the batch panicked: {0}")]
    Panicked(String),
}

impl LostRace for SaveError {
    fn is_lost_race(&self) -> bool {
        self.is_conflict()
    }
}

impl SaveError {
    /// Returns whether the batch should be processed again with the current rows.
    pub(crate) fn is_conflict(&self) -> bool {
        match self {
            Self::Overtaken => true,
            Self::Store(error) => error.is_conflict(),
            Self::Panicked(_) => false,
        }
    }

    /// Returns whether an input of the batch is at fault, so that the rest can be processed without it.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Overtaken => false,
            Self::Store(error) => error.is_refusal(),
            Self::Panicked(_) => true,
        }
    }
}

impl From<StoreError> for SaveError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Writes rows whose `version` column was raised by one since they were read. New rows are inserted and others replaced. If
/// one row is not as it was read, nothing is written.
///
/// # Errors
/// Returns [`SaveError::Overtaken`] if a row was changed in between.
pub(crate) async fn save_rows<E>(
    tx: &DatabaseTransaction,
    rows: Vec<E::Model>,
    key: &[E::Column],
    version: E::Column,
) -> Result<(), SaveError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
    E::Column: Iterable + Copy,
{
    let is_key = |column: &E::Column| key.iter().any(|k| k.as_str() == column.as_str());
    let others = E::Column::iter().filter(|column| !is_key(column));
    let excluded = Expr::col((sea_orm::sea_query::Alias::new("excluded"), version));
    let conflict = OnConflict::columns(key.iter().copied())
        .update_columns(others)
        .action_and_where(Expr::col((E::default(), version)).eq(excluded.sub(1)))
        .to_owned();
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let chunk: Vec<E::ActiveModel> = rows
            .by_ref()
            .take(ROWS_PER_STATEMENT_MAX)
            .map(|row| row.into_active_model().reset_all())
            .collect();
        let count = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        let written = E::insert_many(chunk)
            .on_conflict(conflict.clone())
            .exec_without_returning(tx)
            .await
            .map_err(StoreError::statement("save the batch"))?;
        if written != count {
            return Err(SaveError::Overtaken);
        }
    }
    Ok(())
}

/// Decodes a state. Only this service writes them, so one that cannot be decoded comes from a newer version, or is damaged.
/// Starting with an empty state would forget the person. The row's input is therefore set aside, and everything else continues.
///
/// # Errors
/// Returns [`StoreError::Unreadable`], without the content.
pub(crate) fn decode_state<T: DeserializeOwned>(json: &str, key: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|source| StoreError::Unreadable { of: key.to_owned(), source })
}

/// Reads a word of a column, which `known` looks up.
///
/// # Errors
/// Returns [`StoreError::Unreadable`] for a word that this version does not know.
pub(crate) fn decode_word<T>(
    known: impl FnOnce(&str) -> Option<T>,
    word: &str,
    key: &str,
) -> Result<T, StoreError> {
    known(word).ok_or_else(|| StoreError::Unreadable {
        of: key.to_owned(),
        source: serde::de::Error::custom("a word of another version"),
    })
}
