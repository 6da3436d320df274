//! Protects targets after the whole installation was restored from a backup.
//!
//! The mapper and the writer then agree on the state of the time of the backup, so a verification proves nothing, while
//! the targets have changed: a person who has left since is off there, and a person who has joined since has an account
//! that is an orphan. Changes that give access wait, and no reconciliation continues, until an operator resumes the
//! target. Leavers are still switched off.

use relay::OutboxBatch;
use sea_orm::DatabaseTransaction;
use store::{Store, StoreError};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::guard::safety;
use crate::rows::control::{self, PauseScope};
use crate::rows::facts::TransactionFacts;

/// Pauses changes that give access at `targets`. A target that an operator paused before stays paused as it was.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn pause_targets(
    store: &Store,
    targets: impl Iterator<Item = &String>,
    taken_at: i64,
) -> Result<Option<OutboxBatch>, StoreError> {
    let tx = store.begin().await?;
    let mut news = TransactionFacts::default();
    for target in targets {
        let why = format!("restored from a backup of {}: {}", in_words(taken_at), what_to_do(target));
        pause(&tx, target, &why, &mut news).await?;
    }
    let parcel = news.store(&tx).await?;
    tx.commit().await.map_err(StoreError::statement("pause targets after a restore"))?;
    Ok(parcel)
}

/// Pauses changes that give access at `target`. If an operator paused it before, it stays paused as it was.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn pause(
    tx: &DatabaseTransaction,
    target: &str,
    why: &str,
    news: &mut TransactionFacts,
) -> Result<(), StoreError> {
    let before = control::load_control(tx, target).await?;
    let scope = before.pause_scope().unwrap_or(PauseScope::Grants);
    let mut why = why.to_owned();
    if let Some(paused) = before.paused() {
        why = format!("{why}; it was paused before by {}: {}", paused.who, paused.why);
    }
    safety::pause_target(tx, target, Some(("usher", &why)), scope, news).await.map(drop)
}

/// Returns the instructions for an operator at `target` after a restore.
pub(crate) fn what_to_do(target: &str) -> String {
    format!(
        "let sources say again what they said since, look at `usher reconcile {target} --dry-run`, then `usher target resume \
         {target}`; accounts are still switched off"
    )
}

/// Formats a time in microseconds since the Unix epoch for operators.
pub(crate) fn in_words(at: i64) -> String {
    let at: OffsetDateTime = crate::moment_of(at);
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}
