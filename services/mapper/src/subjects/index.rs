//! An index of all groups and of their nesting.

use std::collections::{BTreeSet, HashMap, HashSet};

use lifecycle::{AttributeMap, GroupState};
use policy::GroupMembership;
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use store::StoreError;

use super::people_among;
use crate::rows::{decode_state, edge, group};

/// The maximum number of levels of nested groups that are followed; deeper groups count as not nested. Directories that
/// allow nesting at all stay far below it.
pub(crate) const NESTING_LEVELS_MAX: usize = 32;
/// Groups per statement while everything is loaded.
const GROUPS_PER_PAGE: u64 = 5_000;
const DISPLAY_NAME: &str = "displayName";

/// Names and nesting of groups at one moment. A deleted group is contained like any other, but gives nothing: neither itself
/// nor the groups that it is nested in.
#[derive(Debug, Default)]
pub(crate) struct GroupIndex {
    groups: HashMap<String, IndexedGroup>,
    /// The groups that list a member, by the key of the member (person or group).
    parents: HashMap<String, Vec<String>>,
}

/// A group in the index.
#[derive(Debug)]
struct IndexedGroup {
    name: Option<String>,
    is_gone: bool,
    /// `true` if a person has the same key. A member with this key is the person.
    is_person: bool,
}

impl GroupIndex {
    /// Loads all groups, as of `now` (microseconds).
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn load(connection: &impl ConnectionTrait, now: i64) -> Result<Self, StoreError> {
        let mut index = Self::default();
        let mut after = String::new();
        loop {
            let rows = group::Entity::find()
                .filter(group::Column::Key.gt(&after))
                .order_by_asc(group::Column::Key)
                .limit(GROUPS_PER_PAGE)
                .all(connection)
                .await
                .map_err(StoreError::statement("read groups"))?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.key);
            for row in rows {
                index.add(&row.key, &decode_state(&row.state, &row.key)?, now);
            }
        }
        let groups = Query::select().column(group::Column::Key).from(group::Entity).to_owned();
        let nested: Vec<(String, String)> = edge::Entity::find()
            .select_only()
            .columns([edge::Column::MemberKey, edge::Column::GroupKey])
            .filter(edge::Column::Present.eq(true))
            .filter(edge::Column::MemberKey.in_subquery(groups))
            .into_tuple()
            .all(connection)
            .await
            .map_err(StoreError::statement("read nested groups"))?;
        let keys: Vec<String> = nested.iter().map(|(member, _)| member.clone()).collect();
        for (member, group) in nested {
            index.nest(member, group);
        }
        index.set_people(&people_among(connection, &keys).await?);
        Ok(index)
    }

    /// Adds a group.
    pub(crate) fn add(&mut self, key: &str, state: &GroupState, now: i64) {
        let name = display_name(&state.attributes_at(now));
        let group = IndexedGroup { name, is_gone: state.gone_at(now), is_person: false };
        self.groups.insert(key.to_owned(), group);
    }

    /// Adds that `group` lists `member`.
    pub(crate) fn nest(&mut self, member: String, group: String) {
        self.parents.entry(member).or_default().push(group);
    }

    /// Marks keys that belong to people: a member with such a key is the person and not the group.
    pub(crate) fn set_people(&mut self, keys: &BTreeSet<String>) {
        for key in keys {
            if let Some(group) = self.groups.get_mut(key) {
                group.is_person = true;
            }
        }
    }

    /// Returns whether `key` is the key of a group, and of no person.
    pub(crate) fn is_group(&self, key: &str) -> bool {
        self.groups.get(key).is_some_and(|group| !group.is_person)
    }

    /// Returns the keys of the groups that list `member`.
    pub(crate) fn parents(&self, member: &str) -> &[String] {
        self.parents.get(member).map_or(&[], Vec::as_slice)
    }

    /// Returns every group that gives something to a member of the groups `direct`: those first, then the groups that they are
    /// nested in. Each group is contained once, and each level is in order of the keys.
    pub(crate) fn memberships(&self, direct: &[String]) -> Vec<GroupMembership> {
        self.climb(direct, None)
    }

    /// Returns every group that the groups `direct` are nested in, whether or not it is one of them. A deleted group leads no
    /// further, but is itself contained: its memberships must be correct when it comes back.
    pub(crate) fn reached_through(&self, direct: &[String]) -> Vec<String> {
        let leads_on =
            |key: &&str| self.groups.get(*key).is_some_and(|group| !group.is_gone && !group.is_person);
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut level: BTreeSet<&str> = direct.iter().map(String::as_str).collect();
        for _ in 0..NESTING_LEVELS_MAX {
            let above = level.into_iter().filter(leads_on).flat_map(|key| self.parents(key));
            level = above.map(String::as_str).filter(|key| reached.insert(key)).collect();
            if level.is_empty() {
                break;
            }
        }
        reached.into_iter().map(str::to_owned).collect()
    }

    /// Returns every group that the group `key` is nested in; never the group itself.
    pub(crate) fn memberships_of_group(&self, key: &str) -> Vec<GroupMembership> {
        match self.groups.get(key) {
            Some(group) if group.is_person => Vec::new(),
            _ => self.climb(self.parents(key), Some(key)),
        }
    }

    /// Climbs from the groups `direct` through the groups that list them, level by level, without the group `but`.
    fn climb(&self, direct: &[String], but: Option<&str>) -> Vec<GroupMembership> {
        let mut seen: HashSet<&str> = but.into_iter().collect();
        let mut out = Vec::new();
        let mut level: BTreeSet<&str> = direct.iter().map(String::as_str).collect();
        for depth in 0..NESTING_LEVELS_MAX {
            let mut next = BTreeSet::new();
            for key in level {
                let group = self.groups.get(key);
                if group.is_some_and(|group| group.is_gone) || !seen.insert(key) {
                    continue;
                }
                let name = group.and_then(|group| group.name.clone());
                out.push(GroupMembership { key: key.to_owned(), name, direct: depth == 0 });
                if !group.is_some_and(|group| group.is_person) {
                    next.extend(self.parents(key).iter().map(String::as_str));
                }
            }
            if next.is_empty() {
                break;
            }
            level = next;
        }
        out
    }
}

