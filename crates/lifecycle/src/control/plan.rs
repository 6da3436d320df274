//! What a policy would do to everybody, before it does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{OrphanPolicy, PlanId, ResourceKind};

use super::Actor;

/// Asks the mapper to work out what a policy would do. The answer names the plan; it is worked out in the background.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanRequest {
    /// The policy, as YAML.
    pub policy: String,
    /// Name of the file that it is in, for errors.
    pub file: String,
    /// Only this person or group (key, or login name at the target in any case); such a plan cannot be applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// How many changes are listed one by one, at most 10,000; the counts are always of everybody.
    pub changes_max: u32,
    /// Who asks.
    pub actor: Actor,
}

/// How far a plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// It is being worked out.
    Running,
    /// It is there.
    Finished,
    /// It could not be worked out.
    Failed,
}

/// Where a plan is at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// Names it.
    pub id: PlanId,
    /// The target of its policy.
    pub target: String,
    /// How far it is.
    pub state: PlanState,
    /// People and groups evaluated so far.
    pub done: u64,
    /// How many there are.
    pub total: u64,
    /// Why it failed, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The plan, once it is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PolicyPlan>,
}

/// What a policy would do to everybody known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyPlan {
    /// The target.
    pub target: String,
    /// The version in force when it was worked out; `None` when the target has no policy yet.
    pub base_version: Option<i64>,
    /// Accounts.
    pub users: PlanCounts,
    /// Groups.
    pub groups: PlanCounts,
    /// Memberships that would be told because their group comes to exist.
    pub memberships: u64,
    /// How many accounts or groups would get another value, by SCIM attribute path.
    pub attributes: BTreeMap<String, u64>,
    /// How many accounts or groups have no value for an attribute because its mapping fails, or cannot be built for want of
    /// it, by SCIM attribute path.
    #[serde(default)]
    pub failures: BTreeMap<String, u64>,
    /// How many of them have it with this policy, and not with the one in force.
    #[serde(default)]
    pub newly_failing: u64,
    /// Thresholds of the policy that the plan exceeds.
    pub guard: Vec<GuardTrip>,
    /// Thresholds of the policy that what the plan creates and switches on exceeds; none for the first policy of a target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants_guard: Vec<GrantsTrip>,
    /// The first changes, in order of kind and key.
    pub changes: Vec<PlannedChange>,
    /// How many more changes there are.
    pub more: u64,
    /// What becomes of accounts of nobody at the next comparison of the target, if the policy in force says something else.
    /// How many there are, only a comparison knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orphans: Option<OrphanPolicy>,
}

/// How many of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlanCounts {
    /// Evaluated.
    pub evaluated: u64,
    /// Would be created, or adopted if the target has it already: a plan does not read the target.
    pub create: u64,
    /// Would be adopted if the target has it already; not created, because the policy forbids that.
    pub adopt: u64,
    /// Would get other attributes.
    pub update: u64,
    /// Would be switched on again.
    pub enable: u64,
    /// Would be switched off.
    pub disable: u64,
    /// Would be deleted.
    pub delete: u64,
    /// Stay as they are.
    pub unchanged: u64,
    /// Cannot be built, for instance because a required attribute has no value.
    pub impossible: u64,
    /// Come into scope.
    pub into_scope: u64,
    /// Fall out of scope.
    pub out_of_scope: u64,
}

impl PlanCounts {
    /// How many lose access.
    pub fn removals(&self) -> u64 {
        self.disable + self.delete
    }

    /// How many may get access: created, found and adopted, or switched on again.
    pub fn grants(&self) -> u64 {
        self.create + self.adopt + self.enable
    }

    /// How many change.
    pub fn changes(&self) -> u64 {
        self.create + self.adopt + self.update + self.enable + self.disable + self.delete
    }
}

impl PolicyPlan {
    /// Whether applying it would change anything.
    pub fn changes_anything(&self) -> bool {
        self.users.changes() + self.groups.changes() + self.memberships > 0 || self.orphans.is_some()
    }

    /// Whether somebody should look before it is applied: it changes something, or mappings fail that did not.
    pub fn needs_a_look(&self) -> bool {
        self.changes_anything() || self.newly_failing > 0
    }

    /// How many accounts and groups lose access.
    pub fn removals(&self) -> u64 {
        self.users.removals() + self.groups.removals()
    }

    /// How many people may get an account, or have theirs switched on again.
    pub fn grants(&self) -> u64 {
        self.users.grants()
    }
}

/// A threshold that a plan exceeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GuardTrip {
    /// The threshold, as it stands in the policy (`guard.deletions: 500`).
    pub threshold: String,
    /// How many accounts and groups would lose access.
    pub removals: u64,
    /// Of how many that have it now.
    pub of: u64,
}

/// A threshold that what a plan creates and switches on exceeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantsTrip {
    /// The threshold, as it stands in the policy (`guard.deletions: 500`).
    pub threshold: String,
    /// How many accounts would be created or switched on again.
    pub grants: u64,
    /// Beside how many accounts and groups that have access now.
    pub of: u64,
}

/// What would happen to one account or group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedAction {
    /// Created, or adopted if the target has it already: a plan does not read the target.
    Create,
    /// Adopted if the target has it already; not created, because the policy forbids that.
    Adopt,
    /// Gets other attributes.
    Update,
    /// Switched on again.
    Enable,
    /// Switched off.
    Disable,
    /// Deleted.
    Delete,
    /// Nothing.
    None,
}

impl PlannedAction {
    /// The name used in the API and in the plan.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Adopt => "adopt",
            Self::Update => "update",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::None => "none",
        }
    }
}

/// How the scope changes for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeChange {
    /// Comes into scope.
    Into,
    /// Falls out of scope.
    OutOf,
}

/// What would happen to one account or group, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedChange {
    /// User or group.
    pub kind: ResourceKind,
    /// Key of the person or group.
    pub subject: String,
    /// Login name or display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What would happen.
    pub action: PlannedAction,
    /// The clause or rule that decides it.
    pub reason: String,
    /// How the scope changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeChange>,
    /// The attributes that get another value, in order of path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AttributeChange>,
}

/// Another value of one attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttributeChange {
    /// SCIM attribute path.
    pub path: String,
    /// What was asked for before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What would be asked for; absent when the value is cleared, or the attribute left alone from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// The attribute is not mapped any more: its value stays, and is left alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
    /// It is written when the account or group is created, and not to one that is there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_creation: bool,
}
