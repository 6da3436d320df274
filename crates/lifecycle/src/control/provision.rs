//! Provisioning of one person or group on demand: import, scope, match, action.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AttributeMap, DesiredState, ResourceKind};

use super::Actor;

/// Asks the mapper to explain its knowledge of a person or group, and the result of the target's policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainRequest {
    /// The key of the person or group, or the person's login name at the target in any case.
    pub subject: String,
    /// The target.
    pub target: String,
}

/// The mapper's knowledge and decisions about one person or group. It contains personal data: it is sent to an
/// operator and not stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExplainedPerson {
    /// The key of the person or group.
    pub subject: String,
    /// The kind: user or group.
    pub kind: ResourceKind,
    /// The target.
    pub target: String,
    /// The version of the policy.
    pub policy_version: i64,
    /// `active`, `left`, `deleted` or `unknown`; for groups `exists` or `absent`.
    pub employment: String,
    /// The known attributes, by name.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub attributes: AttributeMap,
    /// The names (or keys) of the groups of the person or group, including nested ones.
    pub groups: Vec<String>,
    /// `true` if the policy's scope matches.
    pub in_scope: bool,
    /// Every clause of the scope that was evaluated.
    pub clauses: Vec<ClauseResult>,
    /// A description of the rule that decided.
    pub reason: String,
    /// The result of each mapping.
    pub mappings: Vec<MappingResult>,
    /// The desired state at the target; `None` if the policy asks for nothing.
    pub desired: Option<DesiredState>,
    /// The last desired state that was sent; `None` if none was ever sent.
    pub asked_for: Option<DesiredState>,
    /// For groups, the members, at most 1,000 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberResult>,
    /// For groups, the number of members.
    #[serde(default)]
    pub members_total: u64,
}

/// The result of one clause of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClauseResult {
    /// The number of the alternative that the clause belongs to, counted from 1.
    pub alternative: u32,
    /// The clause, as a policy writes it.
    pub clause: String,
    /// `true` if the clause matches.
    pub holds: bool,
    /// The value that the clause evaluated.
    pub saw: String,
}

/// The result of one mapping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MappingResult {
    /// The SCIM attribute path.
    pub path: String,
    /// The mapping's source, as a policy writes it.
    pub from: String,
    /// `set`, `create_only`, `clear`, `left_alone` or `error`.
    pub effect: String,
    /// The value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The reason why there is no value, if it is not obvious.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The evaluation of an expression: a tree of `text`, `value` and `parts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Value>,
}

/// One member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemberResult {
    /// The key of the person.
    pub member: String,
    /// `true` if the person is in the group.
    pub present: bool,
    /// The last desired state of the person's account at the target (`active`, ...), if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// Asks the writer to read the target and report the request that it would send. Nothing is changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviewRequest {
    /// The target.
    pub target: String,
    /// The key of the person or group.
    pub subject: String,
    /// The desired state.
    pub desired: DesiredState,
}

/// The writer's findings, and the request that it would send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PreviewReply {
    /// The steps of the search.
    pub steps: Vec<PreviewStep>,
    /// `linked`, `found`, `nothing` or `foreign`.
    pub matched: String,
    /// The remote id of the resource that was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// The operation that the writer would carry out.
    pub action: PlannedOperation,
}

/// One request of a search or check at a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PreviewStep {
    /// Method and path with the query. Secret values are redacted.
    pub request: String,
    /// The HTTP status, if there was a response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// A description of the result.
    pub found: String,
}

/// The operation that the writer would carry out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlannedOperation {
    /// `create`, `adopt`, `update`, `enable`, `disable`, `delete`, `add_member`, `remove_member`, `none`, `wait`,
    /// `conflict`, `held` (on the never list, or to be linked by an operator) or `forbidden` (by the policy's actions).
    pub action: String,
    /// The reason, if it is not obvious.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Method and path of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The body of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// Asks the mapper to decide about a person or group again now, or the writer to make the target agree now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionRequest {
    /// The target.
    pub target: String,
    /// The kind: user or group. For a group, memberships are made to agree as well.
    pub kind: ResourceKind,
    /// The key of the person or group.
    pub subject: String,
    /// The operator and the reason.
    pub actor: Actor,
}

/// The answer to a [`ProvisionRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProvisionReply {
    /// Mapper: `true` if a command was sent. Writer: `true` if there is a row, which is processed now.
    pub queued: bool,
    /// Mapper: the revision of the desired state, 0 if there is none. Writer: the revision that will be applied.
    pub revision: i64,
}

/// Asks the writer for the status of one account or group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RowRequest {
    /// The target.
    pub target: String,
    /// The kind: user or group.
    pub kind: ResourceKind,
    /// The key of the person or group.
    pub subject: String,
}

/// The status of one account or group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RowReply {
    /// `in_sync`, `pending`, `retrying`, `conflict` or `dead`; `None` if the writer does not know the resource.
    pub status: Option<String>,
    /// The desired revision.
    pub revision: i64,
    /// The revision that is in force at the target.
    pub applied_revision: i64,
    /// The id at the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// The last error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// For groups, the number of memberships that are not in sync yet.
    #[serde(default)]
    pub memberships_pending: u64,
}
