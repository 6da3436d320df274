//! The subjects of decisions. Events, plans, explanations and outlooks all assemble them here.

use lifecycle::{AttributeMap, GroupState, IdentityView, ResourceKind};
use policy::{DecisionSubject, GroupMembership, GroupSubject, Policy};

use super::SeedMaker;

/// A person with everything that decisions about them depend on, at one time.
#[derive(Clone, Copy)]
pub(crate) struct DecidedPerson<'a> {
    pub(crate) identity: &'a IdentityView,
    /// All groups that the person is in, directly or nested.
    pub(crate) groups: &'a [GroupMembership],
    /// The attributes of the manager, if the manager is known.
    pub(crate) manager: Option<&'a AttributeMap>,
}

impl<'a> DecidedPerson<'a> {
    /// Returns the subject of a decision by `policy`.
    pub(crate) fn subject(&self, policy: &Policy, seeds: &SeedMaker) -> DecisionSubject<'a> {
        let Self { identity, groups, manager } = *self;
        let seed = seeds.of(policy.target(), ResourceKind::User, &identity.key);
        DecisionSubject { identity, groups, manager, seed }
    }
}

/// A group with everything that decisions about it depend on, at one time.
pub(crate) struct DecidedGroup<'a> {
    key: &'a str,
    pub(crate) attributes: AttributeMap,
    pub(crate) exists: bool,
    pub(crate) groups: Vec<GroupMembership>,
}

impl<'a> DecidedGroup<'a> {
    /// Returns the group as of `now` (microseconds). `groups` contains all groups that it is nested in.
    pub(crate) fn at(key: &'a str, state: &GroupState, groups: Vec<GroupMembership>, now: i64) -> Self {
        Self { key, attributes: state.attributes_at(now), exists: state.exists_at(now), groups }
    }

    /// Returns the subject of a decision by `policy`.
    pub(crate) fn subject(&self, policy: &Policy, seeds: &SeedMaker) -> GroupSubject<'_> {
        GroupSubject {
            key: self.key,
            attributes: &self.attributes,
            exists: self.exists,
            groups: &self.groups,
            seed: seeds.of(policy.target(), ResourceKind::Group, self.key),
        }
    }
}
