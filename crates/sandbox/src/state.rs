//! The directory in a form for comparisons in tests: by names, not by ids.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::RequestKind;
use crate::attributes::{SandboxAttributes, attribute_text};
use crate::directory::{DirectoryRecord, ResourceNumber, SandboxDirectory};

/// The content of a sandbox. JSON names are in camel case.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SandboxState {
    /// The users by `userName` in lower case. If names need not be unique, later ones have `#id` appended.
    pub users: BTreeMap<String, UserState>,
    /// The groups by `displayName`, likewise.
    pub groups: BTreeMap<String, SandboxGroupState>,
}

/// One user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserState {
    /// The sandbox's id.
    pub id: String,
    /// `externalId`.
    pub external_id: Option<String>,
    /// The value of `active`; a user without it counts as active.
    pub active: bool,
    /// All attributes that clients set, as a SCIM resource.
    pub attributes: SandboxAttributes,
    /// The display names of the groups that the user is in.
    pub groups: BTreeSet<String>,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxGroupState {
    /// The sandbox's id.
    pub id: String,
    /// `externalId`.
    pub external_id: Option<String>,
    /// The `userName` of each member, in lower case.
    pub members: BTreeSet<String>,
    /// The `displayName` of each group that is a member.
    pub groups: BTreeSet<String>,
}

impl SandboxState {
    /// Copies the content of the directory.
    pub(crate) fn of(directory: &SandboxDirectory) -> Self {
        let mut state = Self::default();
        for (id, record) in &directory.shelf(RequestKind::User).records {
            let key = free_key(user_key(record), *id, |key| state.users.contains_key(key));
            let user = UserState {
                id: id.to_string(),
                external_id: attribute_text(&record.attributes, "externalId").map(str::to_owned),
                active: record.attributes.get("active").is_none_or(|active| active != false),
                attributes: record.attributes.clone(),
                groups: resource_names(directory, RequestKind::Group, &record.links, group_key),
            };
            state.users.insert(key, user);
        }
        for (id, record) in &directory.shelf(RequestKind::Group).records {
            let key = free_key(group_key(record), *id, |key| state.groups.contains_key(key));
            let group = SandboxGroupState {
                id: id.to_string(),
                external_id: attribute_text(&record.attributes, "externalId").map(str::to_owned),
                members: resource_names(directory, RequestKind::User, &record.links, user_key),
                groups: resource_names(directory, RequestKind::Group, &record.nested, group_key),
            };
            state.groups.insert(key, group);
        }
        state
    }
}

fn user_key(record: &DirectoryRecord) -> String {
    attribute_text(&record.attributes, "userName").unwrap_or_default().to_lowercase()
}

fn group_key(record: &DirectoryRecord) -> String {
    attribute_text(&record.attributes, "displayName").unwrap_or_default().to_owned()
}

fn free_key(key: String, id: ResourceNumber, taken: impl Fn(&str) -> bool) -> String {
    if taken(&key) { format!("{key}#{id}") } else { key }
}

fn resource_names(
    directory: &SandboxDirectory,
    kind: RequestKind,
    ids: &BTreeSet<ResourceNumber>,
    name: fn(&DirectoryRecord) -> String,
) -> BTreeSet<String> {
    let records = &directory.shelf(kind).records;
    ids.iter().map(|id| records.get(id).map_or_else(|| format!("?{id}"), name)).collect()
}
