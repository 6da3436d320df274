//! Provisioning one person or group on demand: import, scope, match, action.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AttributeMap, DesiredState, ResourceKind};

use super::Actor;

/// Asks the mapper what it knows of a person or group and what the policy of a target makes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainRequest {
    /// Key of the person or group, or the person's login name at the target in any case.
    pub subject: String,
    /// The target.
    pub target: String,
}

/// What the mapper knows and decides. Holds personal data: it is answered to an operator and kept nowhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedPerson {
    /// Key of the person or group.
    pub subject: String,
    /// User or group.
    pub kind: ResourceKind,
    /// The target.
    pub target: String,
    /// Version of the policy.
    pub policy_version: i64,
    /// `active`, `left`, `deleted`, `unknown`; for groups `exists` or `absent`.
    pub employment: String,
    /// What is known, by name.
    pub attributes: AttributeMap,
    /// Names (or keys) of the groups that it is in, nested ones included.
    pub groups: Vec<String>,
    /// Whether the scope holds.
    pub in_scope: bool,
    /// Every clause of the scope that was looked at.
    pub clauses: Vec<ClauseResult>,
    /// The rule that decided, in words.
    pub reason: String,
    /// What each mapping gives.
    pub mappings: Vec<MappingResult>,
    /// What should be true at the target; `None` when there is nothing to be said.
    pub desired: Option<DesiredState>,
    /// What was last asked for; `None` when nothing ever was.
    pub asked_for: Option<DesiredState>,
    /// For groups: the members, at most 1,000 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberResult>,
    /// For groups: how many members there are.
    #[serde(default)]
    pub members_total: u64,
}

/// How one clause of a scope was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClauseResult {
    /// The alternative that it belongs to, from 1.
    pub alternative: u32,
    /// The clause, as a policy writes it.
    pub clause: String,
    /// Whether it holds.
    pub holds: bool,
    /// The value that it saw.
    pub saw: String,
}

/// What one mapping gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MappingResult {
    /// SCIM attribute path.
    pub path: String,
    /// The mapping's source, as a policy writes it.
    pub from: String,
    /// `set`, `create_only`, `clear`, `left_alone` or `error`.
    pub effect: String,
    /// The value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Why there is none, if that needs saying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How an expression came to its value: a tree of `text`, `value` and `parts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Value>,
}

/// One member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberResult {
    /// Key of the person.
    pub member: String,
    /// Whether they are in the group.
    pub present: bool,
    /// What was last asked for: the state of their account at the target (`active`, ...), if there is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// Asks the writer to look at the target, and to say what it would send. Nothing is changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviewRequest {
    /// The target.
    pub target: String,
    /// Key of the person or group.
    pub subject: String,
    /// What should be true.
    pub desired: DesiredState,
}

/// What the writer found, and would send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviewReply {
    /// How it was looked for, step by step.
    pub steps: Vec<PreviewStep>,
    /// `linked`, `found`, `nothing` or `foreign`.
    pub matched: String,
    /// The remote id of what was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// What would be done.
    pub action: PlannedOperation,
}

/// One request that was sent to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviewStep {
    /// Method and path with its query, values redacted where they are secret.
    pub request: String,
    /// HTTP status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What came of it, in words.
    pub found: String,
}

/// What the writer would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedOperation {
    /// `create`, `adopt`, `update`, `enable`, `disable`, `delete`, `add_member`, `remove_member`, `none`, `wait`, `conflict` or
    /// `forbidden` (by the policy's actions).
    pub action: String,
    /// In words, where that needs saying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Method and path of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Its body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// Asks the mapper to decide about somebody again now, or the writer to make the target agree now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionRequest {
    /// The target.
    pub target: String,
    /// User or group; a group's memberships are made to agree as well.
    pub kind: ResourceKind,
    /// Key of the person or group.
    pub subject: String,
    /// Who, and why.
    pub actor: Actor,
}

/// Answer to [`ProvisionRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionReply {
    /// Mapper: whether a command was sent. Writer: whether there is a row that will be looked at now.
    pub queued: bool,
    /// Mapper: the revision of the desired state, 0 when there is none. Writer: the revision that will be applied.
    pub revision: i64,
}

/// Asks the writer how far one account or group is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RowRequest {
    /// The target.
    pub target: String,
    /// User or group.
    pub kind: ResourceKind,
    /// Key of the person or group.
    pub subject: String,
}

/// How far one account or group is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RowReply {
    /// `in_sync`, `pending`, `retrying`, `conflict`, `dead`; `None` when the writer has never heard of it.
    pub status: Option<String>,
    /// The desired revision.
    pub revision: i64,
    /// The revision that is in force at the target.
    pub applied_revision: i64,
    /// Id at the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// For groups: memberships that are not in sync yet.
    #[serde(default)]
    pub memberships_pending: u64,
}
