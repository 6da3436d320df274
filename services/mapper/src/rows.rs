//! The mapper's tables as types, and writing rows under optimistic concurrency.

pub(crate) mod chain;
pub(crate) mod chain_head;
pub(crate) mod desired;
pub(crate) mod edge;
pub(crate) mod feed_person;
pub(crate) mod feed_row;
pub(crate) mod feed_run;
pub(crate) mod feed_unread;
pub(crate) mod finding;
pub(crate) mod former_login;
pub(crate) mod group;
pub(crate) mod identity;
pub(crate) mod inbox;
pub(crate) mod match_value;
pub(crate) mod obligation;
pub(crate) mod order;
pub(crate) mod other_accounts;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod policy_file;
pub(crate) mod record;
pub(crate) mod setting;
pub(crate) mod sweep;
pub(crate) mod verdict;
pub(crate) mod verification;

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, IdenStatic, IntoActiveModel, Iterable};
use serde::de::DeserializeOwned;
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

/// In place of a fingerprint: something that the decision looks at changed since.
pub(crate) const STALE: &str = "stale";

/// Why rows were not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SaveError {
    /// Another replica changed one of the rows since they were read.
    #[error("another replica was quicker")]
    Overtaken,
    /// The database.
    #[error("could not write what is known")]
    Store(#[source] StoreError),
    /// Working on it panicked, which is a bug; nothing of it was written.
    #[error("working on it panicked: {0}")]
    Panicked(String),
}

impl SaveError {
    /// Whether the batch should be done again on what is there now.
    pub(crate) fn is_conflict(&self) -> bool {
        match self {
            Self::Overtaken => true,
            Self::Store(error) => error.is_conflict(),
            Self::Panicked(_) => false,
        }
    }

    /// Logs that a batch is tried again: a lost race is usual, anything else keeps departures waiting and is a warning.
    pub(crate) fn log(&self) {
        let error = self as &dyn std::error::Error;
        if self.is_conflict() {
            tracing::debug!(error, "a batch is done again");
        } else {
            tracing::warn!(error, "could not store a batch yet");
        }
    }

    /// Whether something in the batch is at fault, and the rest can be done without it.
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

/// Writes rows whose `version` column was raised by one since they were read: new rows are inserted, others replaced,
/// and a row that is not as it was read refuses the whole.
///
/// # Errors
/// [`SaveError::Overtaken`] when a row was changed in between.
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
            .map_err(StoreError::statement("write what is known"))?;
        if written != count {
            return Err(SaveError::Overtaken);
        }
    }
    Ok(())
}

/// Reads a state. Only this service writes them, so one that cannot be read comes from a newer version of it, or is
/// damaged. Starting afresh would forget a person: what concerns the row is set aside, and everything else goes on.
///
/// # Errors
/// [`StoreError::Unreadable`], without the content.
pub(crate) fn decode_state<T: DeserializeOwned>(json: &str, key: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|source| StoreError::Unreadable { of: key.to_owned(), source })
}

/// Reads a state where many are looked at; one that cannot be read is left out, and told of.
pub(crate) fn decode_or_skip<T: DeserializeOwned>(json: &str, key: &str) -> Option<T> {
    let state = decode_state(json, key);
    if let Err(error) = &state {
        tracing::error!(key, error = error as &dyn std::error::Error, "a stored state cannot be read");
        telemetry::metrics::count_quarantined(
            crate::SERVICE,
            store::quarantine::QuarantineReason::StateUnreadable.as_str(),
        );
    }
    state.ok()
}
