//! What happens to targets after the whole installation was restored from a backup.
//!
//! The mapper and the writer then agree about what they knew when the backup was taken, so a verification proves nothing, while
//! targets have gone on: who left since is off there, who joined since is an account of nobody. What gives access waits, and no
//! comparison with a target goes on, until an operator lets the target go on. Who leaves is switched off meanwhile.

use relay::OutboxBatch;
use sea_orm::DatabaseTransaction;
use store::{Store, StoreError};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::facts::TransactionFacts;
use crate::rows::control::{self, PauseScope};
use crate::safety;

/// Pauses what gives access at `targets`. What an operator paused before stays paused as it was.
///
/// # Errors
/// As the database reports them.
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

/// Pauses what gives access at `target`. What an operator paused before stays paused as it was.
///
/// # Errors
/// As the database reports them.
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

/// What an operator does at `target` after a restore.
pub(crate) fn what_to_do(target: &str) -> String {
    format!(
        "let sources say again what they said since, look at `usher reconcile {target} --dry-run`, then `usher target resume \
         {target}`; accounts are still switched off"
    )
}

/// A time in microseconds since the Unix epoch, for operators.
pub(crate) fn in_words(at: i64) -> String {
    let at: OffsetDateTime = crate::moment_of(at);
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}
