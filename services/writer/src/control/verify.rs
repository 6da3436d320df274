//! Verbs `digests`, `entries` and `verified`: reports the desired state that the writer has, for the mapper to compare with its
//! decisions. Orphans have no desired state of the mapper, and memberships count only if their group is desired to exist.

use std::collections::{BTreeSet, HashSet};

use lifecycle::digest::{DesiredEntry, RangeDigests, bucket_of, content_hash};
use lifecycle::{
    AccountState, DesiredState, DigestsReply, DigestsRequest, ENTRIES_MAX, EntriesReply, EntriesRequest,
    ResourceKind, ScanPosition, VerifiedRequest,
};
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{Store, StoreError};

use super::WriterControl;
use crate::rows::orphan;
use crate::rows::{control, edge, resource, verification};

/// The maximum number of rows that one reply is made from.
const ROWS_MAX: u64 = 5_000;

/// A row to compare, with the desired state if its entry is requested.
struct ComparedRow {
    entry: DesiredEntry,
    desired: Option<String>,
}

impl WriterControl {
    /// Returns the digests of one page of the desired state.
    pub(super) async fn digests(&self, request: &DigestsRequest) -> Result<DigestsReply, StoreError> {
        let at = self.store.now().await?;
        let control = control::load_control(self.store.reader(), &request.target).await?;
        let rules = if control.orphans.is_some() { control.rules().version } else { 0 };
        let (rows, next) =
            desired_rows(&self.store, &request.target, request.kind, request.after.as_ref()).await?;
        let mut digests = RangeDigests::default();
        rows.iter().for_each(|row| digests.add(&row.entry));
        Ok(DigestsReply { at, digests, next, rules, restored_at: control.restored_at })
    }

    /// Returns the desired entries in the requested ranges.
    pub(super) async fn entries(&self, request: &EntriesRequest) -> Result<EntriesReply, StoreError> {
        let EntriesRequest { target, kind, buckets, after } = request;
        let (rows, mut next) = desired_rows(&self.store, target, *kind, after.as_ref()).await?;
        let mut entries = Vec::new();
        for ComparedRow { mut entry, desired } in rows {
            if !buckets.contains(&bucket_of(&entry.subject, entry.member.as_deref())) {
                continue;
            }
            if let Some(desired) = desired {
                entry.gives = gives_access(&desired);
            }
            entries.push(entry);
            if entries.len() == ENTRIES_MAX {
                next = entries.last().map(place_of);
                break;
            }
        }
        Ok(EntriesReply { entries, next })
    }

    pub(super) async fn verified(&self, request: &VerifiedRequest) -> Result<(), StoreError> {
        let tx = self.store.begin().await?;
        verification::complete_verification(&tx, &request.target, request.begun).await?;
        tx.commit().await.map_err(StoreError::statement("keep a verification"))
    }
}

fn place_of(entry: &DesiredEntry) -> ScanPosition {
    ScanPosition { subject: entry.subject.clone(), member: entry.member.clone().unwrap_or_default() }
}

/// Returns a page of desired entries, and the position at which the next one begins.
async fn desired_rows(
    store: &Store,
    target: &str,
    kind: ResourceKind,
    after: Option<&ScanPosition>,
) -> Result<(Vec<ComparedRow>, Option<ScanPosition>), StoreError> {
    match kind {
        ResourceKind::Membership => membership_entries(store, target, after).await,
        kind => resource_entries(store, target, kind, after).await,
    }
}

