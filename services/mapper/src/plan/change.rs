//! Compares two desired states in terms of the target.

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::{AccountState, AttributeChange, DesiredState, PlannedAction, PolicyActions};
use serde_json::Value;

/// The change at the target if `after` is requested instead of `before`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AccountChange {
    pub(crate) action: PlannedAction,
    /// Changes of attributes, sorted by path.
    pub(crate) attributes: Vec<AttributeChange>,
}

impl AccountChange {
    fn none() -> Self {
        Self { action: PlannedAction::None, attributes: Vec::new() }
    }
}

/// The presence of a resource at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ResourcePresence {
    On,
    Off,
    Absent,
}

fn presence_of(desired: &DesiredState) -> ResourcePresence {
    match desired {
        DesiredState::User(account) => match account.state {
            AccountState::Active => ResourcePresence::On,
            AccountState::Disabled => ResourcePresence::Off,
            AccountState::Deleted => ResourcePresence::Absent,
        },
        DesiredState::Group(group) if group.exists => ResourcePresence::On,
        DesiredState::Group(_) | DesiredState::Membership { .. } => ResourcePresence::Absent,
    }
}

fn actions_of(desired: &DesiredState) -> PolicyActions {
    match desired {
        DesiredState::User(account) => account.actions,
        DesiredState::Group(group) => group.actions,
        DesiredState::Membership { .. } => PolicyActions::default(),
    }
}

/// Compares the state that was last requested (`None`: none ever was) with the one that would be requested. Matching and
/// permissions do not change the resource, and neither does an attribute that is released. Values that are written only on
/// creation count as a change only if the resource is created.
pub(crate) fn change_between(before: Option<&DesiredState>, after: &DesiredState) -> AccountChange {
    let may = actions_of(after);
    let was = before.map_or(ResourcePresence::Absent, presence_of);
    let attributes = attribute_differences(before.filter(|_| was != ResourcePresence::Absent), after);
    let differs = may.update && attributes.iter().any(|change| !change.released);
    let action = match (was, presence_of(after)) {
        (ResourcePresence::Absent, ResourcePresence::On) if may.create => PlannedAction::Create,
        // The target may have the resource already, and is searched for it.
        (ResourcePresence::Absent, ResourcePresence::On) => PlannedAction::Adopt,
        (ResourcePresence::Absent, _) => return AccountChange::none(),
        (_, ResourcePresence::Absent) => {
            return AccountChange { action: PlannedAction::Delete, attributes: Vec::new() };
        }
        (ResourcePresence::On, ResourcePresence::Off) => PlannedAction::Disable,
        (ResourcePresence::Off, ResourcePresence::On) if may.disable => PlannedAction::Enable,
        _ if differs => PlannedAction::Update,
        _ => return AccountChange::none(),
    };
    let mut attributes = if may.update || action == PlannedAction::Create { attributes } else { Vec::new() };
    if action == PlannedAction::Create {
        attributes.extend(on_creation(after));
        attributes.sort_by(|a, b| a.path.cmp(&b.path));
    }
    AccountChange { action, attributes }
}

/// Returns the values that only a creation writes.
fn on_creation(after: &DesiredState) -> Vec<AttributeChange> {
    let values = match after {
        DesiredState::User(account) => &account.on_create,
        DesiredState::Group(group) => &group.on_create,
        DesiredState::Membership { .. } => return Vec::new(),
    };
    let written = |(path, value): (&String, &Value)| AttributeChange {
        path: path.clone(),
        before: None,
        after: Some(value.clone()),
        released: false,
        on_creation: true,
    };
    values.iter().map(written).collect()
}

/// Returns the values by path, and the paths that must be cleared.
fn stated_values(desired: &DesiredState) -> (BTreeMap<&str, Value>, BTreeSet<&str>) {
    let (attributes, clear) = match desired {
        DesiredState::User(account) => (&account.attributes, &account.clear),
        DesiredState::Group(group) => (&group.attributes, &group.clear),
        DesiredState::Membership { .. } => return Default::default(),
    };
    let mut values: BTreeMap<&str, Value> =
        attributes.iter().map(|(path, value)| (path.as_str(), value.clone())).collect();
    if let DesiredState::User(account) = desired {
        values
            .extend(account.references.iter().map(|(path, key)| (path.as_str(), Value::from(key.as_str()))));
    }
    (values, clear.iter().map(String::as_str).collect())
}

