//! What an account or group should be, with references filled in.

use std::collections::HashMap;

use lifecycle::{AccountState, Attributes, Desired};
use scim::Kind;

/// What should be true, in the target's own terms.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) kind: Kind,
    pub(crate) state: AccountState,
    /// By SCIM path; accounts have `active`.
    pub(crate) attributes: Attributes,
    pub(crate) match_on: Vec<String>,
    pub(crate) assume_empty: bool,
    /// A person who is referred to and has no account at the target yet.
    pub(crate) awaits: Option<String>,
}

impl Wanted {
    /// From a command's desired state; `links` are the remote ids of people, by key. `None` for memberships.
    pub(crate) fn new(desired: Desired, links: &HashMap<String, String>) -> Option<Self> {
        match desired {
            Desired::User(account) => {
                let mut attributes = account.attributes;
                let mut awaits = None;
                for (path, person) in account.references {
                    match links.get(&person) {
                        Some(id) => drop(attributes.insert(path, id.clone().into())),
                        None => awaits = Some(person),
                    }
                }
                attributes.insert("active".to_owned(), (account.state == AccountState::Active).into());
                Some(Self {
                    kind: Kind::User,
                    state: account.state,
                    attributes,
                    match_on: account.match_on,
                    assume_empty: account.assume_empty,
                    awaits,
                })
            }
            Desired::Group(group) => Some(Self {
                kind: Kind::Group,
                state: if group.exists { AccountState::Active } else { AccountState::Deleted },
                attributes: group.attributes,
                match_on: group.match_on,
                assume_empty: group.assume_empty,
                awaits: None,
            }),
            Desired::Membership { .. } => None,
        }
    }

    /// Keys of the people that `desired` refers to.
    pub(crate) fn references(desired: &Desired) -> Vec<String> {
        match desired {
            Desired::User(account) => account.references.values().cloned().collect(),
            Desired::Group(_) | Desired::Membership { .. } => Vec::new(),
        }
    }

    pub(crate) fn external_id(&self) -> Option<&str> {
        self.text("externalId")
    }

    /// The value at `path`, if it is a text that is not empty.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.attributes.get(path).and_then(|value| value.as_str()).filter(|text| !text.is_empty())
    }

    /// Whether reaching this state from `applied` switches an account off.
    pub(crate) fn takes_access_away(&self, applied: &Attributes) -> bool {
        self.kind == Kind::User
            && self.state == AccountState::Disabled
            && applied.get("active") != Some(&false.into())
    }

    /// What reaching this state from `applied` is called.
    pub(crate) fn name_of_change(&self, applied: &Attributes) -> &'static str {
        let was_off = applied.get("active") == Some(&false.into());
        match self.state {
            _ if self.takes_access_away(applied) => "disabled",
            AccountState::Active if was_off => "enabled",
            _ => "updated",
        }
    }
}
