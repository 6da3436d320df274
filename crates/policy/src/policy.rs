//! A policy that was read and found to be consistent.

use crate::error::PolicyError;
use crate::mapping::Mapping;
use crate::scope::Scope;

/// What one target should have.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub(crate) target: String,
    pub(crate) fingerprint: String,
    pub(crate) users: UserRules,
    pub(crate) groups: Option<GroupRules>,
}

/// Rules for accounts.
#[derive(Debug, Clone, PartialEq)]
pub struct UserRules {
    /// Who should have an account.
    pub scope: Scope,
    /// What it consists of.
    pub mappings: Vec<Mapping>,
    /// Target paths that identify an account which was there before, in order of precedence.
    pub match_on: Vec<String>,
    /// What becomes of leavers.
    pub leaver: LeaverRule,
    /// The target was empty at first sync: create without looking first.
    pub assume_empty: bool,
}

/// Rules for groups.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupRules {
    /// Which groups should exist.
    pub scope: Scope,
    /// What they consist of.
    pub mappings: Vec<Mapping>,
    /// See [`UserRules::match_on`].
    pub match_on: Vec<String>,
    /// See [`UserRules::assume_empty`].
    pub assume_empty: bool,
}

/// What becomes of the account of somebody who left, or whose record was erased at the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaverRule {
    /// What happens at once.
    pub action: LeaverAction,
    /// Days between the departure and the deletion of the account.
    pub delete_after_days: Option<u32>,
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

impl Policy {
    /// Reads a policy. `file_name` is only used in errors.
    ///
    /// # Errors
    /// When the text is no YAML, has unknown or missing fields, or contradicts itself.
    pub fn parse(yaml: &str, file_name: &str) -> Result<Self, PolicyError> {
        crate::document::read(yaml).map_err(|flaw| flaw.in_file(file_name))
    }

    /// Name of the target.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Changes whenever the file does: what was decided under another fingerprint must be decided again.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Rules for accounts.
    pub fn users(&self) -> &UserRules {
        &self.users
    }

    /// Rules for groups; `None` when the policy leaves groups alone.
    pub fn groups(&self) -> Option<&GroupRules> {
        self.groups.as_ref()
    }

    /// Whether it has rules for groups.
    pub fn has_groups(&self) -> bool {
        self.groups.is_some()
    }

    /// Whether group memberships matter for who gets an account.
    pub fn uses_groups(&self) -> bool {
        self.users.scope.uses_groups()
    }
}
