//! Spreads the effects of a new or lost link: wakes the references and memberships that waited for it.

use std::collections::HashMap;

use lifecycle::{AttributeMap, Lane, ResourceKind};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::names::ReleasedValues;
use crate::delivery::leftovers;
use crate::rows::facts::TransactionFacts;
use crate::rows::reference::{self, ResolvedReferences};
use crate::rows::words::RowStatus;
use crate::rows::{dead, edge, resource};

/// The links that one transaction made and broke, and the references that it left waiting.
#[derive(Debug, Default)]
pub(crate) struct LinkChanges {
    linked: Vec<String>,
    /// The current ids of `linked`.
    new_ids: Vec<String>,
    /// The unlinked subjects with their former ids.
    unlinked: Vec<(String, String)>,
    awaited: Vec<String>,
    /// The people that accounts refer to, with the ids of the references.
    resolved: Vec<(String, ResolvedReferences)>,
    /// Groups that should not be there and are not, and keys that were given up.
    ended: Vec<String>,
    names: ReleasedValues,
}

impl LinkChanges {
    /// Compares a row with its previous link and the previous attributes at the target.
    pub(crate) fn note(&mut self, row: &resource::Model, had: Option<&str>, applied: &AttributeMap) {
        self.names.note(row, had, applied);
        if had != row.remote_id.as_deref() {
            if let Some(old) = had {
                self.unlinked.push((row.subject.clone(), old.to_owned()));
            }
            if let Some(new) = &row.remote_id {
                self.linked.push(row.subject.clone());
                self.new_ids.push(new.clone());
            }
        }
        if leftovers::is_ended(row) {
            self.ended.push(row.subject.clone());
        }
        self.awaited.extend(row.awaits.clone());
    }

    /// Notes the resolved references of a person. An account that was not there before referred to none.
    pub(crate) fn refer(&mut self, subject: &str, resolved: &ResolvedReferences, was_there: bool) {
        if was_there || !resolved.is_empty() {
            self.resolved.push((subject.to_owned(), resolved.clone()));
        }
    }

    /// Wakes waiting rows within the transaction that made the links.
    pub(crate) async fn spread(
        mut self,
        tx: &DatabaseTransaction,
        target: &str,
        kind: ResourceKind,
        now: i64,
        news: &mut TransactionFacts,
    ) -> Result<(), StoreError> {
        std::mem::take(&mut self.names).spread(tx, target, kind, now).await?;
        leftovers::note_leftovers(tx, target, kind, &self.unlinked, now).await?;
        leftovers::forget_ids(tx, target, &self.new_ids).await?;
        let unlinked: Vec<String> = self.unlinked.iter().map(|(subject, _)| subject.clone()).collect();
        for subjects in unlinked.chunks(ROWS_PER_STATEMENT_MAX) {
            forget_memberships(tx, target, kind, subjects).await?;
        }
        for subjects in self.linked.chunks(ROWS_PER_STATEMENT_MAX) {
            wake_memberships(tx, target, kind, subjects, now).await?;
        }
        if kind == ResourceKind::Group {
            leftovers::forget_groups(tx, target, &unlinked).await?;
            for groups in self.ended.chunks(ROWS_PER_STATEMENT_MAX) {
                end_memberships(tx, target, groups, news).await?;
            }
            return Ok(());
        }
        for people in self.ended.chunks(ROWS_PER_STATEMENT_MAX) {
            forget_waiting_memberships(tx, target, people).await?;
        }
        self.spread_references(tx, target, unlinked, now).await
    }

