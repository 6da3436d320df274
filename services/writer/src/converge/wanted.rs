//! The wanted state of an account or group, with references resolved.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use lifecycle::{AccountState, AttributeMap, DesiredState, PolicyActions};
use scim::ScimKind;

use crate::rows::access::DeletionRule;
use crate::rows::claims::TakenValue;
use crate::rows::reference::ResolvedReferences;
use crate::rows::settled::SettledOutcome;

const ACTIVE: &str = "active";

/// The path of our key at the target.
const EXTERNAL_ID: &str = "externalId";

/// The wanted state of a resource, in the target's own terms.
#[derive(Debug, Clone)]
pub(crate) struct WantedState {
    pub(crate) kind: ScimKind,
    pub(crate) state: AccountState,
    /// The attributes by SCIM path. Accounts have `active`.
    pub(crate) attributes: AttributeMap,
    /// The paths that must have no value. None of them is in `attributes`.
    pub(crate) clear: Vec<String>,
    /// The values that only a create carries.
    pub(crate) on_create: AttributeMap,
    pub(crate) match_on: Vec<String>,
    pub(crate) assume_empty: bool,
    pub(crate) actions: PolicyActions,
    /// A person who is referred to and has no account at the target yet. The reference stays empty until then.
    pub(crate) awaits: Option<String>,
    /// The remote ids that the references resolved to.
    pub(crate) references: ResolvedReferences,
    /// If true, nothing is taken away before an operator approves it.
    pub(crate) protected: bool,
    /// A value that must give way to a temporary one first, because others wait for it in a circle.
    pub(crate) step_aside: Option<TakenValue>,
    /// The rule for deleting the account, if it should not exist.
    pub(crate) deletion: DeletionRule,
}

impl WantedState {
    /// Builds the wanted state from a command's desired state. `links` are the remote ids of people, by key. Returns
    /// `None` for memberships.
    pub(crate) fn new(desired: DesiredState, links: &HashMap<String, String>) -> Option<Self> {
        match desired {
            DesiredState::User(account) => {
                let (mut attributes, mut clear) = (account.attributes, account.clear);
                let (mut awaits, mut references) = (None, ResolvedReferences::new());
                for (path, person) in account.references {
                    let id = links.get(&person);
                    match id {
                        Some(id) => drop(attributes.insert(path, id.clone().into())),
                        // The current value names another person, or an account that is gone.
                        None => {
                            clear.push(path);
                            awaits = Some(person.clone());
                        }
                    }
                    references.insert(person, id.cloned());
                }
                clear.sort();
                clear.dedup();
                attributes.insert(ACTIVE.to_owned(), (account.state == AccountState::Active).into());
                clear.retain(|path| !attributes.contains_key(path));
                Some(Self {
                    kind: ScimKind::User,
                    state: account.state,
                    attributes,
                    clear,
                    on_create: account.on_create,
                    match_on: account.match_on,
                    assume_empty: account.assume_empty && account.actions.create,
                    actions: account.actions,
                    awaits,
                    references,
                    protected: account.protected,
                    step_aside: None,
                    deletion: DeletionRule::Due,
                })
            }
            DesiredState::Group(group) => {
                let mut clear = group.clear;
                clear.retain(|path| !group.attributes.contains_key(path));
                Some(Self {
                    kind: ScimKind::Group,
                    state: if group.exists { AccountState::Active } else { AccountState::Deleted },
                    attributes: group.attributes,
                    clear,
                    on_create: group.on_create,
                    match_on: group.match_on,
                    assume_empty: group.assume_empty && group.actions.create,
                    actions: group.actions,
                    awaits: None,
                    references: ResolvedReferences::new(),
                    protected: group.protected,
                    step_aside: None,
                    deletion: DeletionRule::Due,
                })
            }
            DesiredState::Membership { .. } => None,
        }
    }

    /// Returns the keys of the people that `desired` refers to.
    pub(crate) fn references(desired: &DesiredState) -> Vec<String> {
        match desired {
            DesiredState::User(account) => account.references.values().cloned().collect(),
            DesiredState::Group(_) | DesiredState::Membership { .. } => Vec::new(),
        }
    }

    /// Returns the paths and values by which the account can be found: our key first, then what the policy matches on.
    pub(crate) fn search_keys(&self) -> impl Iterator<Item = (&str, &str)> {
        let ours = self.external_id().map(|value| (EXTERNAL_ID, value));
        let others = self.match_on.iter().filter(|path| *path != EXTERNAL_ID);
        ours.into_iter().chain(others.filter_map(|path| Some((path.as_str(), self.text(path)?))))
    }

    /// Returns our key, if the account has one.
    pub(crate) fn external_id(&self) -> Option<&str> {
        self.text(EXTERNAL_ID)
    }

