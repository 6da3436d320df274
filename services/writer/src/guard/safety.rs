//! Stops a target if something is badly wrong: pauses, and the quarantine of a target with too many failures.
//! [`crate::guard::permission`] decides on removals of access.

use lifecycle::Fact;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter};
use store::StoreError;

use crate::rows::control::PauseScope;
use crate::rows::facts::TransactionFacts;
use crate::rows::{control, dead, removal, resource};
use crate::{micros, now};

const HOUR_MICROS: i64 = 3_600 * 1_000_000;
/// The number of hours after which removals are forgotten: no guard's window is longer.
const KEPT_HOURS: i64 = 28 * 24;

/// The reason for holding people that the policy protects.
pub(crate) const PROTECTED: &str = "the policy protects it: approve or reject it with `usher held`";

/// The reason for holding access that an older database of the mapper would give.
pub(crate) const OUTDATED: &str = "the mapper's database is older than the decision that took this access away, and what was said since is lost: let the source say it again, then approve or reject it with `usher held`";

/// Adds the fact that a row is held.
pub(crate) fn tell_held(row: &resource::Model, reason: &str, news: &mut TransactionFacts) {
    let id = format!("hld:{}:{}:{}:{}", row.target, row.kind, row.subject, row.desired_revision);
    let fact = Fact::Held {
        target: row.target.clone(),
        kind: row.kind(),
        revision: row.desired_revision,
        reason: reason.to_owned(),
    };
    news.tell(id, &row.subject, row.trace(), fact);
}

/// Deletes removals that are older than any window.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn forget_old_removals(tx: &DatabaseTransaction, target: &str) -> Result<(), StoreError> {
    removal::Entity::delete_many()
        .filter(removal::Column::Target.eq(target))
        .filter(removal::Column::At.lt(micros(now()) - KEPT_HOURS * HOUR_MICROS))
        .exec(tx)
        .await
        .map_err(StoreError::statement("forget removals"))?;
    Ok(())
}

/// Pauses changes that give access at a target with more dead letters within the guard's hours than it allows. Returns
/// the reason if it does.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn quarantine_target(
    tx: &DatabaseTransaction,
    target: &str,
    news: &mut TransactionFacts,
) -> Result<Option<String>, StoreError> {
    let row = control::load_control(tx, target).await?;
    if row.paused_by.is_some() {
        return Ok(None);
    }
    let guard = row.guard();
    // Failures from before an operator resumed the target are not counted again.
    let resumed_at = row.paused_at.unwrap_or(i64::MIN);
    let since = Ord::max(micros(now()) - i64::from(guard.window_hours) * HOUR_MICROS, resumed_at);
    let failures = dead::Entity::find()
        .filter(dead::Column::Target.eq(target))
        .filter(dead::Column::State.eq(dead::OPEN))
        .filter(dead::Column::CreatedAt.gt(since))
        .count(tx)
        .await
        .map_err(StoreError::statement("count failures"))?;
    if failures <= guard.failures {
        return Ok(None);
    }
    let why = format!(
        "quarantine: {failures} resources failed within {} hours, over guard.failures: {} of the policy; see `usher dead ls`; accounts are still switched off",
        guard.window_hours, guard.failures
    );
    pause_grants(tx, target, &why, news).await?;
    Ok(Some(why))
}

/// Pauses changes that give access at a target; accounts are still switched off there.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn pause_grants(
    tx: &DatabaseTransaction,
    target: &str,
    why: &str,
    news: &mut TransactionFacts,
) -> Result<(), StoreError> {
    pause_target(tx, target, Some(("usher", why)), PauseScope::Grants, news).await.map(drop)
}

/// Pauses a target (`by`: actor and reason), or resumes it. Returns whether it was paused before.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn pause_target(
    tx: &DatabaseTransaction,
    target: &str,
    by: Option<(&str, &str)>,
    scope: PauseScope,
    news: &mut TransactionFacts,
) -> Result<bool, StoreError> {
    use control::Column::{PausedAt, PausedBy, PausedScope, PausedWhy};
    let row = control::load_control(tx, target).await?;
    let was_paused = row.paused_by.is_some();
    let at = micros(now());
    let row = control::Model {
        paused_by: by.map(|(who, _)| who.to_owned()),
        paused_why: by.map(|(_, why)| why.to_owned()),
        paused_scope: Some(scope.as_str().to_owned()),
        paused_at: Some(at),
        ..row
    };
    control::save_control(tx, row, [PausedBy, PausedWhy, PausedScope, PausedAt]).await?;
    if let Some((who, why)) = by {
        tell_paused(target, "paused", who, why, at, news);
    }
    Ok(was_paused)
}

/// Adds the fact that a target was paused or resumed.
pub(crate) fn tell_paused(
    target: &str,
    outcome: &'static str,
    who: &str,
    why: &str,
    at: i64,
    news: &mut TransactionFacts,
) {
    let fact = Fact::Paused {
        target: target.to_owned(),
        outcome: outcome.to_owned(),
        who: who.to_owned(),
        why: why.to_owned(),
    };
    news.tell(format!("pau:{target}:{at}"), &format!("target:{target}"), None, fact);
}
