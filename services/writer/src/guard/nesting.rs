//! Groups in groups (`membership.nested` in the profile). The mapper sends the membership of a group in another group and
//! the memberships of all people that it brings in; a target gets either the former or the latter.

use std::collections::HashMap;

use lifecycle::{Lane, MemberKind, ResourceKind};
use scim::NestedGroups;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use store::StoreError;

use crate::rows::words::RowStatus;
use crate::rows::{edge, load_resources, resource};

/// Returns whether the target must have the membership.
pub(crate) fn wants_membership(nested: NestedGroups, row: &edge::Model) -> bool {
    row.told
        && match nested {
            NestedGroups::Flatten => !row.is_group,
            NestedGroups::Keep => !row.through_groups,
        }
}

/// Returns the same condition in SQL.
fn wanted_condition(nested: NestedGroups) -> Condition {
    let other = match nested {
        NestedGroups::Flatten => edge::Column::IsGroup,
        NestedGroups::Keep => edge::Column::ThroughGroups,
    };
    Condition::all().add(edge::Column::Told.eq(true)).add(other.eq(false))
}

/// Returns the condition for memberships that the mapper sent and that this target must not have. Such a membership at
/// the target is not managed by Usher.
pub(crate) fn left_alone() -> Condition {
    Condition::all()
        .add(edge::Column::Told.eq(true))
        .add(edge::Column::Desired.eq(false))
        .add(edge::Column::Applied.eq(false))
}

/// Applies the profile's rule to every membership of the target, because the profile may have changed. Missing
/// memberships are added before any are removed, as always. Returns the number of changed rows.
pub(crate) async fn apply_nesting(
    tx: &DatabaseTransaction,
    target: &str,
    nested: NestedGroups,
    now: i64,
) -> Result<u64, StoreError> {
    let mut changed = 0;
    for desired in [true, false] {
        let which = if desired { wanted_condition(nested) } else { wanted_condition(nested).not() };
        let of_target = || {
            edge::Entity::update_many()
                .filter(edge::Column::Target.eq(target))
                .filter(edge::Column::Desired.ne(desired))
                .filter(which.clone())
        };
        // A request in doubt is settled as it was sent, and its effect is corrected afterwards. A row that was given up stays so.
        let doubtful = edge::Column::Status.is_in([RowStatus::Sending, RowStatus::Unsure]);
        let given_up = edge::Column::Status.is_in([RowStatus::Dead, RowStatus::Rejected]);
        let settled = doubtful.clone().or(given_up.clone()).not();
        let moves = [
            (settled.clone().and(edge::Column::Applied.ne(desired)), Some((RowStatus::Pending, true))),
            (settled.and(edge::Column::Applied.eq(desired)), Some((RowStatus::InSync, false))),
            (doubtful, Some((RowStatus::Unsure, true))),
            (given_up, None),
        ];
        for (which, place) in moves {
            let mut update = of_target().col_expr(edge::Column::Desired, Expr::value(desired)).filter(which);
            if let Some((status, queued)) = place {
                update = update
                    .col_expr(edge::Column::Status, Expr::value(status))
                    .col_expr(edge::Column::Queued, Expr::value(queued))
                    .col_expr(edge::Column::Lane, Expr::value(Lane::Backfill.rank()))
                    .col_expr(edge::Column::NextAttemptAt, Expr::value(now))
                    .col_expr(edge::Column::Attempts, Expr::value(0));
            }
            let moved = update.exec(tx).await;
            changed += moved.map_err(StoreError::statement("apply how groups are nested"))?.rows_affected;
        }
    }
    Ok(changed)
}

/// Returns the resources that are members of a group (accounts and groups), by their keys.
pub(crate) async fn load_members<'m>(
    connection: &impl ConnectionTrait,
    target: &str,
    members: impl IntoIterator<Item = (&'m str, MemberKind)>,
) -> Result<HashMap<String, resource::Model>, StoreError> {
    let (mut people, mut groups) = (Vec::new(), Vec::new());
    for (member, kind) in members {
        let list = if kind.is_person() { &mut people } else { &mut groups };
        list.push(member.to_owned());
    }
    let mut found = load_resources(connection, target, ResourceKind::User, &people, false).await?;
    found.extend(load_resources(connection, target, ResourceKind::Group, &groups, false).await?);
    Ok(found)
}
