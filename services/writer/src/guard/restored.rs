//! Protects targets after the whole installation was restored from a backup.
//!
//! The mapper and the writer then agree on the state of the time of the backup, so a verification proves nothing, while
//! the targets have changed: a person who has left since is off there, and a person who has joined since has an account
//! that is an orphan. Changes that give access wait, and no reconciliation continues, until an operator resumes the
//! target. Leavers are still switched off.
//!
//! After that, the restored state is still no reason to give access back: an account that should be on and is off or gone
//! at the target may be that of a person who has left since. The change is held until a source has made a statement about
//! the person, which a command carries ([`lifecycle::Command::stated_at`]), or until an operator approves it.

use lifecycle::{HeldBy, ResourceKind};
use relay::OutboxBatch;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use store::{Store, StoreError};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::guard::safety;
use crate::rows::access::AccessChange;
use crate::rows::control::{self, PauseScope};
use crate::rows::facts::TransactionFacts;
use crate::rows::{ResourceKey, load_resources, resource, save_resources};
use crate::{micros, now};

/// The reason for holding access that the restored state gives.
pub(crate) const RESTORED: &str = "everything was restored, the account is off or gone at the target, and no source has said since that the person works here: let the source say it again, or approve or reject it with `usher held`";

/// The number of rows that are held per statement.
const PAGE: u64 = 1_000;

/// Pauses changes that give access at `targets`. A target that an operator paused before stays paused as it was.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn pause_targets(
    store: &Store,
    targets: impl Iterator<Item = &String>,
    taken_at: i64,
) -> Result<Option<OutboxBatch>, StoreError> {
    let at = store.now().await?;
    let tx = store.begin().await?;
    let mut news = TransactionFacts::default();
    for target in targets {
        let why = format!("restored from a backup of {}: {}", in_words(taken_at), what_to_do(target));
        pause(&tx, target, &why, at, &mut news).await?;
    }
    let parcel = news.store(&tx).await?;
    tx.commit().await.map_err(StoreError::statement("pause targets after a restore"))?;
    Ok(parcel)
}

/// Pauses changes that give access at `target`, and keeps that its state was found to be restored at `at` (microseconds
/// by the database's clock). If an operator paused it before, it stays paused as it was.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn pause(
    tx: &DatabaseTransaction,
    target: &str,
    why: &str,
    at: i64,
    news: &mut TransactionFacts,
) -> Result<(), StoreError> {
    let before = control::load_control(tx, target).await?;
    let scope = before.pause_scope().unwrap_or(PauseScope::Grants);
    let mut why = why.to_owned();
    if let Some(paused) = before.paused() {
        why = format!("{why}; it was paused before by {}: {}", paused.who, paused.why);
    }
    safety::pause_target(tx, target, Some(("usher", &why)), scope, news).await?;
    let row = control::load_control(tx, target).await?;
    let row = control::Model { restored_at: Some(at), ..row };
    control::save_control(tx, row, [control::Column::RestoredAt]).await
}

/// Returns whether access that the row's restored state gives must not be given back yet.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn withholds_access(
    connection: &impl ConnectionTrait,
    target: &str,
    (kind, subject): &ResourceKey,
) -> Result<bool, StoreError> {
    if *kind != ResourceKind::User {
        return Ok(false);
    }
    let Some(restored_at) = control::load_control(connection, target).await?.restored_at else {
        return Ok(false);
    };
    let rows = load_resources(connection, target, *kind, std::slice::from_ref(subject), false).await?;
    Ok(rows.get(subject).is_none_or(|row| is_withheld(row, restored_at)))
}

/// Returns whether neither a source nor an operator has confirmed the row's access since the restore.
fn is_withheld(row: &resource::Model, restored_at: i64) -> bool {
    !row.is_approved() && row.stated_at.is_none_or(|at| at <= restored_at)
}

/// Holds every queued change that would switch an account on which no source has confirmed since a restore. They are held
/// before the guard adds up changes, so that those who do have a right to access do not wait for them.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn hold_withheld(
    tx: &DatabaseTransaction,
    target: &str,
    news: &mut TransactionFacts,
) -> Result<(), StoreError> {
    use resource::Column;
    let Some(restored_at) = control::load_control(tx, target).await?.restored_at else { return Ok(()) };
    let unapproved = Expr::col(Column::ApprovedRevision).ne(Expr::col(Column::DesiredRevision));
    loop {
        let mut rows = resource::Entity::find()
            .filter(Column::Target.eq(target))
            .filter(Column::Kind.eq(ResourceKind::User.as_str()))
            .filter(Column::AccessChange.eq(AccessChange::Enable.as_str()))
            .filter(Column::Queued.eq(true).and(Column::Reserved.eq(false)).and(unapproved.clone()))
            .filter(Column::StatedAt.is_null().or(Column::StatedAt.lte(restored_at)))
            .limit(PAGE)
            .lock_exclusive()
            .all(tx)
            .await
            .map_err(StoreError::statement("read what a restored state would switch on"))?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in &mut rows {
            row.hold(HeldBy::Restored, RESTORED.to_owned(), micros(now()));
            safety::tell_held(row, RESTORED, news);
        }
        save_resources(tx, rows).await?;
    }
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