/// Returns one page of desired people or groups. Orphans and rows without a command are left out.
async fn resource_entries(
    store: &Store,
    target: &str,
    kind: ResourceKind,
    after: Option<&ScanPosition>,
) -> Result<(Vec<ComparedRow>, Option<ScanPosition>), StoreError> {
    let mut query = resource::Entity::find()
        .select_only()
        .columns([resource::Column::Subject, resource::Column::DesiredRevision, resource::Column::Desired])
        .filter(resource::Column::Target.eq(target))
        .filter(resource::Column::Kind.eq(kind.as_str()));
    if let Some(after) = after {
        query = query.filter(resource::Column::Subject.gt(&after.subject));
    }
    let found: Vec<(String, i64, String)> = query
        .order_by_asc(resource::Column::Subject)
        .limit(ROWS_MAX)
        .into_tuple()
        .all(store.reader())
        .await
        .map_err(StoreError::statement("read what is desired"))?;
    let next = full_page(found.len()).then(|| found.last()).flatten();
    let next = next.map(|(subject, ..)| ScanPosition { subject: subject.clone(), member: String::new() });
    let told =
        found.into_iter().filter(|(subject, revision, _)| *revision > 0 && !orphan::is_orphan(subject));
    let rows = told.map(|(subject, revision, desired)| {
        let content = content_hash(&desired);
        let entry = DesiredEntry { subject, member: None, revision, content, gives: false };
        ComparedRow { entry, desired: Some(desired) }
    });
    Ok((rows.collect(), next))
}

/// Returns one page of desired memberships of groups that are desired to exist.
async fn membership_entries(
    store: &Store,
    target: &str,
    after: Option<&ScanPosition>,
) -> Result<(Vec<ComparedRow>, Option<ScanPosition>), StoreError> {
    let mut query = edge::Entity::find()
        .select_only()
        .columns([
            edge::Column::GroupSubject,
            edge::Column::MemberSubject,
            edge::Column::Revision,
            edge::Column::Told,
        ])
        .filter(edge::Column::Target.eq(target));
    if let Some(ScanPosition { subject, member }) = after {
        let later = edge::Column::GroupSubject.gt(subject).or(edge::Column::MemberSubject.gt(member));
        query = query.filter(edge::Column::GroupSubject.gte(subject)).filter(later);
    }
    let found: Vec<(String, String, i64, bool)> = query
        .order_by_asc(edge::Column::GroupSubject)
        .order_by_asc(edge::Column::MemberSubject)
        .limit(ROWS_MAX)
        .into_tuple()
        .all(store.reader())
        .await
        .map_err(StoreError::statement("read what is desired"))?;
    let next = full_page(found.len()).then(|| found.last()).flatten();
    let next =
        next.map(|(group, member, ..)| ScanPosition { subject: group.clone(), member: member.clone() });
    let groups: BTreeSet<String> = found.iter().map(|(group, ..)| group.clone()).collect();
    let existing = existing_groups(store, target, groups.into_iter().collect()).await?;
    let told = found.into_iter().filter(|(group, _, revision, _)| *revision > 0 && existing.contains(group));
    let rows = told.map(|(subject, member, revision, told)| {
        let entry = DesiredEntry { subject, member: Some(member), revision, content: 0, gives: told };
        ComparedRow { entry, desired: None }
    });
    Ok((rows.collect(), next))
}

fn full_page(rows: usize) -> bool {
    u64::try_from(rows).unwrap_or(u64::MAX) >= ROWS_MAX
}

/// Returns those of the groups that are desired to exist.
async fn existing_groups(
    store: &Store,
    target: &str,
    groups: Vec<String>,
) -> Result<HashSet<String>, StoreError> {
    let rows =
        crate::rows::load_resources(store.reader(), target, ResourceKind::Group, &groups, false).await?;
    let exist = rows.into_iter().filter(|(_, row)| gives_access(&row.desired));
    Ok(exist.map(|(subject, _)| subject).collect())
}

/// Returns whether the desired state gives access.
fn gives_access(desired: &str) -> bool {
    match serde_json::from_str(desired) {
        Ok(DesiredState::User(account)) => account.state == AccountState::Active,
        Ok(DesiredState::Group(group)) => group.exists,
        Ok(DesiredState::Membership { .. }) | Err(_) => false,
    }
}
