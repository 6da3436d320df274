//! Keeps a bad feed from taking away everybody's access: removals of a target are added up over a window, and what
//! would exceed the policy's guard is held until a human decides.
//!
//! Counted are removals that were carried out, that are held, and that wait in the queue. So a thousand leavers who
//! arrive together are held as a whole, and a thousand who trickle in are held from the one on that is too many. What
//! comes of a change of policy was held against the guard when it was planned, and is neither counted nor held.

use lifecycle::{Fact, Guard, HeldBy, ResourceKind};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use store::StoreError;

use crate::facts::News;
use crate::rows::{control, dead, removal, resource, save_resources, status};
use crate::{micros, now};

const HOUR_MICROS: i64 = 3_600 * 1_000_000;
/// Removals are forgotten after this long: no guard's window is longer.
const KEPT_HOURS: i64 = 28 * 24;
/// Rows that are held per statement.
const PAGE: u64 = 1_000;

/// Why those are held whom the policy protects.
pub(crate) const PROTECTED: &str = "the policy protects it: approve or reject it with `usher held`";

/// How much was taken away at a target, and may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sum {
    guard: Guard,
    /// Carried out within the window, held, or in the queue.
    removals: u64,
    /// Accounts and groups that are linked; not counted where there are few removals.
    linked: u64,
}

impl Sum {
    /// Adds up what is known of a target, and `more` removals.
    ///
    /// # Errors
    /// As the database reports them.
    pub(crate) async fn read(
        connection: &impl ConnectionTrait,
        target: &str,
        more: u64,
    ) -> Result<Self, StoreError> {
        let guard = control::load(connection, target).await?.guard();
        let since = micros(now()) - i64::from(guard.window_hours) * HOUR_MICROS;
        let count = StoreError::statement("add up removals");
        let done = removal::Entity::find()
            .filter(removal::Column::Target.eq(target))
            .filter(removal::Column::At.gt(since))
            .count(connection)
            .await
            .map_err(&count)?;
        let ours = || resource::Entity::find().filter(resource::Column::Target.eq(target));
        let held = ours()
            .filter(resource::Column::Status.eq(status::HELD))
            .filter(resource::Column::Held.eq(HeldBy::Guard.as_str()))
            .count(connection)
            .await
            .map_err(&count)?;
        let waiting = ours().filter(waits()).count(connection).await.map_err(&count)?;
        let removals = done + held + waiting + more;
        // A count of everything, which few removals need not, unless they are too many all the same: then it is told.
        let counts = removals > Guard::PERCENT_COUNTS_ABOVE || removals > guard.deletions;
        let linked = match counts {
            true => ours().filter(resource::Column::RemoteId.is_not_null()).count(connection).await,
            false => Ok(0),
        };
        Ok(Self { guard, removals, linked: Ord::max(linked.map_err(&count)?, removals) })
    }

    /// Why they are too many; `None` when they are not.
    pub(crate) fn objection(&self) -> Option<String> {
        let Self { guard, removals, linked } = self;
        let exceeded = guard.exceeded(*removals, *linked);
        if exceeded.is_empty() {
            return None;
        }
        Some(format!(
            "{removals} of {linked} accounts and groups would have lost access within {} hours, over {} of the policy",
            guard.window_hours,
            exceeded.join(" and ")
        ))
    }
}

/// Removals in the queue that nobody let through.
fn waits() -> Expr {
    let unapproved =
        Expr::col(resource::Column::ApprovedRevision).ne(Expr::col(resource::Column::DesiredRevision));
    resource::Column::Removal
        .eq(true)
        .and(resource::Column::Queued.eq(true))
        .and(resource::Column::Planned.eq(false))
        .and(unapproved)
}

