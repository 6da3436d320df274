//! Plans: the effect of a policy on all people, computed before the policy is applied.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{OrphanPolicy, PlanId, ResourceKind};

use super::Actor;

/// Asks the mapper to compute the effect of a policy. The answer names the plan, which is computed in the background.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanRequest {
    /// The policy, as YAML.
    pub policy: String,
    /// The name of the policy's file, for error messages.
    pub file: String,
    /// Only this person or group (key, or login name at the target in any case). Such a plan cannot be applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The maximum number of changes that are listed one by one, at most 10,000. The counts always cover all people.
    pub changes_max: u32,
    /// The operator and the reason.
    pub actor: Actor,
}

/// The progress of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// The plan is being computed.
    Running,
    /// The plan is complete.
    Finished,
    /// The plan could not be computed.
    Failed,
}

/// The status of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// The id of the plan.
    pub id: PlanId,
    /// The target of its policy.
    pub target: String,
    /// The progress of the plan.
    pub state: PlanState,
    /// The number of people and groups evaluated so far.
    pub done: u64,
    /// The number of people and groups to evaluate.
    pub total: u64,
    /// The reason why the plan failed, with the recommended action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The plan, once it is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PolicyPlan>,
}

/// The effect of a policy on all known people and groups.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PolicyPlan {
    /// The target.
    pub target: String,
    /// The version in force when the plan was computed; `None` if the target had no policy.
    pub base_version: Option<i64>,
    /// The changes of accounts.
    pub users: PlanCounts,
    /// The changes of groups.
    pub groups: PlanCounts,
    /// The number of memberships that would be sent because their group is created.
    pub memberships: u64,
    /// The number of accounts or groups that would get another value, by SCIM attribute path.
    pub attributes: BTreeMap<String, u64>,
    /// The number of accounts or groups that have no value for an attribute because its mapping fails, or that cannot
    /// be built without it, by SCIM attribute path.
    #[serde(default)]
    pub failures: BTreeMap<String, u64>,
    /// The number of those that fail with this policy, but not with the one in force.
    #[serde(default)]
    pub newly_failing: u64,
    /// The number of people and groups that the plan does not contain, because their stored state cannot be read. They
    /// are listed in the quarantine.
    #[serde(default, skip_serializing_if = "crate::control::leavers::is_zero")]
    pub unreadable: u64,
    /// The thresholds of the policy that the plan's removals exceed.
    pub guard: Vec<GuardTrip>,
    /// The thresholds of the policy that the plan's grants exceed; empty for the first policy of a target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants_guard: Vec<GrantsTrip>,
    /// The first changes, in order of kind and key.
    pub changes: Vec<PlannedChange>,
    /// The number of further changes.
    pub more: u64,
    /// The policy for orphan accounts at the next reconciliation of the target, if the policy in force differs. Only
    /// a reconciliation knows how many orphans there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orphans: Option<OrphanPolicy>,
}

/// The number of accounts or groups by change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct PlanCounts {
    /// The number of people or groups that were evaluated.
    pub evaluated: u64,
    /// The number that would be created, or adopted if the target already has them: a plan does not read the target.
    pub create: u64,
    /// The number that would be adopted if the target already has them. They are not created, because the policy
    /// forbids that.
    pub adopt: u64,
    /// The number that would get other attributes.
    pub update: u64,
    /// The number that would be switched on again.
    pub enable: u64,
    /// The number that would be switched off.
    pub disable: u64,
    /// The number that would be deleted.
    pub delete: u64,
    /// The number that stay as they are.
    pub unchanged: u64,
    /// The number that cannot be built, for instance because a required attribute has no value.
    pub impossible: u64,
    /// The number that come into scope.
    pub into_scope: u64,
    /// The number that fall out of scope.
    pub out_of_scope: u64,
}

impl PlanCounts {
    /// Returns the number of accounts or groups that lose access.
    pub fn removals(&self) -> u64 {
        self.disable + self.delete
    }

    /// Returns the number that may get access: created, found and adopted, or switched on again.
    pub fn grants(&self) -> u64 {
        self.create + self.adopt + self.enable
    }

    /// Returns the number of accounts or groups that change.
    pub fn changes(&self) -> u64 {
        self.create + self.adopt + self.update + self.enable + self.disable + self.delete
    }
}

impl PolicyPlan {
    /// Returns whether applying the plan would change anything.
    pub fn changes_anything(&self) -> bool {
        self.users.changes() + self.groups.changes() + self.memberships > 0 || self.orphans.is_some()
    }

    /// Returns whether an operator should review the plan: it changes something, or makes mappings fail that did not
    /// fail before.
    pub fn needs_a_look(&self) -> bool {
        self.changes_anything() || self.newly_failing > 0
    }

    /// Returns the number of accounts and groups that lose access.
    pub fn removals(&self) -> u64 {
        self.users.removals() + self.groups.removals()
    }

    /// Returns the number of people who may get an account, or whose account may be switched on again.
    pub fn grants(&self) -> u64 {
        self.users.grants()
    }
}

/// A threshold that a plan's removals exceed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct GuardTrip {
    /// The threshold, as the policy states it (`guard.deletions: 500`).
    pub threshold: String,
    /// The number of accounts and groups that would lose access.
    pub removals: u64,
    /// The number of accounts and groups that have access now.
    pub of: u64,
}

/// A threshold that a plan's grants exceed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct GrantsTrip {
    /// The threshold, as the policy states it (`guard.deletions: 500`).
    pub threshold: String,
    /// The number of accounts that would be created or switched on again.
    pub grants: u64,
    /// The number of accounts and groups that have access now.
    pub of: u64,
}

/// The change of one account or group in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PlannedAction {
    /// Created, or adopted if the target already has it: a plan does not read the target.
    Create,
    /// Adopted if the target already has it; not created, because the policy forbids that.
    Adopt,
    /// Gets other attributes.
    Update,
    /// Switched on again.
    Enable,
    /// Switched off.
    Disable,
    /// Deleted.
    Delete,
    /// Stays as it is.
    None,
}

impl PlannedAction {
    /// Returns the name used in the API and in the plan.
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

/// The change of scope of a person or group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScopeChange {
    /// Comes into scope.
    Into,
    /// Falls out of scope.
    OutOf,
}

/// The planned change of one account or group, with its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlannedChange {
    /// The kind: user or group.
    pub kind: ResourceKind,
    /// The key of the person or group.
    pub subject: String,
    /// The login name or display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The change.
    pub action: PlannedAction,
    /// The clause or rule that decides the change.
    pub reason: String,
    /// The change of scope, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeChange>,
    /// The attributes that get another value, in order of path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AttributeChange>,
}

/// A planned change of one attribute's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AttributeChange {
    /// The SCIM attribute path.
    pub path: String,
    /// The desired value before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The desired value; absent if the value is cleared, or if the attribute is left alone from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// `true` if the attribute is not mapped any more: its value stays, and Usher leaves it alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
    /// `true` if the value is written only when the account or group is created, and not to an existing one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_creation: bool,
}
