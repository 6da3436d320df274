//! Changes that are held because of what is at the target: counted for operators, and tried again when the rules change.

use lifecycle::{HeldBy, TargetRemark, TargetRemarkReason};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
};
use sha2::{Digest, Sha256};
use store::StoreError;

use crate::config::TouchRules;
use crate::rows::words::RowStatus;
use crate::rows::{control, edge, resource, save_resources};
use crate::{micros, now};

/// The reasons of these holds.
pub(crate) const REASONS: [HeldBy; 2] = [HeldBy::Never, HeldBy::Adoption];
/// The number of bytes of the hash of the rules.
const HASH_BYTES: usize = 16;

/// Counts the accounts, groups and memberships of a target that are held for this reason.
pub(crate) async fn count_held(
    connection: &impl ConnectionTrait,
    target: &str,
    by: HeldBy,
) -> Result<u64, StoreError> {
    let failed = StoreError::statement("count what is held");
    let resources = resource::Entity::find()
        .filter(resource::Column::Target.eq(target))
        .filter(resource::Column::Status.eq(RowStatus::Held))
        .filter(resource::Column::Held.eq(by.as_str()))
        .count(connection)
        .await
        .map_err(&failed)?;
    let memberships = edge::Entity::find()
        .filter(edge::Column::Target.eq(target))
        .filter(edge::Column::Status.eq(RowStatus::Held))
        .filter(edge::Column::Held.eq(by.as_str()))
        .count(connection)
        .await
        .map_err(&failed)?;
    Ok(resources + memberships)
}

/// Returns the remarks for operators.
pub(crate) async fn remarks(
    connection: &impl ConnectionTrait,
    target: &str,
) -> Result<Vec<TargetRemark>, StoreError> {
    let mut remarks = Vec::new();
    for by in REASONS {
        let count = count_held(connection, target, by).await?;
        if count == 0 {
            continue;
        }
        let (reason, detail) = match by {
            HeldBy::Never => (
                TargetRemarkReason::NeverTouched,
                format!("{count} changes concern accounts or groups on the never list, and are not sent"),
            ),
            _ => (
                TargetRemarkReason::AdoptionsHeld,
                format!("{count} accounts or groups match what is at the target, and wait to be linked"),
            ),
        };
        remarks.push(TargetRemark { reason, detail: format!("{detail}: see `usher held ls`") });
    }
    Ok(remarks)
}

/// Queues what is held because of what is at the target, if the rules about it have changed since. Before rules are known
/// for the first time, nothing is held by others.
pub(crate) async fn wake_held(
    tx: &DatabaseTransaction,
    target: &str,
    rules: &TouchRules,
) -> Result<(), StoreError> {
    let row = control::load_control(tx, target).await?;
    let hash = hash_rules(rules, row.orphans.as_deref());
    if row.touch_rules.as_ref() == Some(&hash) {
        return Ok(());
    }
    if row.touch_rules.is_none() {
        let row = control::Model { touch_rules: Some(hash), ..row };
        return control::save_control(tx, row, [control::Column::TouchRules]).await;
    }
    let at = micros(now());
    let words = REASONS.map(HeldBy::as_str);
    let mut rows = resource::Entity::find()
        .filter(resource::Column::Target.eq(target))
        .filter(resource::Column::Status.eq(RowStatus::Held))
        .filter(resource::Column::Held.is_in(words))
        .lock_exclusive()
        .all(tx)
        .await
        .map_err(StoreError::statement("find what is held"))?;
    rows.iter_mut().for_each(|row| row.enqueue(RowStatus::Pending, at));
    save_resources(tx, rows).await?;
    edge::Entity::update_many()
        .col_expr(edge::Column::Status, Expr::value(RowStatus::Pending))
        .col_expr(edge::Column::Queued, Expr::value(true))
        .col_expr(edge::Column::NextAttemptAt, Expr::value(at))
        .col_expr(edge::Column::Held, Expr::value(Option::<String>::None))
        .filter(edge::Column::Target.eq(target))
        .filter(edge::Column::Status.eq(RowStatus::Held))
        .filter(edge::Column::Held.is_in(words))
        .exec(tx)
        .await
        .map_err(StoreError::statement("wake held memberships"))?;
    let row = control::Model { touch_rules: Some(hash), ..row };
    control::save_control(tx, row, [control::Column::TouchRules]).await
}

/// Returns the hash of the rules of the configuration and of the policy.
fn hash_rules(rules: &TouchRules, orphans: Option<&str>) -> String {
    let mut hash = Sha256::new();
    hash.update(serde_json::to_vec(rules).expect("rules are plain data"));
    hash.update([0]);
    hash.update(orphans.unwrap_or_default());
    hex::encode(&hash.finalize()[..HASH_BYTES])
}
