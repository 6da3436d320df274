//! The directory as tests compare it: by names, not by ids.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::Kind;
use crate::attributes::{Attributes, text};
use crate::directory::{Directory, Id, Record};

/// Everything in a sandbox. JSON names are in camel case.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// By `userName` in lower case. Where names need not be unique, later ones have `#id` behind them.
    pub users: BTreeMap<String, UserState>,
    /// By `displayName`, likewise.
    pub groups: BTreeMap<String, GroupState>,
}

/// One user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserState {
    /// The sandbox's id.
    pub id: String,
    /// `externalId`.
    pub external_id: Option<String>,
    /// `active`; a user without it counts as active.
    pub active: bool,
    /// Everything that clients set, as a SCIM resource.
    pub attributes: Attributes,
    /// Display names of the groups that the user is in.
    pub groups: BTreeSet<String>,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupState {
    /// The sandbox's id.
    pub id: String,
    /// `externalId`.
    pub external_id: Option<String>,
    /// `userName` of each member, in lower case.
    pub members: BTreeSet<String>,
    /// `displayName` of each group that is a member.
    pub groups: BTreeSet<String>,
}

impl State {
    pub(crate) fn of(directory: &Directory) -> Self {
        let mut state = Self::default();
        for (id, record) in &directory.shelf(Kind::User).records {
            let key = free_key(user_key(record), *id, |key| state.users.contains_key(key));
            let user = UserState {
                id: id.to_string(),
                external_id: text(&record.attributes, "externalId").map(str::to_owned),
                active: record.attributes.get("active").is_none_or(|active| active != false),
                attributes: record.attributes.clone(),
                groups: names(directory, Kind::Group, &record.links, group_key),
            };
            state.users.insert(key, user);
        }
        for (id, record) in &directory.shelf(Kind::Group).records {
            let key = free_key(group_key(record), *id, |key| state.groups.contains_key(key));
            let group = GroupState {
                id: id.to_string(),
                external_id: text(&record.attributes, "externalId").map(str::to_owned),
                members: names(directory, Kind::User, &record.links, user_key),
                groups: names(directory, Kind::Group, &record.nested, group_key),
            };
            state.groups.insert(key, group);
        }
        state
    }
}

fn user_key(record: &Record) -> String {
    text(&record.attributes, "userName").unwrap_or_default().to_lowercase()
}

fn group_key(record: &Record) -> String {
    text(&record.attributes, "displayName").unwrap_or_default().to_owned()
}

fn free_key(key: String, id: Id, taken: impl Fn(&str) -> bool) -> String {
    if taken(&key) { format!("{key}#{id}") } else { key }
}

fn names(
    directory: &Directory,
    kind: Kind,
    ids: &BTreeSet<Id>,
    name: fn(&Record) -> String,
) -> BTreeSet<String> {
    let records = &directory.shelf(kind).records;
    ids.iter().map(|id| records.get(id).map_or_else(|| format!("?{id}"), name)).collect()
}
