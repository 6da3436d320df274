//! Plans, policies and provisioning on demand.

use lifecycle::{ExplainedPerson, PreviewReply, ProvisionReply};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::status::ServiceProblem;

/// Body of `POST /v1/plans`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartPlan {
    /// The policy, as YAML; at most 256 KiB.
    #[serde(default)]
    pub policy: String,
    /// Name of the policy's file, for error messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Limits the plan to one person or group (key, or login name at the target in any case). Such a plan cannot be applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Maximum number of changes listed individually: at most 10,000, 100 by default. The counts always include all people and
    /// groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_max: Option<u32>,
}

/// Body of `POST /v1/policies/apply`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplyRequestBody {
    /// Id of the plan (`pln_...`) whose policy is applied. The plan must be finished, include all people, and be based on the
    /// version that is still in force.
    #[serde(default)]
    pub plan: String,
    /// Number of accounts and groups that may lose access although the plan exceeds a threshold of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_deletes: Option<u64>,
    /// Number of accounts that may be created or enabled again although the plan exceeds a threshold of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_grants: Option<u64>,
    /// Reason, recorded with the version. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/provision`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProvisionRequestBody {
    /// Key of the person or group, or the person's login name at the target in any case.
    #[serde(default)]
    pub person: String,
    /// Name of the target.
    #[serde(default)]
    pub target: String,
    /// Reports the actions without carrying them out.
    #[serde(default)]
    pub dry_run: bool,
    /// Reason, recorded in the timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Response of `POST /v1/provision`. It contains personal data.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionAnswer {
    /// Import and scope: the known values, each clause of the scope with the value that it saw, the result of each mapping, the
    /// desired state at the target (`desired`) and the last requested state (`askedFor`).
    pub explained: ExplainedPerson,
    /// Match and action: the search at the target, its result, and the request that the writer would send. Absent if nothing is
    /// desired or linked, or if the lookup failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<PreviewReply>,
    /// Reason why the lookup at the target failed. Nothing was queued in that case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_problem: Option<ServiceProblem>,
    /// The queued work; absent after a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<QueuedProvision>,
}

/// Work queued by provisioning on demand. `GET /v1/targets/{target}/{kind}/{subject}` returns its progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueuedProvision {
    /// `queued` is true if the mapper sent a command; `revision` is that of the desired state, 0 if there is none.
    pub mapper: ProvisionReply,
    /// `queued` is true if the writer processes the resource now; `revision` is the one that it knew at that time. Absent if there
    /// is no desired state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<ProvisionReply>,
}