    /// Stores resolved references, and wakes the accounts whose references are outdated or were awaited.
    async fn spread_references(
        mut self,
        tx: &DatabaseTransaction,
        target: &str,
        unlinked: Vec<String>,
        now: i64,
    ) -> Result<(), StoreError> {
        // A reference is woken as well if its person was linked or unlinked between the reading and now.
        let mut people: Vec<String> = self.resolved.iter().flat_map(|(_, of)| of.keys().cloned()).collect();
        people.extend(self.awaited);
        people.sort();
        people.dedup();
        let mut ids = HashMap::new();
        for people in people.chunks(ROWS_PER_STATEMENT_MAX) {
            ids.extend(reference::ids_of(tx, target, people).await?);
        }
        reference::keep_references(tx, target, &self.resolved).await?;
        let is_outdated =
            |of: &ResolvedReferences| of.iter().any(|(person, id)| id.as_ref() != ids.get(person));
        let mut outdated: Vec<String> = self
            .resolved
            .iter()
            .filter(|(_, of)| is_outdated(of))
            .map(|(subject, _)| subject.clone())
            .collect();
        let moved: Vec<String> = self.linked.iter().cloned().chain(unlinked).collect();
        outdated.extend(reference::outdated_references(tx, target, &moved).await?);
        for subjects in outdated.chunks(ROWS_PER_STATEMENT_MAX) {
            wake_outdated(tx, target, subjects, now).await?;
        }
        self.linked.extend(ids.into_keys());
        for subjects in self.linked.chunks(ROWS_PER_STATEMENT_MAX) {
            wake_references(tx, target, subjects, now).await?;
        }
        Ok(())
    }
}

/// Ends memberships of groups that should not be there, and are not. The mapper sends all members of a group that it creates again.
async fn end_memberships(
    tx: &DatabaseTransaction,
    target: &str,
    groups: &[String],
    news: &mut TransactionFacts,
) -> Result<(), StoreError> {
    let letters = edge::Entity::find()
        .filter(edge::Column::Target.eq(target))
        .filter(edge::Column::GroupSubject.is_in(groups))
        .filter(edge::Column::DeadLetter.is_not_null())
        .all(tx)
        .await
        .map_err(StoreError::statement("read memberships that end"))?;
    let ids: Vec<String> = letters.iter().filter_map(|edge| edge.dead_letter.clone()).collect();
    for (edge, letter) in letters.iter().zip(&ids) {
        news.discarded(letter, &edge.member_subject, format!("group {} is deleted", edge.group_subject));
    }
    dead::close_letters(tx, &ids, dead::DISCARDED).await?;
    edge::Entity::delete_many()
        .filter(edge::Column::Target.eq(target))
        .filter(edge::Column::GroupSubject.is_in(groups))
        .exec(tx)
        .await
        .map_err(StoreError::statement("end memberships"))?;
    Ok(())
}

/// Deletes memberships that wait for an account under a key that was given up.
async fn forget_waiting_memberships(
    tx: &DatabaseTransaction,
    target: &str,
    people: &[String],
) -> Result<(), StoreError> {
    edge::Entity::delete_many()
        .filter(edge::Column::Target.eq(target))
        .filter(end_of(ResourceKind::User, people))
        .filter(edge::Column::Status.eq(RowStatus::Waiting))
        .exec(tx)
        .await
        .map_err(StoreError::statement("end memberships"))?;
    Ok(())
}

/// Wakes accounts that refer to a person by an id that is no longer theirs.
async fn wake_outdated(
    tx: &DatabaseTransaction,
    target: &str,
    subjects: &[String],
    now: i64,
) -> Result<(), StoreError> {
    // A person who left long ago does not come before those who leave now.
    let lane = Expr::case(resource::Column::Lane.eq(Lane::Leaver.rank()), Lane::Mover.rank())
        .finally(Expr::col(resource::Column::Lane));
    resource::Entity::update_many()
        .col_expr(resource::Column::Status, Expr::value(RowStatus::Pending))
        .col_expr(resource::Column::Queued, Expr::value(true))
        .col_expr(resource::Column::NextAttemptAt, Expr::value(now))
        .col_expr(resource::Column::WaitsFor, Expr::value(Option::<String>::None))
        .col_expr(resource::Column::Held, Expr::value(Option::<String>::None))
        .col_expr(resource::Column::HeldAt, Expr::value(Option::<i64>::None))
        .col_expr(resource::Column::Lane, lane.into())
        .filter(resource::Column::Target.eq(target))
        .filter(resource::Column::Kind.eq(ResourceKind::User.as_str()))
        .filter(resource::Column::Subject.is_in(subjects))
        .filter(resource::Column::Status.is_in([RowStatus::InSync, RowStatus::Waiting]))
        .exec(tx)
        .await
        .map_err(StoreError::statement("wake references"))?;
    Ok(())
}