/// Holds every removal that waits, if there are more than the guard allows; says how many and why.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn hold_excess(
    tx: &DatabaseTransaction,
    target: &str,
    news: &mut News,
) -> Result<Option<(u64, String)>, StoreError> {
    let Some(reason) = Sum::read(tx, target, 0).await?.objection() else { return Ok(None) };
    let mut count = 0;
    loop {
        let mut rows = resource::Entity::find()
            .filter(resource::Column::Target.eq(target))
            .filter(waits())
            .order_by_asc(resource::Column::Subject)
            .limit(PAGE)
            .all(tx)
            .await
            .map_err(StoreError::statement("read removals"))?;
        if rows.is_empty() {
            return Ok(Some((count, reason)));
        }
        count += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        for row in &mut rows {
            // Whoever is protected is not let through together with those whom the guard holds.
            let (by, reason) = match row.desired().is_ok_and(|desired| desired.is_protected()) {
                true => (HeldBy::Protected, PROTECTED),
                false => (HeldBy::Guard, reason.as_str()),
            };
            row.hold(by, reason.to_owned(), micros(now()));
            tell_held(row, reason, news);
        }
        save_resources(tx, rows).await?;
    }
}

/// Tells that a row is held.
pub(crate) fn tell_held(row: &resource::Model, reason: &str, news: &mut News) {
    let id = format!("hld:{}:{}:{}:{}", row.target, row.kind, row.subject, row.desired_revision);
    let fact = Fact::Held {
        target: row.target.clone(),
        kind: row.kind(),
        revision: row.desired_revision,
        reason: reason.to_owned(),
    };
    news.tell(id, &row.subject, row.trace(), fact);
}

/// Remembers that access was taken away.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn count_removal(
    tx: &DatabaseTransaction,
    target: &str,
    kind: ResourceKind,
    subject: &str,
) -> Result<(), StoreError> {
    use sea_orm::ActiveValue::Set;
    let row = removal::ActiveModel {
        target: Set(target.to_owned()),
        kind: Set(kind.as_str().to_owned()),
        subject: Set(subject.to_owned()),
        at: Set(micros(now())),
    };
    removal::Entity::insert(row)
        .exec_without_returning(tx)
        .await
        .map_err(StoreError::statement("count a removal"))?;
    Ok(())
}

/// Forgets removals that no window reaches back to.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn forget_old_removals(tx: &DatabaseTransaction, target: &str) -> Result<(), StoreError> {
    removal::Entity::delete_many()
        .filter(removal::Column::Target.eq(target))
        .filter(removal::Column::At.lt(micros(now()) - KEPT_HOURS * HOUR_MICROS))
        .exec(tx)
        .await
        .map_err(StoreError::statement("forget removals"))?;
    Ok(())
}

/// Stops everything at a target where more resources died within the guard's hours than it allows; says why, if so.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn quarantine(
    tx: &DatabaseTransaction,
    target: &str,
    news: &mut News,
) -> Result<Option<String>, StoreError> {
    let row = control::load(tx, target).await?;
    if row.paused_by.is_some() {
        return Ok(None);
    }
    let guard = row.guard();
    // What failed before a human let the target go on is not counted again.
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
        "quarantine: {failures} resources failed within {} hours, over guard.failures: {} of the policy; see `usher dead ls`",
        guard.window_hours, guard.failures
    );
    pause(tx, target, Some(("usher", &why)), news).await?;
    Ok(Some(why))
}

/// Pauses a target (`by`: who and why), or lets it go on; says whether it was paused before.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn pause(
    tx: &DatabaseTransaction,
    target: &str,
    by: Option<(&str, &str)>,
    news: &mut News,
) -> Result<bool, StoreError> {
    use control::Column::{PausedAt, PausedBy, PausedWhy};
    let row = control::load(tx, target).await?;
    let was_paused = row.paused_by.is_some();
    let at = micros(now());
    let row = control::Model {
        paused_by: by.map(|(who, _)| who.to_owned()),
        paused_why: by.map(|(_, why)| why.to_owned()),
        paused_at: Some(at),
        ..row
    };
    control::save(tx, row, [PausedBy, PausedWhy, PausedAt]).await?;
    if let Some((who, why)) = by {
        tell_paused(target, "paused", who, why, at, news);
    }
    Ok(was_paused)
}

/// Tells that a target was paused or goes on.
pub(crate) fn tell_paused(
    target: &str,
    outcome: &'static str,
    who: &str,
    why: &str,
    at: i64,
    news: &mut News,
) {
    let fact = Fact::Paused {
        target: target.to_owned(),
        outcome: outcome.to_owned(),
        who: who.to_owned(),
        why: why.to_owned(),
    };
    news.tell(format!("pau:{target}:{at}"), &format!("target:{target}"), None, fact);
}