    /// Returns the value at `path`, if it is a text that is not empty.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.attributes.get(path).and_then(|value| value.as_str()).filter(|text| !text.is_empty())
    }

    /// Returns the attributes that a create carries.
    pub(crate) fn to_create(&self) -> Cow<'_, AttributeMap> {
        if self.on_create.is_empty() {
            return Cow::Borrowed(&self.attributes);
        }
        let mut all = self.on_create.clone();
        all.remove(ACTIVE);
        all.extend(self.attributes.clone());
        Cow::Owned(all)
    }

    /// Returns the attributes that may be written to an existing resource, and the paths that may be cleared there.
    pub(crate) fn to_write(&self) -> (Cow<'_, AttributeMap>, &[String]) {
        let PolicyActions { update, disable, .. } = self.actions;
        let allowed = |path: &String| if path == ACTIVE { disable } else { update };
        let clear: &[String] = if update { &self.clear } else { &[] };
        if update && disable {
            return (Cow::Borrowed(&self.attributes), clear);
        }
        let allowed = self.attributes.iter().filter(|(path, _)| allowed(path));
        (Cow::Owned(allowed.map(|(path, value)| (path.clone(), value.clone())).collect()), clear)
    }

    /// Returns the paths that the wanted state mentions, to be observed in a reading.
    pub(crate) fn paths(&self) -> BTreeSet<&String> {
        self.attributes.keys().chain(&self.clear).collect()
    }

    /// Returns the attributes that the target holds after a create.
    pub(crate) fn created(&self) -> AttributeMap {
        let mut applied = self.attributes.clone();
        let empty = self.clear.iter().filter(|path| !self.on_create.contains_key(*path));
        applied.extend(empty.map(|path| (path.clone(), serde_json::Value::Null)));
        applied
    }

    /// Returns the attributes that the target holds once everything allowed is written. Paths that the policy no longer
    /// mentions are forgotten, because Usher no longer manages them.
    pub(crate) fn written(&self, applied: &AttributeMap) -> AttributeMap {
        let (set, clear) = self.to_write();
        let mut after = applied.clone();
        if self.actions.update {
            after.retain(|path, _| path == ACTIVE);
        }
        after.extend(set.into_owned());
        after.extend(clear.iter().map(|path| (path.clone(), serde_json::Value::Null)));
        after
    }

    /// Returns whether the right request depends on unknown paths of the target: a path to clear may or may not have a
    /// value, and an element of a list would be there twice if it were added blindly.
    pub(crate) fn must_read(&self, applied: &AttributeMap) -> bool {
        let unknown = |path: &String| !applied.contains_key(path);
        let listed = |(path, value): (&String, &serde_json::Value)| {
            unknown(path) && (path.contains('[') || value.is_array())
        };
        self.actions.update && (self.clear.iter().any(unknown) || self.attributes.iter().any(listed))
    }

    /// Returns whether reaching this state from `applied` switches an account off.
    pub(crate) fn takes_access_away(&self, applied: &AttributeMap) -> bool {
        self.kind == ScimKind::User
            && self.state == AccountState::Disabled
            && self.actions.disable
            && applied.get(ACTIVE) != Some(&false.into())
    }

    /// Returns whether reaching this state from `applied` switches an account on again.
    pub(crate) fn gives_access_back(&self, applied: &AttributeMap) -> bool {
        self.kind == ScimKind::User
            && self.state == AccountState::Active
            && self.actions.disable
            && applied.get(ACTIVE) == Some(&false.into())
    }

    /// Returns the grace in microseconds after which the account must be deleted, counted from the time at which it was
    /// seen to be off.
    pub(crate) fn delete_after(&self, applied: &AttributeMap) -> Option<i64> {
        match self.deletion {
            DeletionRule::AfterGrace(grace)
                if self.is_off(applied) && self.state == AccountState::Deleted =>
            {
                Some(grace)
            }
            _ => None,
        }
    }

    /// Returns whether the account should be off and is, as far as `applied` says.
    pub(crate) fn is_off(&self, applied: &AttributeMap) -> bool {
        self.kind == ScimKind::User
            && self.state != AccountState::Active
            && applied.get(ACTIVE) == Some(&false.into())
    }

    /// Returns the outcome of the change from `applied` to this state.
    pub(crate) fn outcome_of_change(&self, applied: &AttributeMap) -> SettledOutcome {
        let was_off = applied.get(ACTIVE) == Some(&false.into());
        match self.state {
            _ if self.takes_access_away(applied) => SettledOutcome::Disabled,
            AccountState::Active if was_off && self.actions.disable => SettledOutcome::Enabled,
            _ => SettledOutcome::Updated,
        }
    }
}
