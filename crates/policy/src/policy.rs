//! A policy that was read and found to be consistent.

use lifecycle::{OrphanPolicy, PolicyActions, RemovalGuard};

use crate::error::{PolicyError, PolicyRemark};
use crate::mapping::MappedAttribute;
use crate::scope::{AssignedNames, Scope, ScopeInput};

/// What one target should have.
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
    /// Who should have an account.
    pub scope: Scope,
    /// What it consists of.
    pub mappings: Vec<MappedAttribute>,
    /// Target paths that identify an account which was there before, in order of precedence.
    pub match_on: Vec<String>,
    /// What may be done.
    pub actions: PolicyActions,
    /// What becomes of accounts of those who are out of scope.
    pub out_of_scope: OutOfScope,
    /// What becomes of leavers.
    pub leaver: LeaverRule,
    /// The target was empty at first sync: create without looking first.
    pub assume_empty: bool,
    /// Whose access is taken away only by a human.
    pub protected: Option<AssignedNames>,
    /// What becomes of accounts at the target that belong to nobody who is known.
    pub orphans: OrphanPolicy,
}

impl UserRules {
    pub(crate) fn protects(&self, seen: &ScopeInput<'_>) -> bool {
        self.protected.as_ref().is_some_and(|list| list.lists(seen))
    }
}

/// Rules for groups.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupRules {
    /// Which groups should exist.
    pub scope: Scope,
    /// What they consist of.
    pub mappings: Vec<MappedAttribute>,
    /// See [`UserRules::match_on`].
    pub match_on: Vec<String>,
    /// See [`UserRules::actions`]; groups cannot be disabled.
    pub actions: PolicyActions,
    /// What becomes of groups that are out of scope.
    pub out_of_scope: OutOfScope,
    /// See [`UserRules::assume_empty`].
    pub assume_empty: bool,
    /// Which groups are deleted only by a human.
    pub protected: Option<AssignedNames>,
}

/// What becomes of the account of somebody, or of a group, that is out of scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfScope {
    /// The account is disabled, the group deleted.
    Disable,
    /// It stays as it is and is not looked after any more; Entra's `SkipOutOfScopeDeletions`.
    Keep,
}

/// What becomes of the account of somebody who left, or whose record was erased at the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaverRule {
    /// What happens first.
    pub action: LeaverAction,
    /// When it happens.
    pub when: LeaverMoment,
    /// Days between the departure and the deletion of the account.
    pub delete_after_days: Option<u32>,
    /// Minutes from the departure, or from the moment it was received, to the proof that the account is off.
    pub objective_minutes: u32,
    /// Days for which the proof is verified again.
    pub verify_days: u32,
}

/// What happens to an account at the departure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaverAction {
    /// It cannot be used any more.
    Disable,
    /// It is deleted: at once, or disabled first when `deleteAfterDays` says so.
    Delete,
    /// Nothing: it stays as mapped while the person is in scope.
    None,
}

/// When a departure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaverMoment {
    /// On its day.
    Effective,
    /// As soon as it is known. Days of grace count from its day all the same.
    AtOnce,
}

impl Policy {
    /// Reads a policy. `file_name` is only used in errors.
    ///
    /// # Errors
    /// When the text is no YAML, has unknown or missing fields, or contradicts itself.
    pub fn parse(yaml: &str, file_name: &str) -> Result<Self, PolicyError> {
        crate::document::read_policy(yaml).map_err(|flaws| flaws.in_file(file_name))
    }

    /// Name of the target.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// What in the file is probably not what was meant.
    pub fn remarks(&self) -> &[PolicyRemark] {
        &self.remarks
    }

    /// Changes whenever the file does: what was decided under another fingerprint must be decided again.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// How many may lose access by one change.
    pub fn guard(&self) -> RemovalGuard {
        self.guard
    }

    /// What becomes of accounts at the target that belong to nobody who is known.
    pub fn orphans(&self) -> &OrphanPolicy {
        &self.users.orphans
    }

    /// What `DefaultDomain()` says in its mappings.
    pub fn default_domain(&self) -> Option<&str> {
        self.default_domain.as_deref()
    }

    /// Rules for accounts.
    pub fn users(&self) -> &UserRules {
        &self.users
    }

    /// Whether the account of a person without a right to it may stay as it is.
    pub fn may_keep_leavers(&self) -> bool {
        let users = &self.users;
        users.leaver.action == LeaverAction::None
            || users.out_of_scope == OutOfScope::Keep
            || !users.actions.disable
    }

    /// Rules for groups; `None` when the policy leaves groups alone.
    pub fn groups(&self) -> Option<&GroupRules> {
        self.groups.as_ref()
    }

    /// Whether it has rules for groups.
    pub fn has_groups(&self) -> bool {
        self.groups.is_some()
    }

    /// Whether group memberships matter for who gets an account, or for which groups exist.
    pub fn uses_groups(&self) -> bool {
        let protects_members = self.users.protected.as_ref().is_some_and(|list| !list.groups.is_empty());
        protects_members || self.scopes().any(Scope::uses_groups)
    }

    /// Whether the names of groups matter for that, and not only their keys.
    pub fn names_groups(&self) -> bool {
        self.uses_groups()
    }

    /// Names of the attributes of managers that scopes or mappings look at.
    pub fn manager_attributes(&self) -> &[String] {
        &self.manager_attributes
    }

    /// Names of the attributes of people that it looks at, in their own scopes and mappings or as their reports' managers.
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
