//! The limit on groups per person at a target (`groups_per_user_max` in the profile). A membership beyond the limit is
//! held until the person has left another group; sending it would be refused, or silently lose another membership.

use std::collections::{HashMap, HashSet};

use lifecycle::{Fact, HeldBy, ResourceKind};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use crate::rows::edge;
use crate::rows::facts::TransactionFacts;
use crate::rows::words::RowStatus;

/// Removes the additions beyond the limit from the memberships that one request is about, and returns them. Leaves them
/// alone if an earlier request about them may have been carried out.
pub(crate) async fn take_excess(
    connection: &impl ConnectionTrait,
    target: &str,
    max: u32,
    group: &str,
    edges: &mut Vec<edge::Model>,
) -> Result<Vec<edge::Model>, StoreError> {
    let added = edges.iter().filter(|edge| edge.desired && !edge.applied);
    let members: Vec<String> = added.map(|edge| edge.member_subject.clone()).collect();
    if members.is_empty() || edges.iter().any(edge::Model::is_unsure) {
        return Ok(Vec::new());
    }
    let counts = groups_of(connection, target, group, &members).await?;
    let is_full = |edge: &edge::Model| {
        let count = counts.get(&edge.member_subject).copied().unwrap_or(0);
        edge.desired && !edge.applied && count >= i64::from(max)
    };
    let (excess, kept) = std::mem::take(edges).into_iter().partition(is_full);
    *edges = kept;
    Ok(excess)
}

/// Counts the other groups that each person is in at the target, or may be about to join. Jobs mark their memberships as
/// being sent one after the other, each in the transaction that counted: the last place is given away once.
async fn groups_of(
    connection: &impl ConnectionTrait,
    target: &str,
    group: &str,
    members: &[String],
) -> Result<HashMap<String, i64>, StoreError> {
    let coming = coming_memberships(Expr::col);
    let mut counts = HashMap::new();
    for some in members.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows: Vec<(String, i64)> = edge::Entity::find()
            .select_only()
            .column(edge::Column::MemberSubject)
            .column_as(edge::Column::GroupSubject.count(), "groups")
            .filter(edge::Column::Target.eq(target))
            .filter(edge::Column::MemberSubject.is_in(some))
            .filter(edge::Column::GroupSubject.ne(group))
            .filter(edge::Column::Applied.eq(true).or(coming.clone()))
            .group_by(edge::Column::MemberSubject)
            .into_tuple()
            .all(connection)
            .await
            .map_err(StoreError::statement("count the groups of people"))?;
        counts.extend(rows);
    }
    Ok(counts)
}

/// Returns the condition for memberships that a request may just be adding.
fn coming_memberships(column: impl Fn(edge::Column) -> Expr) -> Expr {
    let sent = column(edge::Column::Status).is_in([RowStatus::Sending, RowStatus::Unsure]);
    sent.and(column(edge::Column::Desired).eq(true))
}

/// Returns the reason why a membership is held, and the remedy.
pub(crate) fn limit_reason(max: u32) -> String {
    format!(
        "the target allows {max} groups for each person (`groups_per_user_max` of its profile), and has that many: it goes out \
         by itself once the person is out of another group"
    )
}

/// Holds a membership.
pub(crate) fn hold_membership(row: &mut edge::Model, by: HeldBy, reason: &str, news: &mut TransactionFacts) {
    row.hold(by, reason);
    let edge::Model { target, group_subject, member_subject, revision, .. } = &*row;
    let id = format!("hld:{target}:membership:{group_subject}:{member_subject}:{revision}");
    let fact = Fact::Held {
        target: target.clone(),
        kind: ResourceKind::Membership,
        revision: *revision,
        reason: format!("group {group_subject}: {reason}"),
    };
    news.tell(id, member_subject, row.trace(), fact);
}

/// Queues the held memberships that have become possible. Returns their number.
pub(crate) async fn wake_held(
    tx: &DatabaseTransaction,
    target: &str,
    max: u32,
    now: i64,
) -> Result<u64, StoreError> {
    let others = Alias::new("others");
    let column = |column: edge::Column| Expr::col((others.clone(), column));
    let count = Query::select()
        .expr(column(edge::Column::GroupSubject).count())
        .from_as(edge::Entity, others.clone())
        .and_where(column(edge::Column::Target).eq(target))
        .and_where(column(edge::Column::MemberSubject).equals((edge::Entity, edge::Column::MemberSubject)))
        .and_where(column(edge::Column::Applied).eq(true).or(coming_memberships(column)))
        .to_owned();
    let woken = edge::Entity::update_many()
        .col_expr(edge::Column::Status, Expr::value(RowStatus::Pending))
        .col_expr(edge::Column::Queued, Expr::value(true))
        .col_expr(edge::Column::NextAttemptAt, Expr::value(now))
        .col_expr(edge::Column::LastError, Expr::value(Option::<String>::None))
        .filter(edge::Column::Target.eq(target))
        .filter(edge::Column::Status.eq(RowStatus::Held))
        .filter(edge::Column::Held.is_null())
        .filter(Expr::value(i64::from(max)).gt(Expr::SubQuery(None, Box::new(count.into()))))
        .exec(tx)
        .await
        .map_err(StoreError::statement("wake held memberships"))?;
    Ok(woken.rows_affected)
}

/// Returns those of `members` who have a held membership at the target.
pub(crate) async fn members_held(
    connection: &impl ConnectionTrait,
    target: &str,
    members: &[String],
) -> Result<HashSet<String>, StoreError> {
    let rows: Vec<String> = edge::Entity::find()
        .select_only()
        .column(edge::Column::MemberSubject)
        .distinct()
        .filter(edge::Column::Target.eq(target))
        .filter(edge::Column::Status.eq(RowStatus::Held))
        .filter(edge::Column::MemberSubject.is_in(members))
        .into_tuple()
        .all(connection)
        .await
        .map_err(StoreError::statement("read whose memberships are held"))?;
    Ok(rows.into_iter().collect())
}
