//! A policy that was read and found to be consistent.

use lifecycle::{OrphanPolicy, PolicyActions, RemovalGuard};

use crate::error::PolicyRemark;
use crate::mapping::MappedAttribute;
use crate::scope::{AssignedNames, Scope, ScopeInput};

/// The desired content of one target: its rules for accounts and groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub(crate) target: String,
    pub(crate) fingerprint: String,
    pub(crate) guard: RemovalGuard,
    pub(crate) default_domain: Option<String>,
    pub(crate) users: UserRules,
    pub(crate) groups: Option<GroupRules>,
    pub(crate) manager_attributes: Vec<String>,
    pub(crate) remarks: Vec<PolicyRemark>,
}

/// Rules for accounts.
#[derive(Debug, Clone, PartialEq)]
pub struct UserRules {
    /// The people who should have an account.
    pub scope: Scope,
    /// The mappings of its attributes.
    pub mappings: Vec<MappedAttribute>,
    /// The target paths that identify an account which existed before, in order of precedence.
    pub match_on: Vec<String>,
    /// The permitted actions.
    pub actions: PolicyActions,
    /// The effect on accounts of people who are out of scope.
    pub out_of_scope: OutOfScope,
    /// The rule for leavers.
    pub leaver: LeaverRule,
    /// `true` if the target was empty at the first sync: accounts are created without a lookup.
    pub assume_empty: bool,
    /// The people whose access is removed only by an operator.
    pub protected: Option<AssignedNames>,
    /// The rule for orphans: accounts at the target without a known person.
    pub orphans: OrphanPolicy,
}

impl UserRules {
    /// Returns `true` if the person is on the list of protected people.
    pub(crate) fn protects(&self, seen: &ScopeInput<'_>) -> bool {
        self.protected.as_ref().is_some_and(|list| list.lists(seen))
    }
}

/// Rules for groups.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupRules {
    /// The groups that should exist.
    pub scope: Scope,
    /// The mappings of their attributes.
    pub mappings: Vec<MappedAttribute>,
    /// See [`UserRules::match_on`].
    pub match_on: Vec<String>,
    /// See [`UserRules::actions`]; groups cannot be disabled.
    pub actions: PolicyActions,
    /// The effect on groups that are out of scope.
    pub out_of_scope: OutOfScope,
    /// See [`UserRules::assume_empty`].
    pub assume_empty: bool,
    /// The groups that are deleted only by an operator.
    pub protected: Option<AssignedNames>,
}

/// The effect on the account of a person, or on a group, that is out of scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfScope {
    /// The account is disabled; the group is deleted.
    Disable,
    /// The account or group stays as it is and is not managed any more, as with Entra's `SkipOutOfScopeDeletions`.
    Keep,
}

/// The rule for the account of a person who left, or whose record was erased at the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaverRule {
    /// The first action.
    pub action: LeaverAction,
    /// The time of the first action.
    pub when: LeaverMoment,
    /// The number of days between the departure and the deletion of the account.
    pub delete_after_days: Option<u32>,
    /// The number of minutes from the departure, or from its receipt, to the proof that the account is off.
    pub objective_minutes: u32,
    /// The number of days for which the proof is verified repeatedly.
    pub verify_days: u32,
}

/// The action on an account at the departure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaverAction {
    /// The account is disabled.
    Disable,
    /// The account is deleted: at once, or after it was disabled for `deleteAfterDays`.
    Delete,
    /// No action: the account stays as it is mapped while the person is in scope.
    None,
}

/// The time at which a departure takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaverMoment {
    /// On the day of the departure.
    Effective,
    /// As soon as the departure is known. Days of grace count from the day of the departure nevertheless.
    AtOnce,
}

impl Policy {
    /// Returns the name of the target.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns remarks on content of the file that is probably unintended.
    pub fn remarks(&self) -> &[PolicyRemark] {
        &self.remarks
    }

    /// Returns the fingerprint of the file. It changes with the file: a decision under another fingerprint must be made again.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns the limits on the number of accounts that may lose access by one change.
    pub fn guard(&self) -> RemovalGuard {
        self.guard
    }

    /// Returns the rule for orphans: accounts at the target without a known person.
    pub fn orphans(&self) -> &OrphanPolicy {
        &self.users.orphans
    }

    /// Returns the result of `DefaultDomain()` in the mappings.
    pub fn default_domain(&self) -> Option<&str> {
        self.default_domain.as_deref()
    }

    /// Returns the rules for accounts.
    pub fn users(&self) -> &UserRules {
        &self.users
    }

    /// Returns `true` if the account of a person without a right to it may stay as it is.
    pub fn may_keep_leavers(&self) -> bool {
        let users = &self.users;
        users.leaver.action == LeaverAction::None
            || users.out_of_scope == OutOfScope::Keep
            || !users.actions.disable
    }

    /// Returns the rules for groups, or `None` if the policy does not manage groups.
    pub fn groups(&self) -> Option<&GroupRules> {
        self.groups.as_ref()
    }

    /// Returns `true` if the policy has rules for groups.
    pub fn has_groups(&self) -> bool {
        self.groups.is_some()
    }

    /// Returns `true` if group memberships affect the accounts or groups that should exist.
    pub fn uses_groups(&self) -> bool {
        let protects_members = self.users.protected.as_ref().is_some_and(|list| !list.groups.is_empty());
        protects_members || self.scopes().any(Scope::uses_groups)
    }

    /// Returns `true` if membership in the group with this key and display name affects the accounts or groups that should exist.
    pub fn decides_by_group(&self, key: &str, name: Option<&str>) -> bool {
        self.scopes().any(|scope| scope.names_group(key, name))
    }

    /// Returns `true` if the names of groups matter for that, and not only their keys.
    pub fn names_groups(&self) -> bool {
        self.uses_groups()
    }

    /// Returns the names of the managers' attributes that scopes or mappings use.
    pub fn manager_attributes(&self) -> &[String] {
        &self.manager_attributes
    }

    /// Returns the names of the attributes of people that the policy
    /// uses, in their own scopes and mappings or as managers of others.
    pub fn person_attributes(&self) -> impl Iterator<Item = &str> {
        let in_mappings = self.users.mappings.iter().flat_map(MappedAttribute::own_attributes);
        let of_managers = self.manager_attributes.iter().map(String::as_str);
        self.users.scope.own_attributes().chain(in_mappings).chain(of_managers)
    }

    fn scopes(&self) -> impl Iterator<Item = &Scope> {
        std::iter::once(&self.users.scope).chain(self.groups.iter().map(|groups| &groups.scope))
    }

    /// See [`Policy::manager_attributes`].
    pub(crate) fn looked_at_in_managers(users: &UserRules, groups: Option<&GroupRules>) -> Vec<String> {
        let scopes = std::iter::once(&users.scope).chain(groups.map(|groups| &groups.scope));
        let mappings = users.mappings.iter().chain(groups.into_iter().flat_map(|groups| &groups.mappings));
        let in_scopes = scopes.flat_map(Scope::manager_attributes).map(str::to_owned);
        let mut names: Vec<String> =
            in_scopes.chain(mappings.flat_map(MappedAttribute::manager_attributes)).collect();
        names.sort();
        names.dedup();
        names
    }
}