/// Returns the attributes whose values differ, sorted by path.
fn attribute_differences(before: Option<&DesiredState>, after: &DesiredState) -> Vec<AttributeChange> {
    let (old, _) = before.map(stated_values).unwrap_or_default();
    let (new, clear) = stated_values(after);
    let paths: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    paths
        .into_iter()
        .filter(|path| old.get(path) != new.get(path))
        .map(|path| AttributeChange {
            path: path.to_owned(),
            before: old.get(path).cloned(),
            after: new.get(path).cloned(),
            released: !new.contains_key(path) && !clear.contains(path),
            on_creation: false,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use lifecycle::{AttributeMap, DesiredAccount};
    use serde_json::json;

    use super::*;

    fn account(state: AccountState, attributes: Value, clear: &[&str]) -> DesiredState {
        DesiredState::User(DesiredAccount {
            state,
            attributes: serde_json::from_value::<AttributeMap>(attributes).unwrap(),
            on_create: AttributeMap::new(),
            clear: clear.iter().map(ToString::to_string).collect(),
            references: BTreeMap::new(),
            match_on: Vec::new(),
            assume_empty: false,
            protected: false,
            delete_grace_days: None,
            actions: PolicyActions::default(),
        })
    }

    #[test]
    fn what_is_written_on_creation_alone_is_shown_where_something_is_created() {
        let DesiredState::User(account) = account(AccountState::Active, json!({ "title": "a" }), &[]) else {
            panic!()
        };
        let on_create = serde_json::from_value(json!({ "nickName": "x", "zone": "y" })).unwrap();
        let with = DesiredAccount { on_create, ..account };
        let without_create = DesiredAccount {
            actions: PolicyActions { create: false, ..PolicyActions::default() },
            ..with.clone()
        };
        let off = DesiredAccount { state: AccountState::Disabled, ..with.clone() };
        let shown = |before: Option<&DesiredAccount>, after: &DesiredAccount| -> Vec<(String, bool)> {
            let before = before.cloned().map(DesiredState::User);
            let change = change_between(before.as_ref(), &DesiredState::User(after.clone()));
            change.attributes.into_iter().map(|change| (change.path, change.on_creation)).collect()
        };
        let all = [("nickName", true), ("title", false), ("zone", true)];
        assert_eq!(shown(None, &with), all.map(|(path, on)| (path.to_owned(), on)));
        assert_eq!(shown(None, &without_create), [("title".to_owned(), false)]);
        assert_eq!(shown(Some(&off), &with), []);
    }

    #[test]
    fn a_change_is_named_by_what_happens_at_the_target() {
        use AccountState::{Active, Deleted, Disabled};
        let title = |state, title: &str| account(state, json!({ "title": title }), &[]);
        let none = |state, clear: &[&str]| account(state, json!({}), clear);
        let table = [
            (None, title(Active, "a"), PlannedAction::Create, 1),
            (None, title(Disabled, "a"), PlannedAction::None, 0),
            (Some(title(Active, "a")), title(Active, "a"), PlannedAction::None, 0),
            (Some(title(Active, "a")), title(Active, "b"), PlannedAction::Update, 1),
            (Some(title(Active, "a")), none(Active, &["title"]), PlannedAction::Update, 1),
            (Some(title(Active, "a")), none(Active, &[]), PlannedAction::None, 0),
            (Some(none(Active, &[])), none(Active, &["title"]), PlannedAction::None, 0),
            (Some(title(Active, "a")), title(Disabled, "b"), PlannedAction::Disable, 1),
            (Some(title(Disabled, "a")), title(Active, "a"), PlannedAction::Enable, 0),
            (Some(title(Disabled, "a")), title(Disabled, "b"), PlannedAction::Update, 1),
            (Some(title(Active, "a")), title(Deleted, "a"), PlannedAction::Delete, 0),
            (Some(title(Deleted, "a")), title(Deleted, "b"), PlannedAction::None, 0),
            (Some(title(Deleted, "a")), title(Active, "a"), PlannedAction::Create, 1),
            (Some(title(Deleted, "a")), title(Disabled, "a"), PlannedAction::None, 0),
        ];
        let without = |update| match title(Active, "a") {
            DesiredState::User(account) => DesiredState::User(DesiredAccount {
                actions: PolicyActions { create: false, update, ..PolicyActions::default() },
                ..account
            }),
            other => other,
        };
        let table = table.into_iter().chain([
            (None, without(true), PlannedAction::Adopt, 1),
            (None, without(false), PlannedAction::Adopt, 0),
            (Some(title(Active, "b")), without(true), PlannedAction::Update, 1),
        ]);
        for (before, after, action, attributes) in table {
            let change = change_between(before.as_ref(), &after);
            assert_eq!(
                (change.action, change.attributes.len()),
                (action, attributes),
                "{before:?} to {after:?}"
            );
        }
    }
}