/// Returns the name by which policies know a group.
pub(crate) fn display_name(attributes: &AttributeMap) -> Option<String> {
    match attributes.get(DISPLAY_NAME)? {
        Value::String(name) => Some(name.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(edges: &[(&str, &str)]) -> GroupIndex {
        let mut index = GroupIndex::default();
        for (member, group) in edges {
            index.nest((*member).to_owned(), (*group).to_owned());
            for key in [member, group] {
                index.add(key, &GroupState::default(), 0);
            }
        }
        index
    }

    fn keys(memberships: &[GroupMembership]) -> Vec<(&str, bool)> {
        memberships.iter().map(|m| (m.key.as_str(), m.direct)).collect()
    }

    #[test]
    fn nesting_is_followed_each_group_counts_once_and_a_cycle_ends() {
        let index = index(&[("b", "a"), ("c", "b"), ("a", "c"), ("c", "a")]);
        let direct = ["c".to_owned()];
        assert_eq!(keys(&index.memberships(&direct)), [("c", true), ("a", false), ("b", false)]);
        assert_eq!(keys(&index.memberships_of_group("b")), [("a", true), ("c", false)]);
    }

    #[test]
    fn a_group_that_is_gone_or_shares_its_key_with_a_person_leads_nowhere() {
        let mut index = index(&[("b", "a"), ("c", "b")]);
        let direct = ["c".to_owned()];
        index.set_people(&BTreeSet::from(["b".to_owned()]));
        assert_eq!(keys(&index.memberships(&direct)), [("c", true), ("b", false)]);
        assert_eq!(keys(&index.memberships_of_group("b")), []);
        index.groups.get_mut("b").unwrap().is_gone = true;
        assert_eq!(keys(&index.memberships(&direct)), [("c", true)]);
    }

    #[test]
    fn who_is_listed_is_reached_through_groups_as_well_or_not() {
        let index = index(&[("b", "a"), ("c", "b"), ("d", "b"), ("x", "y"), ("y", "x")]);
        let reached = |direct: &[&str]| {
            let direct: Vec<String> = direct.iter().map(|key| (*key).to_owned()).collect();
            index.reached_through(&direct)
        };
        assert_eq!(reached(&["c"]), ["a", "b"]);
        assert_eq!(reached(&["a"]), Vec::<String>::new());
        assert_eq!(reached(&["a", "b"]), ["a"], "listed by a, and reached through b");
        assert_eq!(reached(&["x"]), ["x", "y"], "a cycle ends");
    }

    #[test]
    fn a_chain_deeper_than_the_limit_is_cut_there() {
        let name = |n: usize| format!("{n:03}");
        let edges: Vec<(String, String)> = (1..50).map(|n| (name(n - 1), name(n))).collect();
        let edges: Vec<(&str, &str)> = edges.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(index(&edges).memberships(&[name(0)]).len(), NESTING_LEVELS_MAX);
    }
}
