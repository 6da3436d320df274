//! Adds up the changes of access at a target, and compares them with the guard.

use lifecycle::{HeldBy, RemovalGuard};
use sea_orm::sea_query::{Alias, Asterisk, Expr, ExprTrait as _, Func, Query, UnionType};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};
use store::StoreError;

use crate::rows::access::AccessChange;
use crate::rows::words::RowStatus;
use crate::rows::{control, removal, resource};
use crate::{micros, now};

const HOUR_MICROS: i64 = 3_600 * 1_000_000;

/// The changes of access of one target within the guard's hours: carried out, reserved, held, or waiting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccessSum {
    guard: RemovalGuard,
    disabled: u64,
    deleted: u64,
    enabled: u64,
    /// The number of linked accounts and groups that are neither known to be off nor to be switched on again. They are not
    /// counted if there are few changes.
    with_access: u64,
    /// The removals that were carried out. These accounts and groups had access when the guard's hours began.
    removed: u64,
    /// The accounts that are to be switched on again.
    coming_on: u64,
}

impl AccessSum {
    /// Adds up the changes of a target.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn read(connection: &impl ConnectionTrait, target: &str) -> Result<Self, StoreError> {
        let guard = control::load_control(connection, target).await?.guard();
        let mut sum =
            Self { guard, disabled: 0, deleted: 0, enabled: 0, with_access: 0, removed: 0, coming_on: 0 };
        for (change, source, rows) in count_changes(connection, target, guard).await? {
            match (source == CARRIED_OUT, AccessChange::named(&change).takes_away()) {
                (true, true) => sum.removed += rows,
                (false, false) => sum.coming_on += rows,
                (true, false) | (false, true) => {}
            }
            match AccessChange::named(&change) {
                AccessChange::Disable => sum.disabled += rows,
                AccessChange::Delete => sum.deleted += rows,
                AccessChange::Enable => sum.enabled += rows,
            }
        }
        let changes = Ord::max(sum.removals(), sum.enabled);
        // Few changes need no count of all links, unless they exceed the guard all the same: then the reason names the count.
        if changes > RemovalGuard::PERCENT_COUNTS_ABOVE || changes > guard.deletions {
            let with_access = resource::Entity::find()
                .filter(resource::Column::Target.eq(target))
                .filter(resource::Column::RemoteId.is_not_null())
                .filter(resource::Column::OffEvidence.is_null())
                .filter(is_not_to_be_enabled())
                .count(connection)
                .await;
            sum.with_access = with_access.map_err(StoreError::statement("count what has access"))?;
        }
        Ok(sum)
    }

    fn removals(&self) -> u64 {
        self.disabled + self.deleted
    }

    /// Returns the number of accounts and groups that had access when the guard's hours began.
    fn before_removals(&self) -> u64 {
        Ord::max(self.with_access + self.removed, self.removals())
    }

    /// Returns the number of accounts and groups that have access once those that are to be switched on again have it.
    fn after_returns(&self) -> u64 {
        Ord::max(self.with_access + self.coming_on, self.enabled)
    }

    /// Returns the reason why there are too many changes of this kind, or `None` if there are not.
    pub(crate) fn objection(&self, change: AccessChange) -> Option<String> {
        let (count, exceeded, what) = match change {
            AccessChange::Delete => match self.guard.exceeded_by_deletions(self.deleted) {
                Some(exceeded) => (self.deleted, vec![exceeded], "have been deleted"),
                None => return self.objection(AccessChange::Disable),
            },
            AccessChange::Disable => (
                self.removals(),
                self.guard.exceeded(self.removals(), self.before_removals()),
                "have lost access",
            ),
            AccessChange::Enable => (
                self.enabled,
                self.guard.exceeded(self.enabled, self.after_returns()),
                "have been switched on again",
            ),
        };
        if exceeded.is_empty() {
            return None;
        }
        let of = if change.takes_away() { self.before_removals() } else { self.after_returns() };
        Some(format!(
            "{count} of {of} accounts and groups would {what} within {} hours, over {} of the policy",
            self.guard.window_hours,
            exceeded.join(" and ")
        ))
    }

    /// Returns the kinds of changes that exceed the guard, with the reasons.
    pub(crate) fn objections(&self) -> Vec<(AccessChange, String)> {
        let of = |change| Some((change, self.objection(change)?));
        AccessChange::ALL.into_iter().filter_map(of).collect()
    }
}

/// Returns the condition for rows whose account need not be switched on again.
fn is_not_to_be_enabled() -> Condition {
    let change = resource::Column::AccessChange;
    Condition::any().add(change.is_null()).add(change.ne(AccessChange::Enable.as_str()))
}

/// Returns the condition for queued changes without the approval of an operator or a plan.
pub(super) fn waiting_changes() -> Expr {
    let unapproved =
        Expr::col(resource::Column::ApprovedRevision).ne(Expr::col(resource::Column::DesiredRevision));
    resource::Column::Queued.eq(true).and(resource::Column::Planned.eq(false)).and(unapproved)
}

/// The word for changes that were carried out, in the result of [`count_changes`].
const CARRIED_OUT: &str = "carried_out";
/// The word for changes that were not carried out yet.
const COMING: &str = "coming";

/// Counts the changes of each kind in one statement, so that all are counted at the same moment. Returns each kind with the
/// word for where it was counted.
async fn count_changes(
    connection: &impl ConnectionTrait,
    target: &str,
    guard: RemovalGuard,
) -> Result<Vec<(String, String, u64)>, StoreError> {
    let failed = StoreError::statement("add up changes of access");
    let since = micros(now()) - i64::from(guard.window_hours) * HOUR_MICROS;
    let held =
        resource::Column::Status.eq(RowStatus::Held).and(resource::Column::Held.eq(HeldBy::Guard.as_str()));
    let source = Alias::new("source");
    let coming = Query::select()
        .column(resource::Column::AccessChange)
        .expr_as(Expr::val(COMING), source.clone())
        .from(resource::Entity)
        .and_where(resource::Column::Target.eq(target))
        .and_where(resource::Column::AccessChange.is_not_null())
        .and_where(resource::Column::Reserved.eq(true).or(held).or(waiting_changes()))
        .to_owned();
    let counted = Query::select()
        .column(removal::Column::AccessChange)
        .expr_as(Expr::val(CARRIED_OUT), source.clone())
        .from(removal::Entity)
        .and_where(removal::Column::Target.eq(target))
        .and_where(removal::Column::At.gt(since))
        .union(UnionType::All, coming)
        .to_owned();
    let change = Alias::new("access_change");
    let sum = Query::select()
        .column(change.clone())
        .column(source.clone())
        .expr_as(Func::count(Expr::col(Asterisk)), Alias::new("changes"))
        .from_subquery(counted, Alias::new("counted"))
        .group_by_col(change)
        .group_by_col(source)
        .to_owned();
    let rows = connection.query_all(&sum).await.map_err(&failed)?;
    let read = |row: sea_orm::QueryResult| {
        let changes: i64 = row.try_get("", "changes")?;
        Ok((
            row.try_get("", "access_change")?,
            row.try_get("", "source")?,
            u64::try_from(changes).unwrap_or(0),
        ))
    };
    rows.into_iter().map(read).collect::<Result<_, sea_orm::DbErr>>().map_err(&failed)
}