/// Wakes accounts that wait for the link of one of these people.
async fn wake_references(
    tx: &DatabaseTransaction,
    target: &str,
    subjects: &[String],
    now: i64,
) -> Result<(), StoreError> {
    // A row that is only deferred, or retrying, keeps its status and comes forward.
    resource::Entity::update_many()
        .col_expr(resource::Column::Status, Expr::value(RowStatus::Pending))
        .col_expr(resource::Column::Queued, Expr::value(true))
        .col_expr(resource::Column::NextAttemptAt, Expr::value(now))
        .col_expr(resource::Column::Awaits, Expr::value(Option::<String>::None))
        .filter(resource::Column::Target.eq(target))
        .filter(resource::Column::Awaits.is_not_null()) // makes the partial index usable
        .filter(resource::Column::Awaits.is_in(subjects))
        .filter(resource::Column::Status.is_in([RowStatus::InSync, RowStatus::Pending]))
        .exec(tx)
        .await
        .map_err(StoreError::statement("wake references"))?;
    Ok(())
}

/// Returns the condition for memberships that have one of these resources as an end.
fn end_of(kind: ResourceKind, subjects: &[String]) -> Condition {
    let is_group = kind == ResourceKind::Group;
    let member = edge::Column::MemberSubject.is_in(subjects).and(edge::Column::IsGroup.eq(is_group));
    let group = is_group.then(|| edge::Column::GroupSubject.is_in(subjects));
    Condition::any().add(member).add_option(group)
}

/// Returns the condition for memberships whose member is at the target.
fn has_member() -> Condition {
    let of = |kind: ResourceKind| {
        Condition::all()
            .add(edge::Column::IsGroup.eq(kind == ResourceKind::Group))
            .add(has_link(kind, edge::Column::MemberSubject))
    };
    Condition::any().add(of(ResourceKind::User)).add(of(ResourceKind::Group))
}

/// Wakes memberships that have one of these resources as an end.
async fn wake_memberships(
    tx: &DatabaseTransaction,
    target: &str,
    kind: ResourceKind,
    subjects: &[String],
    now: i64,
) -> Result<(), StoreError> {
    wake_waiting(tx, target, end_of(kind, subjects), now).await.map(drop)
}

/// Wakes memberships whose ends are both linked and that were not woken: the safety net of [`wake_memberships`].
pub(crate) async fn wake_forgotten_memberships(
    tx: &DatabaseTransaction,
    target: &str,
    now: i64,
) -> Result<u64, StoreError> {
    wake_waiting(tx, target, Condition::all(), now).await
}

/// Returns the condition that an end of the membership is linked.
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

/// Forgets the memberships of a resource that is gone. A removal that was not carried out is kept: the resource may come
/// back with its members (see [`edge::Model::lose_end`]).
async fn forget_memberships(
    tx: &DatabaseTransaction,
    target: &str,
    kind: ResourceKind,
    subjects: &[String],
) -> Result<(), StoreError> {
    let carried_out = || edge::Column::Applied.eq(false).and(edge::Column::Queued.eq(false));
    let removal = || edge::Column::Desired.eq(false);
    let cases = [
        (edge::Column::Desired.eq(true), RowStatus::Waiting, Some(false)),
        (removal().and(carried_out()), RowStatus::InSync, Some(false)),
        (removal().and(carried_out().not()), RowStatus::Waiting, None),
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

/// Queues waiting memberships whose ends are both linked. Removals are read back first. Returns their number.
async fn wake_waiting(
    tx: &DatabaseTransaction,
    target: &str,
    which: Condition,
    now: i64,
) -> Result<u64, StoreError> {
    let mut woken = 0;
    for (desired, status) in [(true, RowStatus::Pending), (false, RowStatus::Unsure)] {
        let updated = edge::Entity::update_many()
            .col_expr(edge::Column::Status, Expr::value(status))
            .col_expr(edge::Column::Queued, Expr::value(true))
            .col_expr(edge::Column::NextAttemptAt, Expr::value(now))
            .filter(edge::Column::Target.eq(target))
            .filter(edge::Column::Desired.eq(desired))
            .filter(edge::Column::Status.eq(RowStatus::Waiting))
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
