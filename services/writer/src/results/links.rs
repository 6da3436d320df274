//! What a new or lost link sets in motion: references and memberships that waited for it.

use lifecycle::ResourceKind;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use crate::rows::{edge, load_resources, resource, status};

/// Links that one transaction made and broke, and references that it left waiting.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    linked: Vec<String>,
    unlinked: Vec<String>,
    awaited: Vec<String>,
}

impl Changes {
    /// Compares a row with the link that it had before.
    pub(crate) fn note(&mut self, row: &resource::Model, had: Option<&str>) {
        match (had, row.remote_id.as_deref()) {
            (None, Some(_)) => self.linked.push(row.subject.clone()),
            (Some(_), None) => self.unlinked.push(row.subject.clone()),
            (Some(old), Some(new)) if old != new => {
                self.unlinked.push(row.subject.clone());
                self.linked.push(row.subject.clone());
            }
            _ => {}
        }
        self.awaited.extend(row.awaits.clone());
    }

    /// Wakes what waited, within the transaction that made the links.
    pub(crate) async fn spread(
        mut self,
        tx: &DatabaseTransaction,
        target: &str,
        kind: ResourceKind,
        now: i64,
    ) -> Result<(), StoreError> {
        for subjects in self.unlinked.chunks(ROWS_PER_STATEMENT_MAX) {
            forget_memberships(tx, target, kind, subjects).await?;
        }
        for subjects in self.linked.chunks(ROWS_PER_STATEMENT_MAX) {
            wake_memberships(tx, target, kind, subjects, now).await?;
        }
        if kind == ResourceKind::User {
            // A reference whose person was linked between the reading and now is woken as well.
            self.awaited.sort();
            self.awaited.dedup();
            let found = load_resources(tx, target, kind, &self.awaited, false).await?;
            self.linked.extend(found.into_values().filter(|r| r.remote_id.is_some()).map(|r| r.subject));
            for subjects in self.linked.chunks(ROWS_PER_STATEMENT_MAX) {
                wake_references(tx, target, subjects, now).await?;
            }
        }
        Ok(())
    }
}

async fn wake_references(
    tx: &DatabaseTransaction,
    target: &str,
    subjects: &[String],
    now: i64,
) -> Result<(), StoreError> {
    // A row that is only deferred, or retrying, keeps its standing and comes forward.
    resource::Entity::update_many()
        .col_expr(resource::Column::Status, Expr::value(status::PENDING))
        .col_expr(resource::Column::Queued, Expr::value(true))
        .col_expr(resource::Column::NextAttemptAt, Expr::value(now))
        .col_expr(resource::Column::Awaits, Expr::value(Option::<String>::None))
        .filter(resource::Column::Target.eq(target))
        .filter(resource::Column::Awaits.is_in(subjects))
        .filter(resource::Column::Status.is_in([status::IN_SYNC, status::PENDING]))
        .exec(tx)
        .await
        .map_err(StoreError::statement("wake references"))?;
    Ok(())
}

/// Memberships that one of these resources is an end of.
fn end_of(kind: ResourceKind, subjects: &[String]) -> Condition {
    let is_group = kind == ResourceKind::Group;
    let member = edge::Column::MemberSubject.is_in(subjects).and(edge::Column::IsGroup.eq(is_group));
    let group = is_group.then(|| edge::Column::GroupSubject.is_in(subjects));
    Condition::any().add(member).add_option(group)
}

/// Memberships whose member is at the target.
fn has_member() -> Condition {
    let of = |kind: ResourceKind| {
        Condition::all()
            .add(edge::Column::IsGroup.eq(kind == ResourceKind::Group))
            .add(has_link(kind, edge::Column::MemberSubject))
    };
    Condition::any().add(of(ResourceKind::User)).add(of(ResourceKind::Group))
}

async fn wake_memberships(
    tx: &DatabaseTransaction,
    target: &str,
    kind: ResourceKind,
    subjects: &[String],
    now: i64,
) -> Result<(), StoreError> {
    wake(tx, target, end_of(kind, subjects), now).await.map(drop)
}

/// Wakes memberships whose ends are both linked although nobody noticed: the safety net of [`wake_memberships`].
pub(crate) async fn wake_forgotten_memberships(
    tx: &DatabaseTransaction,
    target: &str,
    now: i64,
) -> Result<u64, StoreError> {
    wake(tx, target, Condition::all(), now).await
}

fn has_link(kind: ResourceKind, end: edge::Column) -> Condition {
    let linked = Query::select()
        .expr(Expr::value(1))
        .from(resource::Entity)
        .and_where(
            Expr::col((resource::Entity, resource::Column::Target))
                .equals((edge::Entity, edge::Column::Target)),
        )
        .and_where(Expr::col((resource::Entity, resource::Column::Kind)).eq(kind.as_str()))
        .and_where(Expr::col((resource::Entity, resource::Column::Subject)).equals((edge::Entity, end)))
        .and_where(Expr::col((resource::Entity, resource::Column::RemoteId)).is_not_null())
        .to_owned();
    Condition::all().add(Expr::exists(linked))
}

/// A resource that is gone took its memberships along. A removal that was not carried out is kept: the resource may come back
/// with its members (see [`edge::Model::lose_end`]).
async fn forget_memberships(
    tx: &DatabaseTransaction,
    target: &str,
    kind: ResourceKind,
    subjects: &[String],
) -> Result<(), StoreError> {
    let carried_out = || edge::Column::Applied.eq(false).and(edge::Column::Queued.eq(false));
    let removal = || edge::Column::Desired.eq(false);
    let cases = [
        (edge::Column::Desired.eq(true), status::WAITING, Some(false)),
        (removal().and(carried_out()), status::IN_SYNC, Some(false)),
        (removal().and(carried_out().not()), status::WAITING, None),
    ];
    for (which, status, applied) in cases {
        let mut update = edge::Entity::update_many()
            .col_expr(edge::Column::Queued, Expr::value(false))
            .col_expr(edge::Column::Status, Expr::value(status))
            .filter(edge::Column::Target.eq(target))
            .filter(end_of(kind, subjects))
            .filter(which);
        if let Some(applied) = applied {
            update = update.col_expr(edge::Column::Applied, Expr::value(applied));
        }
        update.exec(tx).await.map_err(StoreError::statement("forget memberships"))?;
    }
    Ok(())
}

/// Puts waiting memberships whose ends are both linked into the queue; removals are read back first. Says how many.
async fn wake(tx: &DatabaseTransaction, target: &str, which: Condition, now: i64) -> Result<u64, StoreError> {
    let mut woken = 0;
    for (desired, status) in [(true, status::PENDING), (false, status::UNSURE)] {
        let updated = edge::Entity::update_many()
            .col_expr(edge::Column::Status, Expr::value(status))
            .col_expr(edge::Column::Queued, Expr::value(true))
            .col_expr(edge::Column::NextAttemptAt, Expr::value(now))
            .filter(edge::Column::Target.eq(target))
            .filter(edge::Column::Desired.eq(desired))
            .filter(edge::Column::Status.eq(status::WAITING))
            .filter(which.clone())
            .filter(has_member())
            .filter(has_link(ResourceKind::Group, edge::Column::GroupSubject))
            .exec(tx)
            .await
            .map_err(StoreError::statement("wake memberships"))?;
        woken += updated.rows_affected;
    }
    Ok(woken)
}
