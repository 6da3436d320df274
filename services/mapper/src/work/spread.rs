//! Finds the other subjects that must be decided about again, because an input of their decisions changed.
//!
//! A group that was deleted, restored, renamed, or moved in or out of another group affects all people in it, through any
//! number of groups; a manager affects their reports. If only a few are affected, the same batch decides about them. Otherwise
//! their rows are marked ([`super::stale`]) for the background evaluation. Renaming a group of 100,000 people therefore does
//! not delay the events behind it.
//!
//! Two replicas never miss each other's changes: each change of a group's members raises that group's revision, and a change
//! that affects everybody in a group raises the revisions of all groups below it, so one of the two is refused.

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::next_revision;
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::stale::StaleMarks;
use super::surroundings::listing_groups;
use super::{BatchState, CommandCause, load};
use crate::rows::{edge, group, identity};
use crate::subjects::{NESTING_LEVELS_MAX, display_name, is_known};

/// The maximum number of people that a batch decides about in addition to those in its events, for each kind of reason.
const PEOPLE_AT_ONCE_MAX: u64 = 500;
/// The maximum number of groups, likewise.
const GROUPS_AT_ONCE_MAX: usize = 100;

/// Touches or marks all subjects that the changes of the batch affect.
pub(super) async fn spread_changes(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
) -> Result<(), StoreError> {
    let mut members = changed_members(tx, work).await?;
    if !work.policies.use_groups() {
        members = those_in_nested_groups(tx, work, members).await?;
    }
    touch_people(tx, work, members).await?;
    turned_groups(work);
    new_groups(tx, work).await?;
    if !work.policies.use_groups() {
        keep_nested_roots(tx, work).await?;
    }
    new_people(tx, work).await?;
    let below = groups_below(tx, work).await?;
    concern_groups(tx, work, &below).await?;
    concern_members(tx, work, below).await?;
    concern_reports(tx, work).await
}

/// Returns the people who came into a group or left it. Groups that did become roots.
async fn changed_members(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
) -> Result<BTreeMap<String, CommandCause>, StoreError> {
    let changed =
        work.edges.iter().filter_map(|((_, member), edge)| Some((member.clone(), edge.changed.clone()?)));
    let mut members: BTreeMap<String, CommandCause> = changed.collect();
    let nested = load::groups_among(tx, work, &members.keys().cloned().collect()).await?;
    for key in nested {
        if let Some(cause) = members.remove(&key) {
            work.roots.insert(key, cause);
        }
    }
    Ok(members)
}

/// Keeps those whose group is in another group. The groups of the others are an input of no policy.
async fn those_in_nested_groups(
    tx: &DatabaseTransaction,
    work: &BatchState<'_>,
    mut members: BTreeMap<String, CommandCause>,
) -> Result<BTreeMap<String, CommandCause>, StoreError> {
    let changed = work.edges.iter().filter(|(_, edge)| edge.changed.is_some());
    let groups: BTreeSet<String> = changed.clone().map(|((group, _), _)| group.clone()).collect();
    let nested = nested_among(tx, work, &groups).await?;
    let concerned: BTreeSet<&String> =
        changed.filter(|((group, _), _)| nested.contains(group)).map(|((_, member), _)| member).collect();
    members.retain(|key, _| concerned.contains(key));
    Ok(members)
}

/// Keeps the changed groups that are in another group: the members of others are sent as before. A group that came into
/// another group or left it is kept in any case.
async fn keep_nested_roots(tx: &DatabaseTransaction, work: &mut BatchState<'_>) -> Result<(), StoreError> {
    let roots: BTreeSet<String> = work.roots.keys().cloned().collect();
    let nested = nested_among(tx, work, &roots).await?;
    let moved: BTreeSet<String> = work
        .edges
        .iter()
        .filter(|(_, edge)| edge.changed.is_some())
        .map(|((_, member), _)| member.clone())
        .collect();
    work.roots.retain(|key, _| nested.contains(key) || moved.contains(key));
    Ok(())
}

/// Returns those of `groups` that are in another group.
async fn nested_among(
    tx: &DatabaseTransaction,
    work: &BatchState<'_>,
    groups: &BTreeSet<String>,
) -> Result<BTreeSet<String>, StoreError> {
    if groups.is_empty() {
        return Ok(BTreeSet::new());
    }
    let listed = listing_groups(tx, work, groups).await?;
    Ok(listed.into_iter().map(|(member, _)| member).collect())
}

/// Adds groups as roots that look different from when they were last decided about.
fn turned_groups(work: &mut BatchState<'_>) {
    let (now, names) = (work.micros(), work.policies.names_groups());
    for (key, known) in &work.groups {
        let Some(cause) = &known.touched else { continue };
        let is_renamed = || names && display_name(&known.state.attributes_at(now)) != known.before.name;
        if known.state.gone_at(now) != known.before.is_gone || is_renamed() {
            work.roots.entry(key.clone()).or_insert_with(|| cause.clone());
        }
    }
}

