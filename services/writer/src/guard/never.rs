//! The never list of a target: accounts and groups that no request changes.
//!
//! A change can be sent only with a [`ChangeClearance`], and only [`NeverList`] gives one: see
//! [`crate::delivery::client`]. What the list says of a name is judged by what the target shows, not by what is asked
//! for. An id that was found to be on the list is remembered until the target shows something else.

use std::collections::HashMap;
use std::sync::Mutex;

use lifecycle::{AttributeMap, HeldBy, ResourceKind, matches_name_pattern};
use scim::{FoundResource, ScimKind, TargetProfile};
use serde_json::Value;

use crate::config::NeverConfig;
use crate::rows::edge::HeldMembership;
use crate::rows::{edge, resource};

/// The permission to send one change. It is given by the never list only.
#[derive(Debug)]
pub(crate) struct ChangeClearance(());

/// The never list of one target.
#[derive(Debug, Default)]
pub(crate) struct NeverList {
    config: NeverConfig,
    /// The ids that were found to be on the list by what the target shows, with the reason.
    found: Mutex<HashMap<(ScimKind, String), String>>,
}

impl NeverList {
    pub(crate) fn new(config: NeverConfig) -> Self {
        Self { config, found: Mutex::default() }
    }

    /// Returns whether the list has no entries.
    fn is_empty(&self) -> bool {
        self.config == NeverConfig::default()
    }

    /// Returns the attribute that names resources of this kind.
    pub(crate) fn name_path(kind: ScimKind) -> &'static str {
        match kind {
            ScimKind::User => "userName",
            ScimKind::Group => "displayName",
        }
    }

    /// Returns the name of a resource among its known attributes.
    pub(crate) fn name_in(kind: ScimKind, attributes: &AttributeMap) -> Option<&str> {
        attributes.get(Self::name_path(kind)).and_then(Value::as_str).filter(|name| !name.trim().is_empty())
    }

    /// Returns whether a change must wait until the resource was read: the list may concern it by a value that is not known.
    pub(crate) fn needs_reading(&self, kind: ScimKind, is_named: bool) -> bool {
        match kind {
            ScimKind::User => self.config.administrators || (!self.config.user_names.is_empty() && !is_named),
            ScimKind::Group => !self.config.groups.is_empty() && !is_named,
        }
    }

    /// Gives the permission to change the resource, as far as its id and its known name tell.
    ///
    /// # Errors
    /// The reason, if the list concerns the resource.
    pub(crate) fn clear_change(
        &self,
        kind: ScimKind,
        id: &str,
        name: Option<&str>,
    ) -> Result<ChangeClearance, String> {
        match self.concern(kind, id, name) {
            Some(why) => Err(why),
            None => Ok(ChangeClearance(())),
        }
    }

    /// Gives the permission to create a resource with this name.
    ///
    /// # Errors
    /// The reason, if the list concerns the name: such a create would take over what has it, or stand beside it.
    pub(crate) fn clear_create(&self, kind: ScimKind, name: Option<&str>) -> Result<ChangeClearance, String> {
        match name.and_then(|name| self.name_concern(kind, name)) {
            Some(entry) => Err(format!(
                "the {} is on the never list of the target (`{entry}`): it is not created",
                Self::name_path(kind)
            )),
            None => Ok(ChangeClearance(())),
        }
    }

    /// Returns the reason why no request may change the resource, as far as its id and its known name tell.
    pub(crate) fn concern(&self, kind: ScimKind, id: &str, name: Option<&str>) -> Option<String> {
        if self.config.ids.iter().any(|listed| listed.trim() == id) {
            return Some(reason(kind, id, &format!("id {id}")));
        }
        if kind == ScimKind::Group && self.config.groups.iter().any(|listed| listed.trim() == id) {
            return Some(reason(kind, id, &format!("id {id}")));
        }
        if let Some(entry) = name.and_then(|name| self.name_concern(kind, name)) {
            return Some(reason(kind, id, &format!("{} like {entry:?}", Self::name_path(kind))));
        }
        self.found().get(&(kind, id.to_owned())).cloned()
    }

    /// Returns the reason why no request may change the resource, by what the target shows of it, and remembers it.
    pub(crate) fn judge(
        &self,
        profile: &TargetProfile,
        kind: ScimKind,
        found: &FoundResource,
    ) -> Option<String> {
        let name = scim::observe_resource(&found.attributes, &[Self::name_path(kind).to_owned()]);
        let by_name = Self::name_in(kind, &name).and_then(|name| self.name_concern(kind, name));
        let by_name = by_name.map(|entry| format!("{} like {entry:?}", Self::name_path(kind)));
        let marked = match kind {
            ScimKind::User if self.config.administrators => profile.administrator_mark(&found.attributes),
            _ => None,
        };
        let by_mark = || marked.map(|(attribute, value)| format!("administrators: {attribute} is {value:?}"));
        let key = (kind, found.id.clone());
        match by_name.or_else(by_mark).map(|entry| reason(kind, &found.id, &entry)) {
            Some(why) => {
                self.found().insert(key, why.clone());
                Some(why)
            }
            None => {
                self.found().remove(&key);
                self.concern(kind, &found.id, None)
            }
        }
    }

    /// Returns the entry that concerns a resource of this name.
    pub(crate) fn name_concern(&self, kind: ScimKind, name: &str) -> Option<&str> {
        let entries = match kind {
            ScimKind::User => &self.config.user_names,
            ScimKind::Group => &self.config.groups,
        };
        entries.iter().find(|entry| matches_name_pattern(entry, name)).map(String::as_str)
    }

    fn found(&self) -> std::sync::MutexGuard<'_, HashMap<(ScimKind, String), String>> {
        self.found.lock().expect("nothing panics while holding it")
    }
}

