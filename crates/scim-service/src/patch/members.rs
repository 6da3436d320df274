//! Changes of group members.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::PatchVerb;
use crate::filter::ScimFilter;
use crate::tree::value_elements;
use crate::{ResourceType, ScimAttributePath, ScimServiceError, get_value};

/// The maximum number of members in one request.
const MEMBERS_MAX: usize = 100_000;
/// The maximum length of a member's id, in characters.
const ID_CHARS_MAX: usize = 256;

/// A change of the members of a group, by the ids of resources.
#[derive(Debug, Clone, PartialEq)]
pub enum MemberChange {
    /// These become members.
    Add(Vec<String>),
    /// These are removed.
    Remove(Vec<String>),
    /// Members that fulfil the filter are removed.
    RemoveMatching(ScimFilter),
    /// These become the only members.
    Replace(Vec<String>),
}

/// The net effect of membership changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettledMembers {
    /// The resources that become members.
    pub added: Vec<String>,
    /// The resources that are no longer members.
    pub removed: Vec<String>,
}

impl MemberChange {
    /// Returns `true` if the change requires that all present members are known.
    pub fn concerns_all(&self) -> bool {
        matches!(self, Self::RemoveMatching(_) | Self::Replace(_))
    }

    /// Returns the members that the change names.
    pub fn named(&self) -> &[String] {
        match self {
            Self::Add(ids) | Self::Remove(ids) | Self::Replace(ids) => ids,
            Self::RemoveMatching(_) => &[],
        }
    }

    /// Applies all `changes` in order. `before` contains the members: all of
    /// them if a change concerns all, otherwise at least those that are named.
    pub fn settle(changes: &[Self], before: &BTreeMap<String, ResourceType>) -> SettledMembers {
        let mut now: BTreeSet<&str> = before.keys().map(String::as_str).collect();
        for change in changes {
            match change {
                Self::Add(ids) => now.extend(ids.iter().map(String::as_str)),
                Self::Remove(ids) => ids.iter().for_each(|id| _ = now.remove(id.as_str())),
                Self::Replace(ids) => now = ids.iter().map(String::as_str).collect(),
                Self::RemoveMatching(filter) => now.retain(|id| !matches_member(filter, id, before.get(*id))),
            }
        }
        let added = now.iter().filter(|id| !before.contains_key(**id)).map(|id| (*id).to_owned());
        let removed = before.keys().filter(|id| !now.contains(id.as_str())).cloned();
        SettledMembers { added: added.collect(), removed: removed.collect() }
    }
}

fn matches_member(filter: &ScimFilter, id: &str, kind: Option<&ResourceType>) -> bool {
    let member = json!({"value": id, "type": kind.copied().unwrap_or(ResourceType::User).name()});
    member.as_object().is_some_and(|member| filter.matches_member(member))
}

/// Converts an operation on `members` to a membership change.
pub(super) fn change_members(
    verb: PatchVerb,
    path: &ScimAttributePath,
    value: Option<&Value>,
) -> Result<MemberChange, ScimServiceError> {
    if path.part.is_some() {
        return Err(ScimServiceError::mutability("a member can be added or removed, but not changed"));
    }
    match (verb, &path.filter) {
        (PatchVerb::Remove, Some(filter)) => Ok(match filter.selected_values() {
            Some(ids) => MemberChange::Remove(ids),
            None => MemberChange::RemoveMatching(filter.clone()),
        }),
        (_, Some(_)) => {
            Err(ScimServiceError::mutability("a member can be added or removed, but not changed"))
        }
        (PatchVerb::Add, None) => Ok(MemberChange::Add(member_ids(value)?)),
        (PatchVerb::Replace, None) => Ok(MemberChange::Replace(member_ids(value)?)),
        // Without values, a removal concerns all members. With values, which only Entra sends, it concerns those.
        (PatchVerb::Remove, None) => Ok(match value {
            None | Some(Value::Null) => MemberChange::Replace(Vec::new()),
            value => MemberChange::Remove(member_ids(value)?),
        }),
    }
}

/// Returns the ids in a list of members, without duplicates.
fn member_ids(value: Option<&Value>) -> Result<Vec<String>, ScimServiceError> {
    let list = value_elements(value);
    if list.len() > MEMBERS_MAX {
        return Err(ScimServiceError::too_many(format!("a request may have at most {MEMBERS_MAX} members")));
    }
    let mut seen = std::collections::HashSet::new();
    let mut ids = Vec::with_capacity(list.len());
    for member in list {
        let id = member_id(member)
            .ok_or_else(|| ScimServiceError::invalid_value("a member needs a `value`, its id"))?;
        if id.is_empty() || id.chars().nth(ID_CHARS_MAX).is_some() || id.contains(char::is_control) {
            return Err(ScimServiceError::invalid_value("the `value` of a member is not an id"));
        }
        if seen.insert(id) {
            ids.push(id.to_owned());
        }
    }
    Ok(ids)
}

fn member_id(member: &Value) -> Option<&str> {
    match member {
        Value::String(id) => Some(id),
        Value::Object(fields) => {
            let reference = || get_value(fields, "$ref")?.as_str()?.rsplit('/').next();
            get_value(fields, "value").and_then(Value::as_str).or_else(reference)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("[a-e]", 0..4)
    }

    fn changes() -> impl Strategy<Value = Vec<MemberChange>> {
        let change = prop_oneof![
            4 => ids().prop_map(MemberChange::Add),
            4 => ids().prop_map(MemberChange::Remove),
            1 => ids().prop_map(MemberChange::Replace),
        ];
        proptest::collection::vec(change, 0..6)
    }

    proptest! {
        #[test]
        fn changes_of_members_are_those_of_a_set(before in ids(), changes in changes()) {
            let before: BTreeMap<String, ResourceType> = before.into_iter().map(|id| (id, ResourceType::User)).collect();
            let mut set: BTreeSet<String> = before.keys().cloned().collect();
            for change in &changes {
                match change {
                    MemberChange::Add(ids) => set.extend(ids.iter().cloned()),
                    MemberChange::Remove(ids) => set.retain(|id| !ids.contains(id)),
                    MemberChange::Replace(ids) => set = ids.iter().cloned().collect(),
                    MemberChange::RemoveMatching(_) => {}
                }
            }
            let settled = MemberChange::settle(&changes, &before);
            let mut now: BTreeSet<String> = before.keys().cloned().collect();
            now.retain(|id| !settled.removed.contains(id));
            for id in &settled.added {
                prop_assert!(now.insert(id.clone()), "{} was there already", id);
            }
            prop_assert_eq!(&now, &set);
            let after: BTreeMap<String, ResourceType> = set.into_iter().map(|id| (id, ResourceType::User)).collect();
            if !changes.iter().any(MemberChange::concerns_all) && changes.len() == 1 {
                prop_assert_eq!(MemberChange::settle(&changes, &after), SettledMembers::default(), "a repeat changes nothing");
            }
        }
    }

    #[test]
    fn members_are_taken_away_by_what_they_are() {
        let before =
            BTreeMap::from([("g".to_owned(), ResourceType::Group), ("u".to_owned(), ResourceType::User)]);
        let filter = ScimFilter::parse(ResourceType::Group, "type eq \"group\"").unwrap();
        let settled = MemberChange::settle(&[MemberChange::RemoveMatching(filter)], &before);
        assert_eq!(settled.removed, ["g"]);
    }
}