/// Adds new groups as roots that were listed as members before: from now on their key is that of a group.
async fn new_groups(tx: &DatabaseTransaction, work: &mut BatchState<'_>) -> Result<(), StoreError> {
    let new: BTreeSet<String> = work
        .groups
        .iter()
        .filter(|(_, known)| known.revision == 0 && known.touched.is_some())
        .map(|(key, _)| key.clone())
        .collect();
    // A concurrent batch that lists one of them takes it for a person: see `KnownPerson::is_guarded`.
    load::load_states(tx, work, &new).await?;
    let mut known = BTreeMap::new();
    for key in new {
        if let Some(person) = work.people.get_mut(&key) {
            person.is_guarded = true;
        }
        if let Some(cause) = work.groups.get(&key).and_then(|group| group.touched.clone()) {
            work.roots.entry(key.clone()).or_insert_with(|| cause.clone());
            known.insert(key, cause);
        }
    }
    tell_again(tx, work, &known).await
}

/// Adds groups as roots whose key belongs to a new person as well: a member with this key is the person from now on.
async fn new_people(tx: &DatabaseTransaction, work: &mut BatchState<'_>) -> Result<(), StoreError> {
    let new: BTreeMap<String, CommandCause> = work
        .people
        .iter()
        .filter(|(_, person)| !person.before.is_known && is_known(&person.state))
        .filter_map(|(key, person)| Some((key.clone(), person.touched.clone()?)))
        .collect();
    let keys: Vec<&String> = new.keys().collect();
    let mut both: Vec<String> = Vec::new();
    for chunk in keys.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows: Vec<String> = group::Entity::find()
            .select_only()
            .column(group::Column::Key)
            .filter(group::Column::Key.is_in(chunk.iter().copied()))
            .into_tuple()
            .all(tx)
            .await
            .map_err(StoreError::statement("read groups"))?;
        both.extend(rows);
    }
    let both: BTreeMap<String, CommandCause> =
        both.into_iter().map(|key| (key.clone(), new[&key].clone())).collect();
    tell_again(tx, work, &both).await?;
    for (key, cause) in both {
        work.roots.entry(key).or_insert(cause);
    }
    Ok(())
}

/// Sends memberships of these keys to every target again, because the kind of the member changed.
async fn tell_again(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    members: &BTreeMap<String, CommandCause>,
) -> Result<(), StoreError> {
    let keys: Vec<&String> = members.keys().collect();
    for chunk in keys.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = edge::Entity::find()
            .filter(edge::Column::MemberKey.is_in(chunk.iter().copied()))
            .filter(edge::Column::Revision.gt(0))
            .all(tx)
            .await
            .map_err(StoreError::statement("read memberships by member"))?;
        let groups = rows.iter().map(|row| row.group_key.clone()).collect();
        load::keep_edges(work, rows);
        load::load_groups(tx, work, &groups).await?;
    }
    let clock = work.clock;
    for ((_, member), edge) in &mut work.edges {
        if let Some(cause) = members.get(member).filter(|_| edge.row.revision > 0) {
            edge.touched = true;
            edge.row.revision = next_revision(edge.row.revision, clock);
            edge.changed.get_or_insert_with(|| cause.clone());
        }
    }
    Ok(())
}

/// Returns the roots and all groups in them, through any number of groups.
async fn groups_below(
    tx: &DatabaseTransaction,
    work: &BatchState<'_>,
) -> Result<BTreeMap<String, CommandCause>, StoreError> {
    let mut found = work.roots.clone();
    let mut level = work.roots.clone();
    for _ in 0..NESTING_LEVELS_MAX {
        if level.is_empty() {
            break;
        }
        let mut next = BTreeMap::new();
        for (group, member) in groups_in(tx, work, &level).await? {
            let cause = &level[&group];
            if !found.contains_key(&member) {
                found.insert(member.clone(), cause.clone());
                next.insert(member, cause.clone());
            }
        }
        level = next;
    }
    Ok(found)
}

/// Returns `(group, member)` for each member of `level` that is a group. A superfluous one is harmless: a subject without a
/// change is decided about once more.
async fn groups_in(
    tx: &DatabaseTransaction,
    work: &BatchState<'_>,
    level: &BTreeMap<String, CommandCause>,
) -> Result<BTreeSet<(String, String)>, StoreError> {
    let mut found: BTreeSet<(String, String)> = BTreeSet::new();
    let keys: Vec<&String> = level.keys().collect();
    for chunk in keys.chunks(ROWS_PER_STATEMENT_MAX) {
        let groups = Query::select().column(group::Column::Key).from(group::Entity).to_owned();
        let rows: Vec<(String, String)> = edge::Entity::find()
            .select_only()
            .columns([edge::Column::GroupKey, edge::Column::MemberKey])
            .filter(edge::Column::GroupKey.is_in(chunk.iter().copied()))
            .filter(edge::Column::Present.eq(true))
            .filter(edge::Column::MemberKey.in_subquery(groups))
            .into_tuple()
            .all(tx)
            .await
            .map_err(StoreError::statement("read nested groups"))?;
        found.extend(rows);
    }
    // Changes of the batch itself are not written yet.
    let here = work.edges.iter().filter(|((group, member), edge)| {
        edge.row.present && level.contains_key(group) && work.groups.contains_key(member)
    });
    found.extend(here.map(|(key, _)| key.clone()));
    Ok(found)
}

