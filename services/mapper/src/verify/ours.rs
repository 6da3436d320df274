//! The mapper's side of a verification: the desired states, page by page.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use lifecycle::ResourceKind;
use lifecycle::digest::{DesiredEntry, RangeDigests, content_hash};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, Store, StoreError};

use super::compare::EntryKey;
use crate::rows::{desired, edge, group};

/// Rows of one page.
const PAGE: u64 = 2_000;

/// Calls `take` for each entry that was decided for `target`.
async fn each_entry(
    store: &Store,
    target: &str,
    kind: ResourceKind,
    take: impl FnMut(DesiredEntry),
) -> Result<(), StoreError> {
    match kind {
        ResourceKind::Membership => each_membership(store, target, take).await,
        kind => each_resource(store, target, kind, take).await,
    }
}

/// Returns the digests of all entries.
pub(super) async fn own_digests(
    store: &Store,
    target: &str,
    kind: ResourceKind,
) -> Result<RangeDigests, StoreError> {
    let mut digests = RangeDigests::default();
    each_entry(store, target, kind, |entry| digests.add(&entry)).await?;
    Ok(digests)
}

/// Returns the entries in some ranges.
pub(super) async fn own_entries(
    store: &Store,
    target: &str,
    kind: ResourceKind,
    buckets: &BTreeSet<u16>,
) -> Result<BTreeMap<EntryKey, DesiredEntry>, StoreError> {
    let mut found = BTreeMap::new();
    each_entry(store, target, kind, |entry| {
        if buckets.contains(&entry.bucket()) {
            found.insert((entry.subject.clone(), entry.member.clone()), entry);
        }
    })
    .await?;
    Ok(found)
}

async fn each_resource(
    store: &Store,
    target: &str,
    kind: ResourceKind,
    mut take: impl FnMut(DesiredEntry),
) -> Result<(), StoreError> {
    let mut after: Option<String> = None;
    loop {
        let mut query = desired::Entity::find()
            .filter(desired::Column::Target.eq(target))
            .filter(desired::Column::Kind.eq(kind.as_str()));
        if let Some(after) = &after {
            query = query.filter(desired::Column::Subject.gt(after));
        }
        let rows = query
            .order_by_asc(desired::Column::Subject)
            .limit(PAGE)
            .all(store.reader())
            .await
            .map_err(StoreError::statement("read desired states"))?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some(last.subject.clone());
        for row in rows {
            take(DesiredEntry {
                content: content_hash(&row.desired),
                subject: row.subject,
                member: None,
                revision: row.revision,
                gives: matches!(row.state.as_str(), "active" | "exists"),
            });
        }
    }
}

/// Calls `take` for the memberships of groups that should exist at the target: others are never sent to it.
async fn each_membership(
    store: &Store,
    target: &str,
    mut take: impl FnMut(DesiredEntry),
) -> Result<(), StoreError> {
    let groups: Vec<String> = desired::Entity::find()
        .select_only()
        .column(desired::Column::Subject)
        .filter(desired::Column::Target.eq(target))
        .filter(desired::Column::Kind.eq(ResourceKind::Group.as_str()))
        .filter(desired::Column::State.eq("exists"))
        .into_tuple()
        .all(store.reader())
        .await
        .map_err(StoreError::statement("read desired states"))?;
    for group in groups {
        let mut after = String::new();
        loop {
            let rows = edge::Entity::find()
                .filter(edge::Column::GroupKey.eq(&group))
                .filter(edge::Column::MemberKey.gt(&after))
                .order_by_asc(edge::Column::MemberKey)
                .limit(PAGE)
                .all(store.reader())
                .await
                .map_err(StoreError::statement("read memberships"))?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.member_key);
            for row in rows.into_iter().filter(|row| row.revision > 0) {
                take(DesiredEntry {
                    gives: row.is_member(),
                    subject: row.group_key,
                    member: Some(row.member_key),
                    revision: row.revision,
                    content: 0,
                });
            }
        }
    }
    Ok(())
}

/// Returns those of `keys` that are keys of known people or groups.
pub(super) async fn known_keys(
    store: &Store,
    kind: ResourceKind,
    keys: &[String],
) -> Result<HashSet<String>, StoreError> {
    let mut found = HashSet::new();
    for keys in keys.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows: Vec<String> = match kind {
            ResourceKind::User => {
                let query = crate::rows::identity::Entity::find().select_only();
                let query = query.column(crate::rows::identity::Column::Key);
                let query = query.filter(crate::rows::identity::Column::Key.is_in(keys));
                query.into_tuple().all(store.reader()).await
            }
            _ => {
                let query = group::Entity::find().select_only().column(group::Column::Key);
                query.filter(group::Column::Key.is_in(keys)).into_tuple().all(store.reader()).await
            }
        }
        .map_err(StoreError::statement("read known keys"))?;
        found.extend(rows);
    }
    Ok(found)
}
