//! Reads the inputs of a batch's decisions besides their subjects: groups, groups around groups, managers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lifecycle::{AccessOrder, AttributeMap, IdentityView};
use policy::GroupMembership;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::{BatchState, load};
use crate::rows::edge;
use crate::subjects::{GroupIndex, NESTING_LEVELS_MAX, is_known, key_of_manager};
use crate::unreadable::StateKind;

/// The inputs of the decisions of one batch.
#[derive(Debug, Default)]
pub(super) struct DecisionContext {
    index: GroupIndex,
    /// All touched people.
    pub(super) people: HashMap<String, IdentityView>,
    managers: HashMap<String, AttributeMap>,
}

impl DecisionContext {
    /// Returns the groups that the person is in.
    pub(super) fn of_person(&self, key: &str) -> Vec<GroupMembership> {
        self.index.memberships(self.index.parents(key))
    }

    /// Returns the keys of the groups that the person is in through other groups.
    pub(super) fn through_groups(&self, key: &str) -> Vec<String> {
        self.index.reached_through(self.index.parents(key))
    }

    /// Returns the groups that the group is in.
    pub(super) fn of_group(&self, key: &str) -> Vec<GroupMembership> {
        self.index.memberships_of_group(key)
    }

    /// Returns the attributes of the manager with this key.
    pub(super) fn manager(&self, key: Option<&str>) -> Option<&AttributeMap> {
        self.managers.get(key?)
    }
}

/// Reads the inputs that the policies use. Sets `manager` of all touched people; no more people may be touched afterwards.
pub(super) async fn read_surroundings(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
) -> Result<DecisionContext, StoreError> {
    let now = work.micros();
    let touched = work.people.iter().filter(|(_, person)| person.touched.is_some());
    let mut people: HashMap<String, IdentityView> =
        touched.map(|(key, person)| (key.clone(), person.state.view(key, now))).collect();
    if work.withholds_access {
        // The order that an account is never deleted may be among those that are missing.
        let keep = AccessOrder { since: now, until: None };
        for view in people.values_mut() {
            view.orders.keep.get_or_insert(keep);
        }
    }
    let index = climb_groups(tx, work, &people).await?;
    let mut around = DecisionContext { index, people, ..DecisionContext::default() };
    around.managers = keep_managers(tx, work, &around.people).await?;
    Ok(around)
}

/// Climbs from all touched subjects up through their groups, with one or two statements per level.
async fn climb_groups(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    views: &HashMap<String, IdentityView>,
) -> Result<GroupIndex, StoreError> {
    let mut index = GroupIndex::default();
    let people = work.people.iter().filter(|(_, known)| known.touched.is_some()).map(|(key, _)| key.clone());
    let groups = work.groups.iter().filter(|(_, known)| known.touched.is_some()).map(|(key, _)| key.clone());
    let mut groups_seen: BTreeSet<String> = groups.collect();
    let mut asked: BTreeSet<String> = BTreeSet::new();
    let mut level: BTreeSet<String> = people.chain(groups_seen.iter().cloned()).collect();
    for _ in 0..=NESTING_LEVELS_MAX {
        level.retain(|key| asked.insert(key.clone()));
        if level.is_empty() {
            break;
        }
        let mut next = BTreeSet::new();
        for (member, group) in listing_groups(tx, work, &level).await? {
            index.nest(member, group.clone());
            next.insert(group);
        }
        groups_seen.extend(next.iter().cloned());
        level = next;
    }
    let mut unreadable = load::load_readable_groups(tx, work, &groups_seen).await?;
    if !unreadable.is_empty() {
        let working = views.iter().filter(|(_, view)| !has_no_access(view)).map(|(key, _)| key);
        let groups = work.groups.iter().filter(|(_, known)| known.touched.is_some()).map(|(key, _)| key);
        if let Some(key) = reached_among(&index, working.chain(groups), &unreadable)
            && let Some(error) = unreadable.remove(&key)
        {
            return Err(error);
        }
        unreadable.iter().for_each(|(key, error)| work.unreadable.note(StateKind::Group, &[key], error));
    }
    let now = work.micros();
    for key in &groups_seen {
        if let Some(known) = work.groups.get(key) {
            index.add(key, &known.state, now);
        }
    }
    let nested: BTreeSet<String> =
        groups_seen.into_iter().filter(|key| !index.parents(key).is_empty()).collect();
    index.set_people(&load::known_people(tx, work, &nested).await?);
    Ok(index)
}