/// Touches the groups of `below`, or marks those beyond [`GROUPS_AT_ONCE_MAX`].
async fn concern_groups(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    below: &BTreeMap<String, CommandCause>,
) -> Result<(), StoreError> {
    let keys: BTreeSet<String> = below.keys().take(GROUPS_AT_ONCE_MAX).cloned().collect();
    load::load_groups(tx, work, &keys).await?;
    for (key, cause) in below {
        if let Some(group) = work.groups.get_mut(key) {
            group.touched.get_or_insert_with(|| cause.clone());
        }
    }
    let rest: Vec<String> = below.keys().filter(|key| !work.groups.contains_key(*key)).cloned().collect();
    if !rest.is_empty() {
        work.stale.push(StaleMarks::Groups(rest));
    }
    Ok(())
}

/// Touches the members of these groups, or marks them if there are more than [`PEOPLE_AT_ONCE_MAX`].
async fn concern_members(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    below: BTreeMap<String, CommandCause>,
) -> Result<(), StoreError> {
    let groups: Vec<String> = below.keys().cloned().collect();
    let mut members: BTreeMap<String, CommandCause> = BTreeMap::new();
    for chunk in groups.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows: Vec<(String, String)> = edge::Entity::find()
            .select_only()
            .columns([edge::Column::GroupKey, edge::Column::MemberKey])
            .filter(edge::Column::GroupKey.is_in(chunk))
            .filter(edge::Column::Present.eq(true))
            .limit(PEOPLE_AT_ONCE_MAX + 1)
            .into_tuple()
            .all(tx)
            .await
            .map_err(StoreError::statement("read members"))?;
        members.extend(rows.into_iter().map(|(group, member)| (member, below[&group].clone())));
        if members.len() as u64 > PEOPLE_AT_ONCE_MAX {
            work.stale.push(StaleMarks::MembersOf(groups));
            return Ok(());
        }
    }
    // A group among the members was already affected as a group.
    members.retain(|key, _| {
        !below.contains_key(key) || work.people.get(key).is_some_and(|p| is_known(&p.state))
    });
    touch_people(tx, work, members).await
}

/// Touches the reports of managers whose used attributes changed, or marks them if there are too many.
async fn concern_reports(tx: &DatabaseTransaction, work: &mut BatchState<'_>) -> Result<(), StoreError> {
    let names = work.policies.manager_attributes();
    if names.is_empty() {
        return Ok(());
    }
    let now = work.micros();
    let nothing = vec![None; names.len()];
    let changed: BTreeMap<String, CommandCause> = work
        .people
        .iter()
        .filter_map(|(key, person)| {
            let cause = person.touched.as_ref()?;
            let before = person.before.to_reports.as_ref().unwrap_or(&nothing);
            let differs = BatchState::shown_to_reports(&names, key, &person.state, now) != *before;
            differs.then(|| (key.clone(), cause.clone()))
        })
        .collect();
    let keys: Vec<String> = changed.keys().cloned().collect();
    for chunk in keys.chunks(ROWS_PER_STATEMENT_MAX) {
        let theirs = identity::Entity::find().filter(identity::Column::Manager.is_in(chunk));
        let count = theirs.clone().count(tx).await.map_err(StoreError::statement("count reports"))?;
        if count > PEOPLE_AT_ONCE_MAX {
            work.stale.push(StaleMarks::ReportsOf(chunk.to_vec()));
            continue;
        }
        let rows: Vec<(String, String)> = theirs
            .select_only()
            .columns([identity::Column::Key, identity::Column::Manager])
            .into_tuple()
            .all(tx)
            .await
            .map_err(StoreError::statement("read reports"))?;
        let reports = rows.into_iter().map(|(key, manager)| (key, changed[&manager].clone()));
        touch_people(tx, work, reports.collect()).await?;
    }
    Ok(())
}

/// Loads people, and marks them as touched by a cause.
async fn touch_people(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    people: BTreeMap<String, CommandCause>,
) -> Result<(), StoreError> {
    load::load_people(tx, work, &people.keys().cloned().collect()).await?;
    for (key, cause) in people {
        if let Some(person) = work.people.get_mut(&key) {
            person.touched.get_or_insert(cause);
        }
    }
    Ok(())
}