fn reason(kind: ScimKind, id: &str, entry: &str) -> String {
    let what = if kind == ScimKind::User { "account" } else { "group" };
    format!("{what} {id} is on the never list of the target ({entry}): no request changes it")
}

/// Returns the name of a linked resource, as it was last known.
pub(crate) fn known_name(row: &resource::Model) -> Option<String> {
    NeverList::name_in(scim_kind(row.kind()), &row.applied()).map(str::to_owned)
}

/// Returns the kind in the terms of SCIM.
pub(crate) fn scim_kind(kind: ResourceKind) -> ScimKind {
    if kind == ResourceKind::Group { ScimKind::Group } else { ScimKind::User }
}

/// The memberships of one group that the never list concerns.
pub(crate) struct BarredMembers {
    /// The reason why the group is not changed at all.
    group: Option<String>,
    /// The reasons why members are neither added nor removed, by key.
    members: HashMap<String, String>,
}

impl BarredMembers {
    /// Judges a group and its members by their ids and known names.
    pub(crate) fn find(
        never: &NeverList,
        group: Option<&resource::Model>,
        members: &HashMap<String, resource::Model>,
    ) -> Self {
        if never.is_empty() {
            return Self { group: None, members: HashMap::new() };
        }
        let judge = |row: &resource::Model| {
            never.concern(scim_kind(row.kind()), row.remote_id.as_deref()?, known_name(row).as_deref())
        };
        let barred = members.iter().filter_map(|(key, row)| Some((key.clone(), judge(row)?)));
        Self { group: group.and_then(judge), members: barred.collect() }
    }

    /// Takes the memberships that are not sent out of `edges`.
    pub(crate) fn take(&self, edges: Vec<edge::Model>) -> (Vec<edge::Model>, Vec<HeldMembership>) {
        let (mut kept, mut barred) = (Vec::new(), Vec::new());
        for edge in edges {
            match self.group.as_ref().or_else(|| self.members.get(&edge.member_subject)) {
                Some(reason) => {
                    barred.push(HeldMembership { edge, by: HeldBy::Never, reason: reason.clone() });
                }
                None => kept.push(edge),
            }
        }
        (kept, barred)
    }
}

#[cfg(test)]
mod tests;