/// Returns whether the person has no access with any groups and any manager: a decision about a departure must not wait until
/// those can be read.
fn has_no_access(view: &IdentityView) -> bool {
    view.orders.off.is_some() || view.employment.since().is_some()
}

/// Returns one of the `unreadable` groups that one of `subjects` is in, directly or through other groups.
fn reached_among<'k>(
    index: &GroupIndex,
    subjects: impl Iterator<Item = &'k String>,
    unreadable: &BTreeMap<String, StoreError>,
) -> Option<String> {
    let mut level: Vec<&str> = subjects.map(String::as_str).collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    while let Some(key) = level.pop() {
        if unreadable.contains_key(key) {
            return Some(key.to_owned());
        }
        if seen.insert(key) {
            level.extend(index.parents(key).iter().map(String::as_str));
        }
    }
    None
}

/// Returns `(member, group)` for each group that lists one of `members`, as the batch has it.
pub(super) async fn listing_groups(
    tx: &DatabaseTransaction,
    work: &BatchState<'_>,
    members: &BTreeSet<String>,
) -> Result<BTreeSet<(String, String)>, StoreError> {
    let mut present: BTreeSet<(String, String)> = BTreeSet::new();
    let keys: Vec<&String> = members.iter().collect();
    for chunk in keys.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows: Vec<(String, String)> = edge::Entity::find()
            .select_only()
            .columns([edge::Column::MemberKey, edge::Column::GroupKey])
            .filter(edge::Column::MemberKey.is_in(chunk.iter().copied()))
            .filter(edge::Column::Present.eq(true))
            .into_tuple()
            .all(tx)
            .await
            .map_err(StoreError::statement("read memberships of people"))?;
        present.extend(rows);
    }
    for ((group, member), edge) in work.edges.iter().filter(|((_, member), _)| members.contains(member)) {
        let key = (member.clone(), group.clone());
        if edge.row.present {
            present.insert(key);
        } else {
            present.remove(&key);
        }
    }
    Ok(present)
}

/// Stores the manager of each person, and reads the managers' attributes if a policy uses any.
async fn keep_managers(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    people: &HashMap<String, IdentityView>,
) -> Result<HashMap<String, AttributeMap>, StoreError> {
    let now = work.micros();
    let (mut all, mut new) = (BTreeSet::new(), BTreeSet::new());
    for (key, view) in people {
        let Some(person) = work.people.get_mut(key) else { continue };
        let manager = key_of_manager(&view.attributes);
        if manager != person.manager {
            new.extend(manager.clone());
        }
        all.extend(manager.clone());
        person.manager = manager;
    }
    if work.policies.manager_attributes().is_empty() {
        return Ok(HashMap::new());
    }
    let mut unreadable = load::load_readable_states(tx, work, &all).await?;
    if !unreadable.is_empty() {
        let working = people.iter().filter(|(_, view)| !has_no_access(view)).map(|(key, _)| key);
        let managers = working.filter_map(|key| work.people.get(key)?.manager.as_ref());
        if let Some(error) = managers.cloned().find_map(|manager| unreadable.remove(&manager)) {
            return Err(error);
        }
        unreadable.iter().for_each(|(key, error)| work.unreadable.note(StateKind::Person, &[key], error));
    }
    // A change of a manager is spread to the reports that exist then. A concurrent new report is not among them, and would keep
    // the manager's old attributes, so one of the two batches must be processed again.
    for key in new {
        if let Some(manager) = work.people.get_mut(&key) {
            manager.is_guarded = true;
        }
    }
    let known = all.into_iter().filter_map(|key| {
        let state = &work.people.get(&key)?.state;
        is_known(state).then(|| (key.clone(), state.view(&key, now).attributes))
    });
    Ok(known.collect())
}

/// Determines the members in the batch's commands that are groups.
pub(super) async fn classify_members(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
) -> Result<(), StoreError> {
    if !work.policies.iter().any(policy::Policy::has_groups) {
        return Ok(());
    }
    let appeared: BTreeSet<&String> = work.appeared.keys().map(|(_, group)| group).collect();
    let told =
        work.edges.iter().filter(|((group, _), edge)| edge.changed.is_some() || appeared.contains(group));
    let members: BTreeSet<String> = told.map(|((_, member), _)| member.clone()).collect();
    let nested = load::groups_among(tx, work, &members).await?;
    work.nested.extend(nested);
    Ok(())
}
